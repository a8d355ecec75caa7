"""What callers ask for, well formed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final

from entitlements.domain.decision import Decision
from entitlements.domain.usage import Window
from kernel.quantity import ZERO
from kernel.recurrence import Recurrence
from kernel.token import FactKind

# How much more of a metered feature a bare check wants.
ONE: Final = Decimal(1)


@dataclass(frozen=True, slots=True)
class Freshness:
    """How fresh an answer must be.

    Attributes:
        usage: The metering revisions it must include, each for itself: the greatest does not imply the others.
        facts: The revision of each control thing that it must include.
        current: It must include everything acknowledged before the call.
    """

    usage: frozenset[int] = frozenset()
    facts: Mapping[tuple[FactKind, str], int] | None = None
    current: bool = False


@dataclass(slots=True)
class Check:
    """Asks whether a customer may use a feature. Not frozen, because one is made for each check, a thousand for a batch.

    Attributes:
        requested: For a metered feature: how much more is wanted.
        values: For an enum feature: the values wanted.
        is_bare: Whether nothing was said but whom it is about and what.
    """

    customer_id: str
    feature_id: str
    requested: Decimal = ONE
    values: tuple[str, ...] = ()
    is_bare: bool = True


@dataclass(frozen=True, slots=True)
class CheckFailure:
    """Why a check of a batch could not be decided."""

    reason: str
    message: str


# An answer as its bytes without its `as_of`, and that. Not a class, because one is made for each check.
Shown = tuple[bytes, datetime | None]


class Behavior(StrEnum):
    """Whether a reported value is a change of the usage or its new value."""

    DELTA = "DELTA"
    SET = "SET"


class Enforcement(StrEnum):
    """What a report does about the limit."""

    RECORD = "RECORD"
    ENFORCE = "ENFORCE"
    PARTIAL = "PARTIAL"


@dataclass(frozen=True, slots=True)
class Report:
    """Calculated usage, as a caller reports it.

    Attributes:
        hold: For how long it is held, where it is to be held instead of written; None: it is written.
    """

    customer_id: str
    resource_id: str
    feature_id: str
    value: Decimal
    behavior: Behavior
    enforcement: Enforcement
    idempotency_key: str
    freshness: Freshness | None
    hold: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Ceiling:
    """The limit that a report must not pass, and the revision of the entitlement it comes from."""

    limit: Decimal
    entitlement_revision: int


@dataclass(frozen=True, slots=True)
class ResolvedReport:
    """A report as metering applies it.

    Attributes:
        time: When it counts: the customer's time.
        recurrence: The periods that it is decided and answered in; None is one endless period.
        ceiling: None: it is written whatever the limit. What of a report fits under it, `report.enforcement` says.
    """

    report: Report
    time: datetime
    recurrence: Recurrence | None
    ceiling: Ceiling | None


class Verdict(StrEnum):
    """What metering decided of a report."""

    WRITTEN = "WRITTEN"
    REPEATED = "REPEATED"
    KEY_REUSED = "KEY_REUSED"
    LIMIT_EXCEEDED = "LIMIT_EXCEEDED"
    BELOW_ZERO = "BELOW_ZERO"
    STALE_LIMIT = "STALE_LIMIT"
    RESERVED = "RESERVED"
    TOO_MANY_RESERVATIONS = "TOO_MANY_RESERVATIONS"


@dataclass(frozen=True, slots=True)
class Held:
    """A reservation, as its maker is told of it; it lapses in real time."""

    id: str
    expire_time: datetime


@dataclass(slots=True)
class Outcome:
    """What became of a report in metering. Not frozen, because one is made for each report.

    Attributes:
        window: After the decision; for a repeated key as it was after the first.
        previous: The usage before the decision, without what is reserved.
        written: By how much usage changed, or how much is held.
        held: For what is reserved.
    """

    verdict: Verdict
    window: Window
    previous: Decimal
    written: Decimal = ZERO
    held: Held | None = None


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
    """What metering decided of a settlement."""

    COMMITTED = "COMMITTED"
    RELEASED = "RELEASED"
    LAPSED = "LAPSED"
    SETTLED_OTHERWISE = "SETTLED_OTHERWISE"
    UNKNOWN = "UNKNOWN"
    ABOVE_RESERVED = "ABOVE_RESERVED"


@dataclass(frozen=True, slots=True)
class SettlementOutcome:
    """What became of a settlement in metering.

    Attributes:
        window: That the reservation was made in, after the settlement; None where there is no such reservation.
        reserved: What the reservation held.
        written: What was written, now or before.
    """

    verdict: SettlementVerdict
    window: Window | None
    reserved: Decimal
    written: Decimal


@dataclass(slots=True)
class Answer:
    """What became of a report. Not frozen, because one is made for each report.

    Attributes:
        written: Whether it was written, or is held, now or by an earlier call with the same key.
        decision: For a written report the entitlement after it, for a refused one the reason.
        window: The usage after it, and the period it counts in; None where nothing is known of it.
        covered: Whether an entitlement covers the feature now.
        time: When it counts: the customer's time of the call.
        amount: By how much usage changed, or how much is held; 0 unless written.
        held: For what is reserved.
    """

    written: bool
    decision: Decision
    window: Window | None
    covered: bool
    time: datetime
    amount: Decimal = ZERO
    held: Held | None = None
