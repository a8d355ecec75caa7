"""Rebuild: windows against what is stored, for any range, beside a running ingest, as an operator's command."""

import asyncio
from datetime import timedelta
from decimal import Decimal

from sqlalchemy import text

from kernel.recurrence import Interval, Recurrence
from kit.proto import timestamp_to_proto
from metering.domain.rebuild import Scope
from metering.domain.series import Series
from metering.domain.tracker import Place, microseconds
from metering.store import backfill, features, horizon, series, trackers
from metering.store.line import raw_of
from tests.integration.metering.conftest import Metering
from tests.integration.metering.rebuilding import A_WRONG_SUM, A_WRONG_VALUE, DAY, METERS, of, rebuild, spoil, usage
from tests.integration.metering.samples import (
    ENDLESS,
    JANUARY,
    event,
    monthly,
    tracker,
)
from tests.integration.metering.windows import stored_windows
from tollkeeper.metering.v1 import tracker_pb2

__all__ = ["usage"]


async def test_what_was_counted_rightly_is_found_equal(metering: Metering) -> None:
    progress, published = await rebuild(metering)
    # Four months and an endless window of seven meters, and three months of gates, of the customer and of its resource.
    assert (progress.series_total, progress.windows) == (16, 7 * 5 + 2 * 3)
    assert (progress.differing, progress.repaired, progress.left_alone, published) == (0, 0, 0, [])


SPOILT = {
    "a wrong value": A_WRONG_VALUE,
    "a lost window": f"DELETE FROM \"window\" WHERE {of('departures')} AND period_start > '2013-02-15'",
    "a window of nothing": 'INSERT INTO "window" (customer_id, tracker_id, period_start, period_end, value, revision) SELECT '
    "customer_id, id, '2012-01-01 05:00+00'::timestamptz + interval '3 years', '2015-02-01 05:00+00', 5, 1 FROM tracker "
    "WHERE feature_id = 'top' AND interval = 'MONTH' AND resource_id = ''",
    "a window of no period": 'INSERT INTO "window" (customer_id, tracker_id, period_start, period_end, value, revision) SELECT '
    "customer_id, id, '2013-02-10'::timestamptz, '2013-02-20', 5, 1 FROM tracker WHERE interval = 'MONTH'",
    "a wrong end": "UPDATE \"window\" SET period_end = '2013-02-20' WHERE period_start < '2013-02-01'",
    "a kept value too few": f"DELETE FROM unique_value WHERE {of('aircraft')} AND value = 's:N3'",
    "a kept value too few here and there": f"DELETE FROM unique_value WHERE {of('aircraft')} AND value = 's:N3' "
    "AND period_start IN ('2013-01-01 05:00+00', '2013-03-01 05:00+00')",
    "a kept value of nothing": "INSERT INTO unique_value SELECT customer_id, tracker_id, period_start, 's:N9' FROM \"window\" "
    f"WHERE {of('aircraft')}",
    "a wrong sum beneath a mean": A_WRONG_SUM,
    "a wrong key beneath the latest": f"UPDATE gathered SET idempotency_key = 'zzz' WHERE {of('last')}",
    "nothing beneath the least": f"DELETE FROM gathered WHERE {of('low')}",
    "a wrong report": f'UPDATE "window" SET value = value - 1 WHERE {of("gates")}',
}


async def test_every_fault_is_found_and_put_right(metering: Metering) -> None:
    for number, (fault, statement) in enumerate(SPOILT.items()):
        right = await stored_windows(metering.database, "UA")
        await spoil(metering, statement)
        spoilt = await stored_windows(metering.database, "UA")
        found, told = await rebuild(metering, repair=False)
        assert found.differing > 0, fault
        assert (found.repaired, told, await stored_windows(metering.database, "UA")) == (0, [], spoilt)
        async with metering.database.read() as connection:
            before = (await connection.execute(text("SELECT last_value FROM revision"))).scalar_one()
        progress, published = await rebuild(metering)
        assert (progress.differing, progress.repaired) == (found.differing, found.differing), fault
        assert len(published) == progress.differing
        assert min(window.revision for window in published) > before
        repaired = await stored_windows(metering.database, "UA")
        assert {key: value for key, value in repaired.items() if value or key in right} == right, fault
        # What comes next counts on from there.
        await metering.send(event(f"next-{number}", at=JANUARY + 40 * DAY, miles=-500, tail="N3"))
        assert (await rebuild(metering, repair=False))[0].differing == 0, fault


