"""What the answers to a process's own reports tell of usage, before the stream does."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from tollkeeper.client.decision import Decision
from tollkeeper.client.wire import Period


@dataclass(frozen=True, slots=True)
class OwnUsage:
    """Usage as it was answered after an own write.

    Attributes:
        usage: In the usage period, what reservations hold included.
        usage_period: None: usage never resets.
    """

    customer_id: str
    feature_id: str
    usage: Decimal
    usage_period: Period | None


Listener = Callable[[OwnUsage], None]


def own_usage(customer_id: str, decision: Decision) -> OwnUsage | None:
    """What the decision on a write tells; None where it tells nothing of usage."""
    if decision.usage is None:
        return None
    return OwnUsage(customer_id, decision.feature_id, decision.usage, decision.usage_period)
