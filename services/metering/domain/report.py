"""Calculated usage: what becomes of a report. A decision is a value: the report and how things stand in, the verdict out."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final

from kernel.quantity import EXACT, ZERO
from metering.domain.reservation import MOST_OPEN, Held
from metering.domain.series import Series
from metering.domain.tracker import Periods, Window

# A batch is what entitlements gathers while one transaction runs.
MAX_REPORTS: Final = 1_000
MAX_KEY_LENGTH: Final = 256


class Behavior(StrEnum):
    """Whether the value is a change, the new usage, or a change that is only held for now."""

    DELTA = "DELTA"
    SET = "SET"
    RESERVE = "RESERVE"


class Verdict(StrEnum):
    """What was decided of a report."""

    WRITTEN = "WRITTEN"
    REPEATED = "REPEATED"
    KEY_REUSED = "KEY_REUSED"
    LIMIT_EXCEEDED = "LIMIT_EXCEEDED"
    BELOW_ZERO = "BELOW_ZERO"
    STALE_LIMIT = "STALE_LIMIT"
    RESERVED = "RESERVED"
    TOO_MANY_RESERVATIONS = "TOO_MANY_RESERVATIONS"


@dataclass(frozen=True, slots=True)
class Ceiling:
    """The usage that must not be passed.

    Attributes:
        entitlement_revision: Of the entitlement that the limit comes from.
    """

    limit: Decimal
    entitlement_revision: int


@dataclass(frozen=True, slots=True)
class Content:
    """What a key was used for: the same key with other content is refused. When it counts, the ceiling, whether a part will do and
    how long it is held do not belong to it.
    """

    series: Series
    value: Decimal
    behavior: Behavior


@dataclass(frozen=True, slots=True)
class Report:
    """A report as it came.

    Attributes:
        time: When it counts.
        periods: The tracker in whose window it is decided and answered.
        ceiling: None: write whatever the limit.
        partial: Whether as much as fits under the ceiling will do.
        hold: For how long it is held, where it is held instead of written (`Behavior.RESERVE`).
    """

    content: Content
    idempotency_key: str
    time: datetime
    periods: Periods
    ceiling: Ceiling | None
    partial: bool = False
    hold: timedelta | None = None

    @property
    def series(self) -> Series:
        """What it concerns."""
        return self.content.series


@dataclass(slots=True)
class Standing:
    """How things stand when a report is decided, under the locks of its series. Not frozen, because one is made for each report.

    Attributes:
        usage: Of the customer as a whole in the report's period.
        reserved: What reservations hold of that period beside it.
        named_usage: Of the resource that the report names in the same period; of the customer where it names none.
        limit_revision: The newest revision that the series' ceiling was shown with.
        used_for: What its key was used for; None: nothing yet.
        open_reservations: How many the customer holds of the feature.
    """

    usage: Decimal
    reserved: Decimal
    named_usage: Decimal
    limit_revision: int
    used_for: Content | None
    open_reservations: int = 0


@dataclass(slots=True)
class Decision:
    """The verdict, and by how much the usage changes, or is held: 0 unless written or reserved. Not frozen, as above."""

    verdict: Verdict
    delta: Decimal = ZERO


def decide(report: Report, standing: Standing) -> Decision:
    """What becomes of the report.

    In this order: its key, the ceiling's age, zero, the ceiling. Lowering usage is never refused by a ceiling, raising it
    never by zero. A new value above the ceiling that lowers nothing is refused, also where usage stands at that value. A part is
    as much as there is room for, more than nothing: a new value above the ceiling becomes what the ceiling leaves, and where usage
    stands at it already nothing is written.
    """
    if standing.used_for is not None:
        return Decision(Verdict.REPEATED if standing.used_for == report.content else Verdict.KEY_REUSED)
    ceiling = report.ceiling
    if ceiling is not None and ceiling.entitlement_revision < standing.limit_revision:
        return Decision(Verdict.STALE_LIMIT)
    delta = _delta(report.content, standing.named_usage)
    if delta < 0 and (EXACT.add(standing.usage, delta) < 0 or EXACT.add(standing.named_usage, delta) < 0):
        return Decision(Verdict.BELOW_ZERO)
    if ceiling is not None and (delta > 0 or (not delta and _sets_above(ceiling, report.content))):
        delta = _fitting(delta, ceiling, standing, partial=report.partial)
        if not delta:
            return Decision(Verdict.LIMIT_EXCEEDED)
    if report.hold is None:
        return Decision(Verdict.WRITTEN, delta)
    full = standing.open_reservations >= MOST_OPEN
    return Decision(Verdict.TOO_MANY_RESERVATIONS) if full else Decision(Verdict.RESERVED, delta)


def _sets_above(ceiling: Ceiling, content: Content) -> bool:
    return content.behavior is Behavior.SET and content.value > ceiling.limit


def _fitting(delta: Decimal, ceiling: Ceiling, standing: Standing, *, partial: bool) -> Decimal:
    """How much of what does not lower usage may be written; 0: nothing."""
    room = EXACT.subtract(ceiling.limit, EXACT.add(standing.usage, standing.reserved))
    if delta <= room:
        return delta
    return room if partial and room > 0 else ZERO


def _delta(content: Content, usage: Decimal) -> Decimal:
    return EXACT.subtract(content.value, usage) if content.behavior is Behavior.SET else content.value


@dataclass(slots=True)
class Outcome:
    """What a caller is told. Not frozen, because one is made for each report.

    Attributes:
        window: After the decision; for a repeated key as it was after the first.
        previous: The usage before the decision.
        written: By how much usage changed, or how much is held.
        held: For what was reserved.
    """

    verdict: Verdict
    window: Window
    previous: Decimal
    written: Decimal = ZERO
    held: Held | None = None


@dataclass(slots=True)
class Measurement:
    """A report that was written or reserved, with the outcome that its key is answered with from then on. Not frozen, as above.

    Attributes:
        delta: By how much the usage changed; 0 for what is only reserved.
        window: Of the customer as a whole, after the decision.
        previous: Its value before.
    """

    content: Content
    idempotency_key: str
    time: datetime
    delta: Decimal
    window: Window
    previous: Decimal
