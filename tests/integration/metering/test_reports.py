"""Calculated usage: decided under the lock of its series, in the order of arrival."""

import asyncio
from datetime import timedelta

import pytest

from kit.errors import RemoteRefusal
from tests.integration.metering.conftest import Metering
from tests.integration.metering.fakes import Neighbours
from tests.integration.metering.samples import (
    COUNT,
    ENDLESS,
    JANUARY,
    SET,
    calculated,
    metered,
    monthly,
    report,
    tracker,
)
from tollkeeper.metering.v1 import tracker_service_pb2 as pb


@pytest.fixture
def gates(neighbours: Neighbours) -> str:
    """A feature whose usage is reported."""
    neighbours.features["gates"] = calculated("gates")
    return "gates"


async def test_delta_and_set_add_up_and_repeat_their_first_outcome(metering: Metering, gates: str) -> None:
    first, second = await metering.report(report("a", "5"), report("b", "-2.5"))
    assert [first.verdict, first.window.value, first.previous_value] == [pb.REPORT_VERDICT_WRITTEN, "5", "0"]
    assert [second.window.value, second.previous_value] == ["2.5", "5"]
    assert second.window.revision > first.window.revision
    (third,) = await metering.report(report("c", "4", behavior=SET))
    assert third.window.value == "4"
    (repeated,) = await metering.report(report("a", "5.0"))
    assert (repeated.verdict, repeated.window, repeated.previous_value) == (
        pb.REPORT_VERDICT_REPEATED,
        first.window,
        "0",
    )
    (reused,) = await metering.report(report("a", "6"))
    assert (reused.verdict, reused.window.value) == (pb.REPORT_VERDICT_KEY_REUSED, "4")
    assert await metering.value(tracker(gates, ENDLESS), JANUARY) == "4"


async def test_refusals_write_nothing_and_leave_their_keys_free(metering: Metering, gates: str) -> None:
    (below,) = await metering.report(report("a", "-1"))
    assert (below.verdict, below.window.value) == (pb.REPORT_VERDICT_BELOW_ZERO, "0")
    (over,) = await metering.report(report("a", "6", limit="5"))
    assert (over.verdict, over.window.value) == (pb.REPORT_VERDICT_LIMIT_EXCEEDED, "0")
    (written,) = await metering.report(report("a", "5", limit="5"))
    assert written.verdict == pb.REPORT_VERDICT_WRITTEN
    (newer,) = await metering.report(report("b", "1", limit="10", limit_revision=7))
    (stale,) = await metering.report(report("c", "1", limit="100", limit_revision=6))
    assert (newer.verdict, stale.verdict) == (pb.REPORT_VERDICT_WRITTEN, pb.REPORT_VERDICT_STALE_LIMIT)
    (lower,) = await metering.report(report("d", "-1", limit="2", limit_revision=7))
    assert (lower.verdict, lower.window.value) == (pb.REPORT_VERDICT_WRITTEN, "5")


async def test_racing_callers_never_pass_a_ceiling(metering: Metering, gates: str) -> None:
    outcomes = await asyncio.gather(*(metering.report(report(f"{n}", "1", limit="20")) for n in range(64)))
    verdicts = [outcome.verdict for (outcome,) in outcomes]
    assert verdicts.count(pb.REPORT_VERDICT_WRITTEN) == 20
    assert verdicts.count(pb.REPORT_VERDICT_LIMIT_EXCEEDED) == 44
    assert await metering.value(tracker(gates, ENDLESS), JANUARY) == "20"
    revisions = [outcome.window.revision for (outcome,) in outcomes if outcome.verdict == pb.REPORT_VERDICT_WRITTEN]
    assert len(set(revisions)) == 20


async def test_a_report_counts_in_the_windows_of_all_trackers(metering: Metering, gates: str) -> None:
    recurrence = monthly()
    await metering.register(tracker(gates, recurrence), tracker(gates, ENDLESS))
    await metering.report(report("a", "3", recurrence=recurrence), report("b", "2", recurrence=ENDLESS))
    february = JANUARY + timedelta(days=40)
    (later,) = await metering.report(report("c", "4", recurrence=recurrence, at=february))
    assert later.window.value == "4"
    assert await metering.value(tracker(gates, recurrence), JANUARY) == "5"
    assert await metering.value(tracker(gates, ENDLESS), JANUARY) == "9"


async def test_a_named_resource_counts_for_itself_and_for_its_customer(metering: Metering, gates: str) -> None:
    (first,) = await metering.report(report("a", "3", resource="JFK"))
    (second,) = await metering.report(report("b", "4", resource="EWR"))
    assert (first.window.value, second.window.value, second.window.series.resource_id) == ("3", "7", "")
    (third,) = await metering.report(report("c", "1", resource="JFK", behavior=SET))
    assert (third.window.value, third.previous_value) == ("5", "7")
    assert await metering.value(tracker(gates, ENDLESS, resource="JFK"), JANUARY) == "1"
    (below,) = await metering.report(report("d", "-2", resource="JFK"))
    assert below.verdict == pb.REPORT_VERDICT_BELOW_ZERO


async def test_reports_of_what_cannot_be_reported_are_refused(metering: Metering, neighbours: Neighbours) -> None:
    neighbours.features["departures"] = metered("departures", COUNT)
    neighbours.features["gates"] = calculated("gates")
    for sent, reason in (
        (report("a", "1", feature="departures"), "FEATURE_NOT_CALCULATED"),
        (report("a", "1", feature="unheard"), "FEATURE_NOT_FOUND"),
        (report("a", "1", recurrence=monthly()), "TRACKER_NOT_FOUND"),
        (report("", "x", behavior=SET), "INVALID_FIELD"),
    ):
        with pytest.raises(RemoteRefusal) as refused:
            await metering.report(sent)
        assert refused.value.reason == reason


async def test_every_mistake_of_a_call_is_named_and_nothing_of_it_written(metering: Metering, gates: str) -> None:
    bad = report("x" * 257, "1e3", customer="a b", feature="", resource="é", limit="-1", limit_revision=-1)
    early = report("b\0", "-1", behavior=SET, recurrence=monthly(), at=JANUARY - timedelta(days=1))
    unset = pb.UsageReport(series=report("c", "1").series, idempotency_key="c", value="1", update_behavior=9)  # type: ignore[arg-type]  # no such behavior.
    with pytest.raises(RemoteRefusal) as refused:
        await metering.report(report("a", "1"), bad, early, unset)
    assert [violation.path for violation in refused.value.violations] == [
        "reports[1].series.customer_id",
        "reports[1].series.resource_id",
        "reports[1].series.feature_id",
        "reports[1].idempotency_key",
        "reports[1].value",
        "reports[1].ceiling.limit",
        "reports[1].ceiling.entitlement_revision",
        "reports[2].idempotency_key",
        "reports[2].value",
        "reports[2].time",
        "reports[3].update_behavior",
        "reports[3].time",
    ]
    (written,) = await metering.report(report("a", "1"))
    assert (written.verdict, written.window.value) == (pb.REPORT_VERDICT_WRITTEN, "1")
