"""Raw events as they are read back, which of them are asked for, and those that were taken back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from kernel.errors import TollkeeperError, precondition
from metering.domain.meter import Dimensions, Meter
from metering.domain.value import DimensionValue

# The contract's bounds.
MAX_FILTERED_DIMENSIONS: Final = 10
MAX_RETRACTED: Final = 1_000
MAX_REASON_LENGTH: Final = 500


class EventKey(NamedTuple):
    """Names an event."""

    customer_id: str
    idempotency_key: str


@dataclass(frozen=True, slots=True)
class Event:
    """Something a customer did, as a fact."""

    event_name: str
    customer_id: str
    idempotency_key: str
    resource_id: str
    time: datetime
    dimensions: Dimensions


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events are asked for.

    Attributes:
        event_name: Empty: of every name.
        start: At or after; None: from the first.
        end: Before; None: to the last.
        resource_id: Empty: whatever they name.
        feature_id: Only events that its meter counts or skips; empty: all.
        dimensions: What they must have, with these values.
    """

    customer_id: str
    event_name: str
    start: datetime | None
    end: datetime | None
    resource_id: str
    feature_id: str
    dimensions: Mapping[str, DimensionValue]


@dataclass(frozen=True, slots=True)
class Retraction:
    """A key whose event was taken back.

    Attributes:
        time: When, in real time.
        event: As it counted; None if it had not come, or was let go since.
    """

    customer_id: str
    idempotency_key: str
    time: datetime
    reason: str
    event: Event | None


@dataclass(frozen=True, slots=True)
class Retracted:
    """What became of keys that were taken back.

    Attributes:
        counted: Events that counted until now.
        pending: Keys whose events have not come.
        repeated: Keys that were taken back before.
        revision: At least that of every window that counted one of the events.
    """

    counted: int
    pending: int
    repeated: int
    revision: int


def meter_required(feature_id: str, meter: Meter | None) -> Meter:
    """The meter of a feature.

    Raises:
        TollkeeperError: `FEATURE_HAS_NO_METER`.
    """
    if meter is None:
        raise precondition(
            "FEATURE_HAS_NO_METER",
            f"No meter counts events for {feature_id}. Name a feature that is metered by events.",
            feature_id=feature_id,
        ).at("feature_id")
    return meter


def expired(rows: Sequence[int], keys: Sequence[EventKey]) -> TollkeeperError:
    """`EVENT_EXPIRED`: the events of these rows of the request, at least one, were let go."""
    customer_id, key = keys[rows[0]]
    message = (
        f"The raw event {key} of {customer_id} is older than what is kept: what it counted for stands. Leave it out."
    )
    return precondition("EVENT_EXPIRED", message, customer_id=customer_id, idempotency_key=key).at(
        *(f"keys[{row}]" for row in rows[:100])
    )
