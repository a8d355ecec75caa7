"""What callers ask for, well formed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from entitlements.domain.decision import Decision
from entitlements.domain.usage import Window
from kernel.recurrence import Recurrence
from kernel.token import FactKind


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


@dataclass(frozen=True, slots=True)
class Check:
    """Asks whether a customer may use a feature.

    Attributes:
        requested: For a metered feature: how much more is wanted.
        values: For an enum feature: the values wanted.
        freshness: None: what this replica knows.
    """

    customer_id: str
    feature_id: str
    requested: Decimal
    values: tuple[str, ...]
    freshness: Freshness | None


class Behavior(StrEnum):
    """Whether a reported value is a change of the usage or its new value."""

    DELTA = "DELTA"
    SET = "SET"


class Enforcement(StrEnum):
    """What a report does about the limit."""

    RECORD = "RECORD"
    ENFORCE = "ENFORCE"


@dataclass(frozen=True, slots=True)
class Report:
    """Calculated usage, as a caller reports it."""

    customer_id: str
    resource_id: str
    feature_id: str
    value: Decimal
    behavior: Behavior
    enforcement: Enforcement
    idempotency_key: str
    freshness: Freshness | None


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
        ceiling: None: it is written whatever the limit.
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


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a report in metering.

    Attributes:
        window: After the decision; for a repeated key as it was after the first.
        previous: The usage before the decision.
    """

    verdict: Verdict
    window: Window
    previous: Decimal


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a report.

    Attributes:
        written: Whether it was written, now or by an earlier call with the same key.
        decision: For a written report the entitlement after it, for a refused one the reason.
        window: The usage after it, and the period it counts in; None where nothing is known of it.
        covered: Whether an entitlement covers the feature now.
        time: When it counts: the customer's time of the call.
    """

    written: bool
    decision: Decision
    window: Window | None
    covered: bool
    time: datetime
