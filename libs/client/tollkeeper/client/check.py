"""Many checks in one call."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from tollkeeper.client.consistency import MAX_TOKENS, Tokens
from tollkeeper.client.decision import Decision, decision_from_proto
from tollkeeper.client.wire import decimal_to_proto
from tollkeeper.entitlements.v1 import entitlements_service_pb2 as pb


@dataclass(frozen=True, slots=True)
class Check:
    """A pair of customer and feature, with what is wanted of it.

    Attributes:
        requested_usage: For a metered feature: how much more; None: 1.
        requested_values: For an enum feature: all of these; none: any.
    """

    customer_id: str
    feature_id: str
    requested_usage: Decimal | int | None = None
    requested_values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CheckFailure:
    """A check of a batch that could not be decided; its truth is no, like a refusal's.

    Attributes:
        reason: For programs: "DEPENDENCY_UNAVAILABLE".
        message: A sentence for people.
    """

    reason: str
    message: str

    def __bool__(self) -> bool:
        """Nothing is granted by it."""
        return False


def portions(checks: Sequence[Check], memory: Tokens | None) -> Iterator[tuple[tuple[str, ...], Sequence[Check]]]:
    """The checks in their order, cut so that the customers of each part have at most 16 tokens."""
    tokens: dict[str, None] = {}
    some: list[Check] = []
    for check in checks:
        needed = dict.fromkeys(memory.of(check.customer_id)) if memory is not None else {}
        if some and len(tokens | needed) > MAX_TOKENS:
            yield tuple(tokens), some
            tokens, some = {}, []
        tokens |= needed
        some.append(check)
    yield tuple(tokens), some


def check_to_proto(check: Check) -> pb.EntitlementCheck:
    """One check of a batch."""
    return pb.EntitlementCheck(
        customer_id=check.customer_id,
        feature_id=check.feature_id,
        requested_usage="" if check.requested_usage is None else decimal_to_proto(check.requested_usage),
        requested_values=check.requested_values,
    )


def result_from_proto(result: pb.EntitlementCheckResult) -> Decision | CheckFailure:
    """The answer to one check of a batch."""
    if result.WhichOneof("result") == "failure":
        return CheckFailure(result.failure.reason, result.failure.message)
    return decision_from_proto(result.decision)
