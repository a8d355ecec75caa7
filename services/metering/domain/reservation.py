"""Reservations: usage that is held for a while, and how it ends. It ends once: committed, released, or by lapsing."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final

from kernel.quantity import ZERO
from metering.domain.series import Series
from metering.domain.tracker import Window

# The contract's bounds. Whoever looks for lapsed ones once in the shortest time meets each before it lapses.
SHORTEST: Final = timedelta(seconds=1)
LONGEST: Final = timedelta(hours=24)
# Open ones of one customer's feature: when they lapse together, one transaction ends them all, in a tenth of a second.
MOST_OPEN: Final = 10_000
# How long an ended one is remembered, for those who repeat what they did to it, or its key.
KEPT: Final = timedelta(days=1)
MAX_SETTLEMENTS: Final = 1_000


class Ending(StrEnum):
    """How a reservation ended."""

    COMMITTED = "COMMITTED"
    RELEASED = "RELEASED"
    LAPSED = "LAPSED"


@dataclass(frozen=True, slots=True)
class Held:
    """What the caller who reserves is told.

    Attributes:
        id: The reservation's.
        expire_time: When it lapses, in real time.
    """

    id: str
    expire_time: datetime


@dataclass(frozen=True, slots=True)
class Reservation:
    """Usage that is held, or was.

    Attributes:
        series: What it concerns; one that names a resource holds for the customer as a whole, too.
        idempotency_key: Of the report that made it.
        time: When it counts: it belongs to the periods of that time, whenever it is committed.
        value: How much it holds, above 0.
        ending: None: it is open.
        committed: How much was written at its end.
    """

    id: str
    series: Series
    idempotency_key: str
    time: datetime
    value: Decimal
    expire_time: datetime
    ending: Ending | None = None
    committed: Decimal = ZERO

    @property
    def held(self) -> Held:
        """As its maker is told of it."""
        return Held(self.id, self.expire_time)

    def has_lapsed(self, now: datetime) -> bool:
        """Whether it is open only because nobody has looked since."""
        return self.ending is None and self.expire_time <= now


@dataclass(frozen=True, slots=True)
class Settlement:
    """Ends a reservation.

    Attributes:
        release: Whether all of it is free again; else it is committed.
        value: How much is committed; None: all that is reserved.
    """

    customer_id: str
    reservation_id: str
    release: bool
    value: Decimal | None = None


class SettlementVerdict(StrEnum):
    """What was decided of a settlement."""

    COMMITTED = "COMMITTED"
    RELEASED = "RELEASED"
    LAPSED = "LAPSED"
    SETTLED_OTHERWISE = "SETTLED_OTHERWISE"
    UNKNOWN = "UNKNOWN"
    ABOVE_RESERVED = "ABOVE_RESERVED"


@dataclass(frozen=True, slots=True)
class SettlementOutcome:
    """What a caller is told.

    Attributes:
        window: That the reservation was decided in, after the settlement; None where there is no such reservation.
        reserved: What the reservation held.
        written: What was written, now or before.
    """

    verdict: SettlementVerdict
    window: Window | None = None
    reserved: Decimal = ZERO
    written: Decimal = ZERO


def judge(reservation: Reservation, settlement: Settlement) -> SettlementVerdict:
    """What becomes of a settlement of a reservation that is known to be open or to have ended; the same again gives the same."""
    wanted = reservation.value if settlement.value is None else settlement.value
    match reservation.ending:
        case None if settlement.release:
            return SettlementVerdict.RELEASED
        case None:
            above = wanted > reservation.value
            return SettlementVerdict.ABOVE_RESERVED if above else SettlementVerdict.COMMITTED
        case Ending.COMMITTED:
            same = not settlement.release and wanted == reservation.committed
            return SettlementVerdict.COMMITTED if same else SettlementVerdict.SETTLED_OTHERWISE
        case Ending.RELEASED:
            return SettlementVerdict.RELEASED if settlement.release else SettlementVerdict.SETTLED_OTHERWISE
        case Ending.LAPSED:
            return SettlementVerdict.RELEASED if settlement.release else SettlementVerdict.LAPSED