async def test_what_is_reserved_stays(metering: Metering) -> None:
    await spoil(
        metering, f"UPDATE \"window\" SET reserved = 3, value = 9 WHERE {of('gates')} AND period_start < '2013-02-01'"
    )
    _, (window,) = await rebuild(metering)
    assert (window.value, window.reserved) == (Decimal(4), Decimal(3))
    (served,) = await metering.windows(tracker("gates", monthly()), at=JANUARY)
    assert (served.value, served.reserved, served.revision) == ("4", "3", window.revision)


async def test_only_the_scope_is_looked_at(metering: Metering) -> None:
    await metering.register(tracker("miles", monthly(), customer="AA"))
    await metering.send(*(event(f"{n}", customer="AA", at=JANUARY + n * 40 * DAY, miles=1) for n in range(3)))
    await spoil(metering, 'UPDATE "window" SET value = value + 1 WHERE period_end IS NOT NULL')
    end = JANUARY + 31 * DAY
    scopes = {
        Scope(customer_id="AA"): 3,
        Scope(customer_id="AA", feature_id="top"): 0,
        Scope(customer_id="AA", feature_id="miles", start=end): 2,
        Scope(customer_id="AA", feature_id="miles", start=end - DAY): 3,
        Scope(customer_id="AA", end=end): 1,
        Scope(customer_id="AA", end=end + timedelta(microseconds=1)): 2,
        Scope(customer_id="AA", start=JANUARY - 9 * DAY, end=JANUARY): 0,
        Scope(feature_id="gates"): 6,
        Scope(feature_id="gates", start=JANUARY + 60 * DAY): 2,
    }
    for scope, differing in scopes.items():
        assert (scope, (await rebuild(metering, scope, repair=False))[0].differing) == (scope, differing)
    progress, _ = await rebuild(metering, Scope(feature_id="mean"))
    assert (progress.series_total, progress.repaired) == (3, 4)


async def test_many_windows_are_compared_a_thousand_at_a_time(metering: Metering) -> None:
    hourly = tracker_pb2.Recurrence(
        interval=tracker_pb2.INTERVAL_HOUR, anchor_time=timestamp_to_proto(JANUARY), time_zone="UTC"
    )
    await metering.register(tracker("aircraft", hourly, customer="AA"))
    hours = [*range(1_500), 5_000, 50_000]
    at = [JANUARY + timedelta(hours=hour, minutes=n % 60) for n, hour in enumerate(hours)]
    await metering.send(*(event(f"{n}", customer="AA", at=time, tail=f"N{n}") for n, time in enumerate(at)))
    scope = Scope(customer_id="AA", feature_id="aircraft")
    assert (await rebuild(metering, scope))[0].windows == 1_502
    # In the first thousand, in the next, alone, and in between where nothing was; each repaired with its values only.
    for hour in (3, 5, 1_200, 5_000):
        start = f"'{(JANUARY + timedelta(hours=hour)).isoformat()}'"
        await spoil(metering, f"DELETE FROM unique_value WHERE customer_id = 'AA' AND period_start = {start}")
    await spoil(
        metering,
        'INSERT INTO "window" (customer_id, tracker_id, period_start, period_end, value, revision) '
        "SELECT customer_id, id, anchor + interval '9000 hours', anchor + interval '9001 hours', 5, 1 FROM tracker "
        "WHERE customer_id = 'AA' AND interval = 'HOUR'",
        "INSERT INTO unique_value (customer_id, tracker_id, period_start, value) "
        "SELECT customer_id, id, anchor + interval '1700 hours', 's:N2' FROM tracker "
        "WHERE customer_id = 'AA' AND interval = 'HOUR'",
    )
    progress, _ = await rebuild(metering, scope)
    assert (progress.windows, progress.differing, progress.repaired) == (1_504, 6, 6)
    assert (await rebuild(metering, scope, repair=False))[0].differing == 0
    async with metering.database.read() as connection:
        kept = text("SELECT count(*) FROM unique_value WHERE customer_id = 'AA'")
        assert (await connection.execute(kept)).scalar_one() == 1_502


