"""Calculated usage: what becomes of a report. A decision is a value: the report and how things stand in, the verdict out."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final

from kernel.quantity import EXACT, ZERO
from metering.domain.series import Series
from metering.domain.tracker import Periods, Window

# A batch is what entitlements gathers while one transaction runs.
MAX_REPORTS: Final = 1_000
MAX_KEY_LENGTH: Final = 256


class Behavior(StrEnum):
    """Whether the value is a change or the new usage."""

    DELTA = "DELTA"
    SET = "SET"


class Verdict(StrEnum):
    """What was decided of a report."""

    WRITTEN = "WRITTEN"
    REPEATED = "REPEATED"
    KEY_REUSED = "KEY_REUSED"
    LIMIT_EXCEEDED = "LIMIT_EXCEEDED"
    BELOW_ZERO = "BELOW_ZERO"
    STALE_LIMIT = "STALE_LIMIT"


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
    """What a key was used for: the same key with other content is refused. When it counts and the ceiling do not belong to it."""

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
    """

    content: Content
    idempotency_key: str
    time: datetime
    periods: Periods
    ceiling: Ceiling | None

    @property
    def series(self) -> Series:
        """What it concerns."""
        return self.content.series


@dataclass(frozen=True, slots=True)
class Standing:
    """How things stand when a report is decided, under the locks of its series.

    Attributes:
        usage: Of the customer as a whole in the report's period.
        named_usage: Of the resource that it names in the same period; of the customer where it names none.
        limit_revision: The newest revision that the series' ceiling was shown with.
        used_for: What its key was used for; None: nothing yet.
    """

    usage: Decimal
    named_usage: Decimal
    limit_revision: int
    used_for: Content | None


@dataclass(frozen=True, slots=True)
class Decision:
    """The verdict, and by how much the usage changes: 0 unless written."""

    verdict: Verdict
    delta: Decimal = ZERO


def decide(report: Report, standing: Standing) -> Decision:
    """What becomes of the report.

    In this order: its key, the ceiling's age, zero, the ceiling. Lowering usage is never refused by a ceiling, raising it
    never by zero.
    """
    if standing.used_for is not None:
        return Decision(Verdict.REPEATED if standing.used_for == report.content else Verdict.KEY_REUSED)
    ceiling = report.ceiling
    if ceiling is not None and ceiling.entitlement_revision < standing.limit_revision:
        return Decision(Verdict.STALE_LIMIT)
    delta = _delta(report.content, standing.named_usage)
    usage = EXACT.add(standing.usage, delta)
    if delta < 0 and (usage < 0 or EXACT.add(standing.named_usage, delta) < 0):
        return Decision(Verdict.BELOW_ZERO)
    if ceiling is not None and delta > 0 and usage > ceiling.limit:
        return Decision(Verdict.LIMIT_EXCEEDED)
    return Decision(Verdict.WRITTEN, delta)


def _delta(content: Content, usage: Decimal) -> Decimal:
    match content.behavior:
        case Behavior.DELTA:
            return content.value
        case Behavior.SET:
            return EXACT.subtract(content.value, usage)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a caller is told.

    Attributes:
        window: After the decision; for a repeated key as it was after the first.
        previous: The usage before the decision.
    """

    verdict: Verdict
    window: Window
    previous: Decimal


@dataclass(frozen=True, slots=True)
class Measurement:
    """A report that was written, with the outcome that its key is answered with from then on.

    Attributes:
        delta: By how much the usage changed.
        window: Of the customer as a whole, after the decision.
        previous: Its value before.
    """

    content: Content
    idempotency_key: str
    time: datetime
    delta: Decimal
    window: Window
    previous: Decimal
