"""Reservations: held under the lock of their series, ended once, and gone when they lapse."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from kit.broker import Broker
from kit.client import call
from kit.errors import RemoteRefusal
from kit.proto import timestamp_to_proto
from metering.store import reservations
from metering.store.line import raw_of
from tests.integration.metering.conftest import Metering
from tests.integration.metering.fakes import Neighbours
from tests.integration.metering.samples import ENDLESS, JANUARY, SET, calculated, monthly, report, tracker
from tollkeeper.metering.v1 import metering_events_pb2, usage_service_pb2
from tollkeeper.metering.v1 import tracker_service_pb2 as pb
from tollkeeper.metering.v1.usage_service_pb2_grpc import UsageServiceStub

HOUR = timedelta(hours=1)


@pytest.fixture
def gates(neighbours: Neighbours) -> str:
    """A feature whose usage is reported."""
    neighbours.features["gates"] = calculated("gates")
    return "gates"


async def held(metering: Metering, key: str, amount: str, **how: object) -> pb.UsageReportOutcome:
    """A reservation of an hour under a limit of 10."""
    how = {"hold": HOUR, "limit": "10", **how}
    (outcome,) = await metering.report(report(key, amount, **how))  # type: ignore[arg-type]  # as it takes them.
    return outcome


async def settled(
    metering: Metering, name: str, *, commit: str | None = None, customer: str = "UA"
) -> pb.SettlementOutcome:
    """Commits so much, or releases."""
    settlement = pb.ReservationSettlement(customer_id=customer, reservation_id=name)
    if commit is None:
        settlement.release = True
    else:
        settlement.commit = commit
    (outcome,) = await metering.settle(settlement)
    return outcome


async def window(metering: Metering, resource: str = "") -> tuple[str, str]:
    """Usage, and what is reserved beside it."""
    (found,) = await metering.windows(tracker("gates", ENDLESS, resource=resource), at=JANUARY)
    return found.value, found.reserved


async def test_what_is_held_counts_as_used_until_it_is_committed_or_released(metering: Metering, gates: str) -> None:
    first = await held(metering, "a", "6")
    assert (first.verdict, first.written_value, first.window.value, first.window.reserved) == (
        pb.REPORT_VERDICT_RESERVED,
        "6",
        "0",
        "6",
    )
    left = first.reservation.expire_time.ToDatetime(UTC) - datetime.now(UTC)
    assert timedelta(minutes=59) < left <= HOUR
    (over,) = await metering.report(report("b", "5", limit="10"))
    assert (over.verdict, over.previous_value, over.window.reserved) == (pb.REPORT_VERDICT_LIMIT_EXCEEDED, "0", "6")
    (part,) = await metering.report(report("b", "5", limit="10", partial=True))
    assert (part.verdict, part.written_value, part.window.value) == (pb.REPORT_VERDICT_WRITTEN, "4", "4")
    (none,) = await metering.report(report("c", "1", limit="10", partial=True))
    assert none.verdict == pb.REPORT_VERDICT_LIMIT_EXCEEDED
    committed = await settled(metering, first.reservation.id, commit="2.5")
    assert (committed.verdict, committed.reserved_value, committed.written_value, committed.window.value) == (
        pb.SETTLEMENT_VERDICT_COMMITTED,
        "6",
        "2.5",
        "6.5",
    )
    assert committed.window.revision > part.window.revision
    second = await held(metering, "d", "9", partial=True)
    assert second.written_value == "3.5"
    assert (await settled(metering, second.reservation.id)).verdict == pb.SETTLEMENT_VERDICT_RELEASED
    assert await window(metering) == ("6.5", "")


async def test_each_ends_once_and_the_same_again_is_answered_the_same(metering: Metering, gates: str) -> None:
    names = [(await held(metering, key, "2")).reservation.id for key in "abc"]
    assert (await settled(metering, names[0], commit="3")).verdict == pb.SETTLEMENT_VERDICT_ABOVE_RESERVED
    for _ in range(2):
        outcome = await settled(metering, names[0], commit="")
        assert (outcome.verdict, outcome.written_value) == (pb.SETTLEMENT_VERDICT_COMMITTED, "2")
        assert (await settled(metering, names[1])).verdict == pb.SETTLEMENT_VERDICT_RELEASED
    for name, commit in ((names[0], "1"), (names[0], None), (names[1], "2")):
        assert (await settled(metering, name, commit=commit)).verdict == pb.SETTLEMENT_VERDICT_SETTLED_OTHERWISE
    unknown = await settled(metering, names[2], customer="AA")
    assert (unknown.verdict, unknown.HasField("window")) == (pb.SETTLEMENT_VERDICT_UNKNOWN, False)
    assert await window(metering) == ("2", "2")
    # The reservation's key was used, whatever became of it.
    again = await held(metering, "a", "2")
    assert (again.verdict, again.reservation.id, again.window.reserved, again.written_value) == (
        pb.REPORT_VERDICT_REPEATED,
        names[0],
        "2",
        "2",
    )
    assert (await held(metering, "a", "3")).verdict == pb.REPORT_VERDICT_KEY_REUSED
    (reused,) = await metering.report(report("a", "2"))
    assert reused.verdict == pb.REPORT_VERDICT_KEY_REUSED


async def test_one_that_lapses_frees_its_room_and_tells_everybody(
    metering: Metering, broker: Broker, gates: str
) -> None:
    frames: asyncio.Queue[metering_events_pb2.UsageFrame] = asyncio.Queue()

    async def take(message: object) -> None:
        frames.put_nowait(metering_events_pb2.UsageFrame.FromString(message.data))  # type: ignore[attr-defined]

    await broker.client.subscribe("tollkeeper.metering.frame.*", cb=take)
    await broker.client.flush()
    short = await held(metering, "a", "6", hold=timedelta(seconds=1), resource="JFK")
    long = await held(metering, "b", "3")
    assert await window(metering, "JFK") == ("0", "6")
    async with asyncio.timeout(5):
        while True:
            windows = {one.series.resource_id: one for one in (await frames.get()).windows}
            if windows.get("") and windows[""].revision > long.window.revision:
                break
    heard = datetime.now(UTC)
    assert (windows[""].reserved, windows["JFK"].reserved, windows[""].value) == ("3", "", "0")
    assert heard - short.reservation.expire_time.ToDatetime(UTC) < timedelta(seconds=1)
    assert (await settled(metering, short.reservation.id, commit="1")).verdict == pb.SETTLEMENT_VERDICT_LAPSED
    assert (await settled(metering, short.reservation.id)).verdict == pb.SETTLEMENT_VERDICT_RELEASED
    assert await window(metering) == ("0", "3")
    assert (await settled(metering, long.reservation.id, commit="")).written_value == "3"


async def lapse(metering: Metering, name: str) -> None:
    """Makes a reservation lapse unnoticed: whoever ends the lapsed ones does not hear of it."""
    async with metering.database.write() as connection:
        await connection.execute(
            text("UPDATE reservation SET expire_time = now() - interval '1 second' WHERE id = :id"), {"id": name}
        )
        await connection.execute(
            text("UPDATE series SET next_lapse = now() - interval '1 second' WHERE next_lapse IS NOT NULL")
        )


async def test_what_lapsed_holds_nothing_even_before_anybody_swept(metering: Metering, gates: str) -> None:
    for number in range(5):
        one = await held(metering, f"{number}", "10")
        assert one.verdict == pb.REPORT_VERDICT_RESERVED
        await lapse(metering, one.reservation.id)
    # Settling looks, too.
    one = await held(metering, "last", "10")
    await lapse(metering, one.reservation.id)
    assert (await settled(metering, one.reservation.id, commit="1")).verdict == pb.SETTLEMENT_VERDICT_LAPSED
    assert await window(metering) == ("0", "")


async def test_it_belongs_to_the_window_it_was_made_in(metering: Metering, gates: str) -> None:
    months, february = monthly(), JANUARY + timedelta(days=40)
    await metering.register(tracker(gates, months))
    january = await held(metering, "a", "8", recurrence=months)
    later = await held(metering, "b", "10", recurrence=months, at=february)
    assert later.verdict == pb.REPORT_VERDICT_RESERVED
    committed = await settled(metering, january.reservation.id, commit="7")
    assert (committed.window.period, committed.window.value) == (january.window.period, "7")
    assert await metering.value(tracker(gates, months), february) == "0"
    request = usage_service_pb2.QueryUsageRequest(
        customer_id="UA",
        feature_id=gates,
        start_time=timestamp_to_proto(JANUARY),
        end_time=timestamp_to_proto(JANUARY + timedelta(days=90)),
        granularity=usage_service_pb2.GRANULARITY_MONTH,
        time_zone="America/New_York",
    )
    points = (await call(UsageServiceStub(metering.channel).QueryUsage, request)).points
    # What is only reserved is no usage, not even a zero.
    assert [point.value for point in points] == ["7"]


async def test_a_tracker_that_is_new_shows_what_is_held(metering: Metering, gates: str) -> None:
    months = monthly()
    await held(metering, "a", "4", resource="JFK")
    await metering.report(report("b", "1"))
    await metering.register(tracker(gates, months), tracker(gates, months, resource="JFK"))
    whole, named = await metering.windows(tracker(gates, months), tracker(gates, months, resource="JFK"), at=JANUARY)
    assert [(one.value, one.reserved) for one in (whole, named)] == [("1", "4"), ("0", "4")]
    assert min(whole.revision, named.revision) > 0


async def test_new_values_and_changes_are_of_usage_and_the_ceiling_is_of_both(metering: Metering, gates: str) -> None:
    await held(metering, "a", "4")
    (over,) = await metering.report(report("b", "7", behavior=SET, limit="10"))
    assert over.verdict == pb.REPORT_VERDICT_LIMIT_EXCEEDED
    (part,) = await metering.report(report("b", "7", behavior=SET, limit="10", partial=True))
    assert (part.verdict, part.window.value, part.written_value) == (pb.REPORT_VERDICT_WRITTEN, "6", "6")
    (again,) = await metering.report(report("b", "7", behavior=SET, limit="10", partial=True))
    assert (again.verdict, again.written_value) == (pb.REPORT_VERDICT_REPEATED, "6")
    (full,) = await metering.report(report("c", "7", behavior=SET, limit="10", partial=True))
    assert full.verdict == pb.REPORT_VERDICT_LIMIT_EXCEEDED
    (lower,) = await metering.report(report("c", "2", behavior=SET, limit="1", limit_revision=2, partial=True))
    assert (lower.verdict, lower.window.value) == (pb.REPORT_VERDICT_WRITTEN, "2")
    (below,) = await metering.report(report("d", "-3"))
    assert below.verdict == pb.REPORT_VERDICT_BELOW_ZERO


async def test_ended_ones_are_forgotten_after_a_day_and_a_committed_key_never(metering: Metering, gates: str) -> None:
    names = {key: (await held(metering, key, "2")).reservation.id for key in "abc"}
    await settled(metering, names["a"], commit="1")
    await settled(metering, names["b"])
    async with metering.database.write() as connection:
        assert await reservations.forget(await raw_of(connection), most=10) == 0
        await connection.execute(text("UPDATE reservation SET end_time = end_time - interval '25 hours'"))
        assert [await reservations.forget(await raw_of(connection), most=1) for _ in range(3)] == [1, 1, 0]
    assert (await settled(metering, names["a"])).verdict == pb.SETTLEMENT_VERDICT_UNKNOWN
    assert (await held(metering, "a", "2")).verdict == pb.REPORT_VERDICT_KEY_REUSED
    assert (await held(metering, "b", "2")).verdict == pb.REPORT_VERDICT_RESERVED
    assert (await held(metering, "c", "2")).reservation.id == names["c"]
    assert await window(metering) == ("1", "4")


async def test_there_may_be_so_many(metering: Metering, gates: str) -> None:
    await held(metering, "a", "1")
    async with metering.database.write() as connection:
        await connection.execute(text("UPDATE series SET open_reservations = 10000 WHERE resource_id = ''"))
    assert (await held(metering, "b", "1")).verdict == pb.REPORT_VERDICT_TOO_MANY_RESERVATIONS
    assert (await held(metering, "a", "1")).verdict == pb.REPORT_VERDICT_REPEATED


async def test_mistakes_are_named_and_nothing_is_done(metering: Metering, gates: str) -> None:
    bad = [
        report("a", "1", hold=timedelta(0)),
        report("b", "1", hold=timedelta(hours=25)),
        report("c", "0", hold=HOUR),
        report("d", "-1", hold=HOUR),
        report("e", "1", hold=HOUR, behavior=SET),
    ]
    with pytest.raises(RemoteRefusal) as refused:
        await metering.report(report("ok", "1", hold=HOUR), *bad)
    paths = [violation.path for violation in refused.value.violations]
    fields = ("reserve_for", "reserve_for", "value", "value", "value")
    assert paths == [f"reports[{number}].{field}" for number, field in enumerate(fields, 1)]
    ok = pb.ReservationSettlement(customer_id="UA", reservation_id="res_1", release=True)
    with pytest.raises(RemoteRefusal) as refused:
        await metering.settle(
            ok,
            pb.ReservationSettlement(customer_id=" ", reservation_id="", commit="x"),
            pb.ReservationSettlement(customer_id="UA", reservation_id="r", release=False),
            pb.ReservationSettlement(customer_id="UA", reservation_id="r"),
            pb.ReservationSettlement(customer_id="UA", reservation_id="r", commit="-1"),
        )
    assert [violation.path for violation in refused.value.violations] == [
        "settlements[1].customer_id",
        "settlements[1].reservation_id",
        "settlements[1].commit",
        "settlements[2].release",
        "settlements[3]",
        "settlements[4].commit",
    ]
    assert (await held(metering, "ok", "2")).verdict == pb.REPORT_VERDICT_RESERVED