async def test_a_right_window_between_wrong_ones_stays_as_it_is(metering: Metering) -> None:
    await spoil(
        metering,
        f"DELETE FROM unique_value WHERE {of('aircraft')} AND value = 's:N3' AND period_start <> '2013-02-01 05:00+00'",
        f"DELETE FROM event WHERE timestamp_us < {microseconds(JANUARY + 25 * DAY)}",
        f"DELETE FROM unique_value WHERE {of('aircraft')} AND value <> 's:N5' AND period_start = '2013-01-01 05:00+00'",
    )
    one = Series("UA", "", "aircraft")
    months = Recurrence(Interval.MONTH, JANUARY, "America/New_York")
    async with metering.database.write() as connection:
        raw = await raw_of(connection)
        await series.lock(raw, [one])
        (revision,) = await series.next_revisions(raw, 1)
        feature = await features.get(connection, "aircraft")
        assert feature is not None
        by_periods = {each.periods: each for each in (await trackers.of_series(raw, [one]))[one]}
        places = [Place(by_periods[months], months.period(month)) for month in (2, 0, 1, 3)]
        changed = await backfill.recompute(connection, {feature.id: feature}, places, revision=revision)
    # January keeps six days; of February, which was right, nothing is written, and nothing of it goes to January.
    assert [f"{each.before} {each.window.value}" for each in changed] == ["7 6", "7 7", "7 7"]
    assert (await rebuild(metering, Scope(feature_id="aircraft"), repair=False))[0].differing == 0


async def test_what_nothing_counts_in_any_more_begins_again(metering: Metering) -> None:
    await spoil(metering, "DELETE FROM event")
    progress, published = await rebuild(metering)
    assert (progress.differing, progress.repaired) == (7 * 5, 7 * 5)
    assert {window.value for window in published} == {0}
    await metering.send(event("first", at=JANUARY, miles=-500, tail="N3"))
    found = await metering.windows(*(tracker(name, ENDLESS) for name in METERS), at=JANUARY)
    assert [window.value for window in found] == ["1", "-500", "1", "-500", "-500", "-500", "-500"]


async def test_windows_that_begin_before_the_horizon_are_left_alone(metering: Metering) -> None:
    february = JANUARY + 31 * DAY
    async with metering.database.write() as connection:
        await horizon.move(connection, microseconds(february + DAY))
    await spoil(
        metering,
        f"DELETE FROM event WHERE timestamp_us < {microseconds(february + DAY)}",
        f"UPDATE \"window\" SET value = 0 WHERE {of('miles')} AND period_start = '2013-03-01 05:00+00'",
    )
    right = await stored_windows(metering.database, "UA")
    progress, published = await rebuild(metering)
    # January, February and the endless one of each meter; reports are never let go.
    assert (progress.left_alone, progress.differing) == (7 * 3, 1)
    assert [window.value for window in published] == [sum(100 - n for n in range(59, 90))]
    left = await stored_windows(metering.database, "UA")
    assert {key for key in left if left[key] != right[key]} == {("", "miles", "MONTH", "2013-03-01T05:00:00+00:00")}
    scope = Scope(feature_id="miles", start=february, end=february + DAY)
    assert (await rebuild(metering, scope))[0].left_alone == 2
    # A horizon at the very start of a period leaves it whole.
    scope = Scope(feature_id="miles", start=JANUARY + 59 * DAY)
    assert ((await rebuild(metering, scope))[0].left_alone, (await rebuild(metering, scope))[0].windows) == (1, 2)


async def test_beside_an_ingest_nothing_is_lost_and_nothing_differs(metering: Metering) -> None:
    await metering.register(*(tracker(name, ENDLESS, customer="AA") for name in METERS))
    sent = 0
    done = asyncio.Event()

    async def ingest() -> None:
        nonlocal sent
        while not done.is_set():
            await metering.send(
                *(event(f"AA-{sent + n}", customer="AA", miles=(sent + n) % 97, tail=f"N{sent + n}") for n in range(20))
            )
            sent += 20

    ingesting = asyncio.create_task(ingest())
    differing = []
    for _ in range(5):
        differing.append((await rebuild(metering, Scope(customer_id="AA")))[0].differing)
        await spoil(metering, "UPDATE \"window\" SET value = value + 1 WHERE customer_id = 'AA'")
        repaired, _ = await rebuild(metering, Scope(customer_id="AA"))
        # What is no sum is put whole into its window by the next event.
        assert 3 <= repaired.differing <= 7
    done.set()
    await ingesting
    assert differing == [0] * 5
    assert (await rebuild(metering, Scope(customer_id="AA"), repair=False))[0].differing == 0
    assert await metering.value(tracker("departures", ENDLESS, customer="AA"), JANUARY) == f"{sent}"
