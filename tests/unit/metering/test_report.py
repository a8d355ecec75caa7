"""What becomes of a report."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from metering.domain.report import Behavior, Ceiling, Content, Decision, Report, Standing, Verdict, decide
from metering.domain.series import Series

GATES = Series("UA", "", "gates")


def report(value: str, behavior: Behavior = Behavior.DELTA, *, limit: str = "", revision: int = 5) -> Report:
    """A report of gates."""
    ceiling = Ceiling(Decimal(limit), revision) if limit else None
    content = Content(GATES, Decimal(value), behavior)
    return Report(content, "key", datetime(2013, 1, 1, tzinfo=UTC), None, ceiling)


def standing(usage: str, *, named: str = "", limit_revision: int = 0, used_for: Content | None = None) -> Standing:
    """How things stand."""
    return Standing(Decimal(usage), Decimal(0), Decimal(named or usage), limit_revision, used_for)


WRITTEN = Verdict.WRITTEN


@pytest.mark.parametrize(
    ("sent", "stands", "decision"),
    [
        (report("5"), standing("0"), Decision(WRITTEN, Decimal(5))),
        (report("0"), standing("0"), Decision(WRITTEN, Decimal(0))),
        (report("-5"), standing("5"), Decision(WRITTEN, Decimal(-5))),
        (report("-5.1"), standing("5"), Decision(Verdict.BELOW_ZERO)),
        (report("3", Behavior.SET), standing("5"), Decision(WRITTEN, Decimal(-2))),
        (report("5", Behavior.SET), standing("5"), Decision(WRITTEN, Decimal(0))),
        # The limit is inclusive, for a change and for a new value.
        (report("5", limit="20"), standing("15"), Decision(WRITTEN, Decimal(5))),
        (report("5.1", limit="20"), standing("15"), Decision(Verdict.LIMIT_EXCEEDED)),
        (report("20", Behavior.SET, limit="20"), standing("15"), Decision(WRITTEN, Decimal(5))),
        (report("21", Behavior.SET, limit="20"), standing("15"), Decision(Verdict.LIMIT_EXCEEDED)),
        # A new value above the limit is refused also where usage stands there already; a part of it never lowers.
        (report("30", Behavior.SET, limit="20"), standing("30"), Decision(Verdict.LIMIT_EXCEEDED)),
        (
            replace(report("30", Behavior.SET, limit="20"), partial=True),
            standing("30"),
            Decision(Verdict.LIMIT_EXCEEDED),
        ),
        (report("20", Behavior.SET, limit="20"), standing("20"), Decision(WRITTEN, Decimal(0))),
        (report("3", Behavior.SET, limit="5"), standing("7", named="3"), Decision(WRITTEN, Decimal(0))),
        # Lowering is never refused by a limit, nor is a change by nothing; raising never by zero.
        (report("-1", limit="20"), standing("30"), Decision(WRITTEN, Decimal(-1))),
        (report("0", limit="20"), standing("30"), Decision(WRITTEN, Decimal(0))),
        (report("25", Behavior.SET, limit="20"), standing("30"), Decision(WRITTEN, Decimal(-5))),
        (report("1"), standing("-3"), Decision(WRITTEN, Decimal(1))),
        (report("-1"), standing("-3"), Decision(Verdict.BELOW_ZERO)),
        # A limit as old as the newest one is taken, an older one is not, whatever the report would do.
        (report("1", limit="20", revision=5), standing("0", limit_revision=5), Decision(WRITTEN, Decimal(1))),
        (report("1", limit="20", revision=5), standing("0", limit_revision=6), Decision(Verdict.STALE_LIMIT)),
        (report("-1", limit="20", revision=5), standing("9", limit_revision=6), Decision(Verdict.STALE_LIMIT)),
        (report("1"), standing("0", limit_revision=6), Decision(WRITTEN, Decimal(1))),
        # A resource: set is relative to its own usage, and neither it nor the customer falls below zero.
        (report("1", Behavior.SET), standing("7", named="3"), Decision(WRITTEN, Decimal(-2))),
        (report("-4"), standing("7", named="3"), Decision(Verdict.BELOW_ZERO)),
        (report("9", Behavior.SET, limit="12"), standing("7", named="3"), Decision(Verdict.LIMIT_EXCEEDED)),
        # A used key is looked at before everything else.
        (
            report("1", limit="20"),
            standing("20", limit_revision=9, used_for=Content(GATES, Decimal("1.0"), Behavior.DELTA)),
            Decision(Verdict.REPEATED),
        ),
        (report("1"), standing("0", used_for=Content(GATES, Decimal(2), Behavior.DELTA)), Decision(Verdict.KEY_REUSED)),
        (report("1"), standing("0", used_for=Content(GATES, Decimal(1), Behavior.SET)), Decision(Verdict.KEY_REUSED)),
        (
            report("1"),
            standing("0", used_for=Content(Series("UA", "JFK", "gates"), Decimal(1), Behavior.DELTA)),
            Decision(Verdict.KEY_REUSED),
        ),
    ],
)
def test_a_report_is_decided(sent: Report, stands: Standing, decision: Decision) -> None:
    assert decide(sent, stands) == decision
