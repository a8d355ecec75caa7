"""Trackers: metering counts what is billed from the start on, even where it was away when the subscription began."""

from datetime import UTC, datetime, timedelta

import pytest

from billing.commands.plans import Plans
from billing.commands.register_trackers import RegisterTrackers
from billing.domain.usage import MeteredSeries, Tracked, UsageQuestion
from kernel.period import Period
from kernel.recurrence import Interval, Recurrence
from tests.integration.billing.plans import departures, gates, plan
from tests.integration.billing.world import World, told
from tollkeeper.metering.v1 import tracker_pb2

START = datetime(2013, 1, 31, 9, 30, tzinfo=UTC)


def worker(world: World) -> RegisterTrackers:
    return RegisterTrackers(world.database, world.metering_client, plans=Plans(), poll_seconds=1)


async def begin(world: World) -> None:
    world.catalog.publish(plan("airline", gates(), departures()), plan("gates", gates(), product_id="gates"))
    await world.clock("2013", START)
    await world.customer("UA", "2013")


async def test_a_tracker_has_the_recurrence_of_the_billing_periods(world: World) -> None:
    await begin(world)
    await world.provision("UA", "airline", time_zone="Asia/Kolkata")
    [registered] = [tracker_pb2.Tracker.FromString(one) for one in world.metering.registered]
    assert registered.series == tracker_pb2.Series(customer_id="UA", feature_id="departures")
    assert registered.recurrence.interval == tracker_pb2.INTERVAL_MONTH
    assert registered.recurrence.anchor_time.ToDatetime(UTC) == START
    assert registered.recurrence.time_zone == "Asia/Kolkata"
    assert await world.rows("SELECT * FROM tracker_registration") == []


async def test_a_plan_without_usage_registers_nothing(world: World) -> None:
    await begin(world)
    world.metering.away = True
    await world.provision("UA", "gates")
    assert await world.rows("SELECT * FROM tracker_registration") == []


async def test_metering_away_delays_nothing_but_the_tracker(world: World) -> None:
    await begin(world)
    world.metering.away = True
    await world.provision("UA", "airline", subscription_id="ua")
    assert await world.rows("SELECT * FROM tracker_registration") == [("ua",)]
    await worker(world).register_waiting()
    assert await world.rows("SELECT * FROM tracker_registration") == [("ua",)]
    world.metering.away = False
    await worker(world).register_waiting()
    assert len(world.metering.registered) == 1
    assert await world.rows("SELECT * FROM tracker_registration") == []


async def test_a_renewal_registers_what_is_still_missing(world: World) -> None:
    await begin(world)
    world.metering.away = True
    await world.provision("UA", "airline", commitments={"gates": "1"})
    world.metering.away = False
    world.metering.use("UA", "departures", START, quantity="10")
    await world.advance("2013", datetime(2013, 2, 28, 9, 30, tzinfo=UTC))
    assert told((await world.invoices_of())[1]) == [("COMMITMENT", "1", "30.00"), ("USAGE", "10", "5.00")]


async def test_many_questions_are_asked_a_thousand_at_a_time(world: World) -> None:
    recurrence = Recurrence(Interval.MONTH, START, "UTC")
    series = [MeteredSeries(f"c{i}", "", "departures") for i in range(1_001)]
    questions = [UsageQuestion((0, "departures"), one, recurrence.period(0), recurrence) for one in series]
    world.metering.use("c1000", "departures", START, quantity="7")
    await world.metering_client.register([Tracked(one, recurrence) for one in series])
    usage = await world.metering_client.usage(questions)
    assert world.metering.batches == [1_000, 1]
    assert [one.quantity for one in usage] == [0] * 1_000 + [7]


async def test_the_usage_of_another_period_is_never_billed(world: World) -> None:
    series = MeteredSeries("UA", "", "departures")
    recurrence = Recurrence(Interval.MONTH, START, "UTC")
    shifted = Recurrence(Interval.MONTH, START + timedelta(hours=1), "UTC").period(0)
    await world.metering_client.register([Tracked(series, recurrence)])
    with pytest.raises(ValueError, match="another period"):
        await world.metering_client.usage([UsageQuestion((0, "departures"), series, shifted, recurrence)])


async def test_spans_that_are_no_tracker_s_periods_are_measured(world: World) -> None:
    series = MeteredSeries("UA", "", "departures")
    recurrence = Recurrence(Interval.MONTH, START, "UTC")
    part = Period(START, START + timedelta(days=3))
    asked = [
        UsageQuestion((1, "departures"), series, part, None),
        UsageQuestion((0, "departures"), series, recurrence.period(0), recurrence),
    ]
    world.metering.use("UA", "departures", START + timedelta(days=3), quantity="5")
    world.metering.use("UA", "departures", START, quantity="2")
    assert [one.quantity for one in await world.metering_client.usage(asked)] == [2, 7]
