"""What is asked of metering for a report, and what its answer means to the caller."""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from entitlements.domain import decision, explanation
from entitlements.domain.decision import Decision, Reason, Standing
from entitlements.domain.entry import Entry
from entitlements.domain.feature import Feature, grouped
from entitlements.domain.held import HeldEntitlement
from entitlements.domain.request import (
    Answer,
    Behavior,
    Ceiling,
    Enforcement,
    Outcome,
    Report,
    ResolvedReport,
    Verdict,
)
from entitlements.domain.usage import Window
from kernel.errors import ErrorKind, TollkeeperError, precondition
from kernel.quantity import ZERO, format_decimal
from kernel.recurrence import Recurrence


@dataclass(frozen=True, slots=True)
class Plan:
    """How a report is to be written.

    Attributes:
        resolved: What metering is asked.
        standing: The entitlement that decides, as it was known before; None: none covers the feature.
        refusal: Why nothing may be written, where nothing entitles the customer; None: metering decides.
    """

    resolved: ResolvedReport
    standing: Standing | None
    refusal: Decision | None


def plan_report(report: Report, entry: Entry, feature: Feature, *, now: datetime, passed: frozenset[str]) -> Plan:
    """Resolves the window and the ceiling of a report.

    Of several entitlements the most generous decides, as in a check.

    Args:
        report: What was reported.
        entry: The customer's.
        feature: The reported feature.
        now: The customer's time: when the report counts.
        passed: Subscriptions whose limit metering said would be passed: another one is tried, if one has room.
    """
    live = entry.live(feature.id, now)
    if not live:
        return _uncovered(report, entry, feature, now=now)
    candidates = [(entry.standing(held, now), held) for held in live]
    untried = [pair for pair in candidates if pair[0].source.subscription_id not in passed] or candidates
    standing, held = _most_generous(untried, report)
    ceiling = None
    if report.enforcement is Enforcement.ENFORCE and standing.limit is not None and not standing.soft:
        ceiling = Ceiling(standing.limit, entry.ceiling_revision)
    return Plan(ResolvedReport(report, now, _recurrence(held), ceiling), standing, None)


def _uncovered(report: Report, entry: Entry, feature: Feature, *, now: datetime) -> Plan:
    resolved = ResolvedReport(report, now, None, None)
    if report.enforcement is Enforcement.RECORD:
        return Plan(resolved, None, None)
    refusal = entry.decide(feature.id, feature, requested=ZERO, values=(), now=now)
    # A ceiling of zero lets no growth be written; a key that was used up already answers its first outcome all the same.
    return Plan(replace(resolved, ceiling=Ceiling(ZERO, entry.ceiling_revision)), None, refusal)


def may_be_repeated(report: Report) -> bool:
    """Whether metering can be asked for the first outcome of a key without any danger that it writes: an increase under a
    ceiling of zero is always refused.
    """
    return report.behavior is Behavior.DELTA and report.value > 0


def has_room_elsewhere(report: Report, entry: Entry, *, now: datetime, passed: frozenset[str]) -> bool:
    """Whether an entitlement whose limit was not yet tried has room for the report."""
    return any(
        _room(entry.standing(held, now), report)
        for held in entry.live(report.feature_id, now)
        if held.entitlement.source.subscription_id not in passed
    )


def _most_generous(
    candidates: list[tuple[Standing, HeldEntitlement]], report: Report
) -> tuple[Standing, HeldEntitlement]:
    standings = [standing for standing, _ in candidates]
    chosen = decision.most_generous([_asked(standing, report) for standing in standings], _growth(report))
    return next(pair for pair in candidates if pair[0].source == chosen.source)


def _asked(standing: Standing, report: Report) -> Standing:
    # A new value replaces the usage: whether it fits does not depend on what was used before.
    return replace(standing, usage=ZERO) if _replaces_usage(report) else standing


def _growth(report: Report) -> Decimal:
    # What a new value of a single resource adds to the customer's usage, only metering knows.
    known = report.behavior is Behavior.DELTA or _replaces_usage(report)
    return max(report.value, ZERO) if known else ZERO


def _replaces_usage(report: Report) -> bool:
    return report.behavior is Behavior.SET and not report.resource_id


def _room(standing: Standing, report: Report) -> bool:
    return standing.soft or _asked(standing, report).has_room(_growth(report))


def _recurrence(held: HeldEntitlement) -> Recurrence | None:
    return held.tracker.tracker.recurrence if held.tracker is not None else None


def answer(
    report: Report, entry: Entry, feature: Feature, *, plan: Plan, outcome: Outcome, as_of: datetime | None
) -> Answer:
    """What metering's outcome means to the caller. (A stale limit is asked again before.)

    Args:
        report: What was reported.
        entry: The customer's.
        feature: The reported feature.
        plan: What metering was asked.
        outcome: What it answered.
        as_of: Until when the entitlement behind it is known; the usage is newer.

    Raises:
        TollkeeperError: `USAGE_BELOW_ZERO`, `IDEMPOTENCY_KEY_REUSED`.
    """
    if outcome.verdict is Verdict.KEY_REUSED:
        raise _key_reused(report)
    if outcome.verdict is Verdict.BELOW_ZERO:
        raise _below_zero(report, feature, outcome.previous)
    written = outcome.verdict in {Verdict.WRITTEN, Verdict.REPEATED}
    if plan.standing is None:
        reason = plan.refusal or entry.decide(feature.id, feature, requested=ZERO, values=(), now=plan.resolved.time)
    elif written:
        # Whether the usage stands within the limit now.
        reason = decision.decide_metered(feature, _met(plan.standing, outcome.window, outcome.window.value), ZERO)
    else:
        met = _met(plan.standing, outcome.window, outcome.previous)
        reason = _over_ceiling(feature, met, report)
    reason.as_of = as_of
    return Answer(written, reason, outcome.window, covered=plan.standing is not None, time=plan.resolved.time)


def _over_ceiling(feature: Feature, met: Standing, report: Report) -> Decision:
    if report.behavior is Behavior.DELTA:
        return decision.decide_metered(feature, met, report.value)
    limit = ZERO if met.limit is None else met.limit
    if report.resource_id:
        sentence = explanation.resource_over_limit(
            feature, met.usage, limit=limit, resource_id=report.resource_id, value=report.value
        )
    else:
        sentence = explanation.value_over_limit(feature, met.usage, limit=limit, value=report.value)
    return Decision(False, Reason.LIMIT_EXCEEDED, sentence, feature.id, feature, met, source=met.source)


def _met(standing: Standing, window: Window, usage: Decimal) -> Standing:
    return replace(standing, usage=usage, start=window.start, end=window.end)


def _key_reused(report: Report) -> TollkeeperError:
    message = (
        f"The idempotency key {report.idempotency_key!r} was used for a report with other content. Choose a new one."
    )
    return TollkeeperError(ErrorKind.ALREADY_EXISTS, "IDEMPOTENCY_KEY_REUSED", message)


def _below_zero(report: Report, feature: Feature, previous: Decimal) -> TollkeeperError:
    taken = grouped(-report.value)
    if report.resource_id and previous >= -report.value:
        # What metering tells is the customer's usage, which would stay above zero.
        message = f"The usage of {report.resource_id} would fall below zero: it is less than the {taken} that the report takes away."
    else:
        used = f"{grouped(previous)} {feature.units(previous)}"
        message = f"The usage would fall below zero: it is {used}, and the report takes {taken} away."
    metadata = {"feature_id": feature.id, "usage": format_decimal(previous)}
    return precondition("USAGE_BELOW_ZERO", message + " Report a smaller decrease.", **metadata)
