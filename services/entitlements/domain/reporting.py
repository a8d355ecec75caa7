"""What is asked of metering for a report."""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from entitlements.domain import decision
from entitlements.domain.decision import Decision, Standing
from entitlements.domain.entry import Entry
from entitlements.domain.feature import Feature
from entitlements.domain.held import HeldEntitlement
from entitlements.domain.request import Behavior, Ceiling, Enforcement, Report, ResolvedReport
from kernel.quantity import EXACT, ZERO
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
        passed: Sources (`Source.key`) whose limit metering said would be passed: another one is tried, if one has room.
    """
    live = entry.live(feature.id, now)
    if not live or entry.is_revoked(feature.id):
        return _uncovered(report, entry, feature, now=now)
    candidates = [(entry.standing(held, now), held) for held in live]
    untried = [pair for pair in candidates if pair[0].source.key not in passed] or candidates
    standing, held = _most_generous(untried, report)
    ceiling = None
    if is_limited(report, feature) and standing.limit is not None and not standing.soft:
        ceiling = Ceiling(standing.limit, entry.ceiling_revision)
    return Plan(ResolvedReport(report, now, _recurrence(held), ceiling), standing, None)


def _uncovered(report: Report, entry: Entry, feature: Feature, *, now: datetime) -> Plan:
    resolved = ResolvedReport(report, now, None, None)
    if not is_limited(report, feature):
        return Plan(resolved, None, None)
    refusal = entry.decide(feature.id, feature, requested=ZERO, values=(), now=now)
    # A ceiling of zero lets no growth be written; a key that was used up already answers its first outcome all the same.
    return Plan(replace(resolved, ceiling=Ceiling(ZERO, entry.ceiling_revision)), None, refusal)


def is_limited(report: Report, feature: Feature) -> bool:
    """Whether a limit keeps the report from being written: in shadow mode none does."""
    return report.enforcement is not Enforcement.RECORD and not feature.shadow_mode


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
        if held.source.key not in passed
    )


def _most_generous(
    candidates: list[tuple[Standing, HeldEntitlement]], report: Report
) -> tuple[Standing, HeldEntitlement]:
    if len(candidates) == 1:
        return candidates[0]
    asked = [_asked(standing, report) for standing, _ in candidates]
    if report.enforcement is Enforcement.PARTIAL and not any(_has_room(standing, report) for standing in asked):
        # It fits whole into none of them: the one with the most room writes the most.
        return max(candidates, key=lambda pair: _left(_asked(pair[0], report)))
    chosen = decision.most_generous(asked, _growth(report))
    return next(pair for pair in candidates if pair[0].source == chosen.source)


def _asked(standing: Standing, report: Report) -> Standing:
    # A new value replaces the usage: whether it fits does not depend on what was used before, but on what is reserved.
    return replace(standing, usage=standing.reserved) if _replaces_usage(report) else standing


def _growth(report: Report) -> Decimal:
    # What a new value of a single resource adds to the customer's usage, only metering knows.
    known = report.behavior is Behavior.DELTA or _replaces_usage(report)
    return max(report.value, ZERO) if known else ZERO


def _replaces_usage(report: Report) -> bool:
    return report.behavior is Behavior.SET and not report.resource_id


def _room(standing: Standing, report: Report) -> bool:
    asked = _asked(standing, report)
    return _has_room(asked, report) or (report.enforcement is Enforcement.PARTIAL and _left(asked) > 0)


def _has_room(asked: Standing, report: Report) -> bool:
    return asked.soft or asked.has_room(_growth(report))


def _left(asked: Standing) -> Decimal:
    return ZERO if asked.limit is None else EXACT.subtract(asked.limit, asked.usage)


def _recurrence(held: HeldEntitlement) -> Recurrence | None:
    return held.tracker.recurrence if held.tracker is not None else None
