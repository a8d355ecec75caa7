"""What the transactions of reports find stored: accounts, and what keys were used for."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TypeAlias

from metering.domain.report import Content
from metering.domain.reservation import Reservation
from metering.domain.tracker import Span

# A customer and an idempotency key.
Key: TypeAlias = tuple[str, str]
# A customer and the id of a reservation.
ReservationKey: TypeAlias = tuple[str, str]
# Value, what is reserved beside it, and revision.
Stored: TypeAlias = tuple[Decimal, Decimal, int]


@dataclass(slots=True)
class Account:
    """What stands in the row of a series, by which it is locked. Not frozen: it changes with each report.

    Attributes:
        limit_revision: The newest entitlement revision that a ceiling was shown with.
        tracker_count: How many trackers count it.
        open_reservations: How many the customer holds of the feature; of the customer as a whole only, as the next.
        next_lapse: None of them lapses before; None where none is open.
        limits_version: Another number with each change of the limits over its trackers; 0: there are none.
    """

    limit_revision: int = 0
    tracker_count: int = 0
    open_reservations: int = 0
    next_lapse: datetime | None = None
    limits_version: int = 0


@dataclass(frozen=True, slots=True)
class FirstOutcome:
    """What a key was used for, and what its report was answered.

    Attributes:
        tracker_id: Whose window was answered.
        previous: The window's value before the report.
        value: After it.
        reserved: What reservations held of the window after it.
        written: By how much usage changed.
        reservation: What was held, where it was; None also for one that is forgotten.
    """

    content: Content
    tracker_id: int
    span: Span
    previous: Decimal
    value: Decimal
    reserved: Decimal
    revision: int
    written: Decimal
    reservation: Reservation | None = None
