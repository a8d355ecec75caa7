"""Shares of limits over the wire: announced once a period, whoever brings usage there, and however the limit got below it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from random import Random

import nats.errors
import nats.js.api
import pytest

from kit.broker import Broker
from kit.client import call, open_channel
from kit.errors import RemoteRefusal
from kit.proto import timestamp_to_proto
from kit.service import running
from metering.settings import MeteringSettings
from metering.wiring import wire
from tests.integration.metering.announcements import announce, until
from tests.integration.metering.conftest import Metering
from tests.integration.metering.fakes import Neighbours
from tests.integration.metering.samples import (
    COUNT,
    ENDLESS,
    JANUARY,
    UNIQUE,
    calculated,
    event,
    metered,
    monthly,
    report,
    tracker,
)
from tollkeeper.billing.v1 import billing_events_pb2, customer_pb2, test_clock_pb2
from tollkeeper.catalog.v1 import catalog_events_pb2, feature_pb2
from tollkeeper.common.v1 import period_pb2
from tollkeeper.metering.v1 import metering_events_pb2, tracker_pb2
from tollkeeper.metering.v1 import tracker_service_pb2 as pb

Crossed = metering_events_pb2.UsageThresholdCrossed
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def features(neighbours: Neighbours) -> None:
    """A feature of events, one of different values, one that is reported."""
    for feature in (metered("departures", COUNT), metered("aircraft", UNIQUE, "tail"), calculated("gates")):
        neighbours.features[feature.id] = feature


class Announced:
    """What metering announces."""

    def __init__(self, subscription: object) -> None:
        self._subscription = subscription

    async def take(self, count: int) -> list[Crossed]:
        """So many events, and no more than that."""
        found: list[Crossed] = []
        while len(found) < count:
            message = await self._subscription.next_msg(timeout=10)  # type: ignore[attr-defined]  # nats has no types here.
            found.append(Crossed.FromString(message.data))
        with pytest.raises(nats.errors.TimeoutError):
            await self._subscription.next_msg(timeout=0.3)  # type: ignore[attr-defined]  # the same.
        return found

    async def percents(self, count: int) -> list[int]:
        """The shares of so many events, and no more."""
        return [crossed.percent for crossed in await self.take(count)]


@pytest.fixture
async def announced(metering: Metering, broker: Broker) -> Announced:
    """Everything from the beginning on."""
    config = nats.js.api.ConsumerConfig(deliver_policy=nats.js.api.DeliverPolicy.ALL)
    async with asyncio.timeout(10):
        while True:
            try:
                subscription = await broker.jetstream.subscribe(
                    "tollkeeper.metering.threshold.crossed.>", stream="tollkeeper_metering", config=config
                )
            except nats.js.errors.NotFoundError:
                continue
            return Announced(subscription)


def limits(
    one: tracker_pb2.Tracker, *spans: tuple[str, datetime | None, datetime | None], revision: int = 1
) -> pb.TrackerLimits:
    """Limits by time over a tracker."""
    message = pb.TrackerLimits(tracker=one, entitlement_revision=revision)
    for limit, start, end in spans:
        period = period_pb2.Period(
            start_time=None if start is None else timestamp_to_proto(start),
            end_time=None if end is None else timestamp_to_proto(end),
        )
        message.spans.append(pb.LimitSpan(limit=limit, period=period))
    return message


async def say(metering: Metering, *several: pb.TrackerLimits) -> None:
    """Says limits."""
    await call(metering.trackers.SetLimits, pb.SetLimitsRequest(trackers=several))


async def limited(
    metering: Metering, feature: str, limit: str, *, recurrence: tracker_pb2.Recurrence = ENDLESS, revision: int = 1
) -> tracker_pb2.Tracker:
    """A tracker with one limit for ever."""
    one = tracker(feature, recurrence)
    await metering.register(one)
    await say(metering, limits(one, (limit, None, None), revision=revision))
    return one


async def test_a_share_is_announced_once_and_again_after_a_reset(metering: Metering, announced: Announced) -> None:
    await limited(metering, "departures", "10", recurrence=monthly())
    await metering.send(*(event(f"a{number}") for number in range(7)))
    await metering.send(event("a7", at=JANUARY + DAY))
    (crossed,) = await announced.take(1)
    assert (crossed.customer_id, crossed.feature_id, crossed.percent) == ("UA", "departures", 80)
    assert (crossed.limit, crossed.usage) == ("10", "8")
    assert crossed.cross_time == timestamp_to_proto(JANUARY + DAY)
    assert crossed.usage_period.start_time == timestamp_to_proto(JANUARY)
    assert crossed.revision > 0
    # Duplicates and further usage say nothing new; both shares at once are two events.
    await metering.send(*(event(f"a{number}") for number in range(9)))
    await metering.send(event("a9"))
    assert await announced.percents(1) == [100]
    later = JANUARY + timedelta(days=40)
    await metering.send(*(event(f"b{number}", at=later) for number in range(12)))
    assert await announced.percents(2) == [80, 100]
    # A late event brings the first month no new share, and lets the second one be.
    await metering.send(event("late", at=JANUARY))
    assert await announced.percents(0) == []


async def test_reports_announce_too_and_what_falls_and_rises_again_is_not_announced_again(
    metering: Metering, announced: Announced
) -> None:
    await limited(metering, "gates", "5")
    await metering.report(report("1", "4"), report("2", "1"))
    assert await announced.percents(2) == [80, 100]
    await metering.report(report("3", "-5"))
    await metering.report(report("4", "5", resource="north"))
    assert await announced.percents(0) == []


async def test_distinct_values_count_as_they_are_counted(metering: Metering, announced: Announced) -> None:
    await limited(metering, "aircraft", "2", recurrence=monthly())
    await metering.send(event("1", tail="N1"), event("2", tail="N1"))
    await metering.send(event("3", tail="N2"))
    assert await announced.percents(2) == [80, 100]


async def test_a_limit_that_falls_or_is_first_said_below_usage_is_announced(
    metering: Metering, announced: Announced
) -> None:
    one = tracker("gates", ENDLESS)
    await metering.register(one)
    await metering.report(report("1", "9"))
    await say(metering, limits(one, ("100", None, None), revision=3))
    assert await announced.percents(0) == []
    await say(metering, limits(one, ("10", None, None), revision=4))
    (crossed,) = await announced.take(1)
    assert (crossed.percent, crossed.limit, crossed.usage) == (80, "10", "9")
    # Repeated, and an older one: nothing.
    await say(metering, limits(one, ("10", None, None), revision=4))
    await say(metering, limits(one, ("5", None, None), revision=2))
    assert await announced.percents(0) == []
    await say(metering, limits(one, ("9", None, None), revision=5))
    assert await announced.percents(1) == [100]
    # No limit, no share.
    await say(metering, limits(one, revision=6))
    await metering.report(report("2", "100"))
    assert await announced.percents(0) == []


async def test_a_limit_that_stands_from_a_time_on_needs_no_message(
    metering: Metering, announced: Announced, broker: Broker
) -> None:
    async def clock(at: datetime, revision: int) -> None:
        state = test_clock_pb2.TestClock(id="clock", time=timestamp_to_proto(at), revision=revision)
        await announce(broker, "test_clock.advanced.clock", billing_events_pb2.TestClockAdvanced(test_clock=state))
        await until(metering, f"SELECT count(*) = 1 FROM test_clock WHERE revision = {revision}")

    await clock(JANUARY, 1)
    customer = customer_pb2.Customer(id="UA", test_clock_id="clock", revision=1)
    await announce(broker, "customer.created.UA", billing_events_pb2.CustomerCreated(customer=customer))
    await until(metering, "SELECT count(*) = 1 FROM customer")
    one = tracker("gates", ENDLESS)
    await metering.register(one)
    await say(metering, limits(one, ("100", None, JANUARY + DAY), ("10", JANUARY + DAY, None)))
    await metering.report(report("1", "8"))
    assert await announced.percents(0) == []
    await clock(JANUARY + DAY, 2)
    (crossed,) = await announced.take(1)
    assert (crossed.percent, crossed.limit, crossed.cross_time) == (80, "10", timestamp_to_proto(JANUARY + DAY))


async def test_the_shares_are_the_features_and_may_change(
    metering: Metering, announced: Announced, neighbours: Neighbours, broker: Broker
) -> None:
    quiet = calculated("quiet")
    quiet.metered.thresholds.SetInParent()
    neighbours.features["quiet"] = quiet
    loud = calculated("loud")
    loud.metered.thresholds.percents.extend([50, 200])
    neighbours.features["loud"] = loud
    for feature in ("quiet", "loud"):
        await limited(metering, feature, "10")
    await metering.report(report("1", "9", feature="quiet"), report("2", "19", feature="loud"))
    assert await announced.percents(1) == [50]
    changed = feature_pb2.Feature()
    changed.CopyFrom(quiet)
    changed.metered.thresholds.percents.append(95)
    changed.revision = 2
    await announce(broker, "feature.updated.quiet", catalog_events_pb2.FeatureUpdated(feature=changed))
    await until(metering, "SELECT thresholds = ARRAY[95] FROM feature WHERE id = 'quiet'")

    # Within a second it is looked at; usage that stays above is announced with its next change.
    async def is_announced() -> None:
        for number in range(1_000):
            await metering.report(report(f"q{number}", "0.001", feature="quiet"))
            async with metering.database.read() as connection:
                found = await connection.exec_driver_sql("SELECT count(*) FROM crossed_threshold WHERE percent = 95")
                if found.scalar_one():
                    return

    await metering.report(report("3", "0.5", feature="quiet"))
    await is_announced()
    assert await announced.percents(1) == [95]


async def test_every_mistake_is_named_and_unknown_trackers_are_refused(metering: Metering) -> None:
    one = tracker("gates", ENDLESS)
    with pytest.raises(RemoteRefusal) as refused:
        await say(metering, limits(one, ("1", None, None)))
    assert refused.value.reason == "TRACKER_NOT_FOUND"
    wrong = limits(one, ("0", None, None), ("x", JANUARY, JANUARY), revision=-1)
    overlapping = limits(one, ("1", None, JANUARY + DAY), ("2", JANUARY, None))
    many = limits(one, *(("1", JANUARY + number * DAY, JANUARY + (number + 1) * DAY) for number in range(101)))
    with pytest.raises(RemoteRefusal) as refused:
        await say(metering, wrong, overlapping, many)
    assert [violation.path for violation in refused.value.violations] == [
        "trackers[0].entitlement_revision",
        "trackers[0].spans[0].limit",
        "trackers[0].spans[1].limit",
        "trackers[0].spans[1].period.end_time",
        "trackers[1].spans",
        "trackers[2].spans",
    ]


@pytest.fixture
async def replica(metering: Metering, metering_settings: MeteringSettings) -> AsyncIterator[Metering]:
    """A second process over the same store."""
    async with (
        running("metering", metering_settings, wire) as port,
        open_channel(f"127.0.0.1:{port}") as channel,
    ):
        yield Metering(channel, metering_settings, metering.database)


async def test_two_processes_announce_each_share_once_whatever_arrives_where(
    metering: Metering, replica: Metering, announced: Announced
) -> None:
    await limited(metering, "departures", "100", recurrence=monthly())
    await limited(metering, "gates", "50")
    random = Random(4)
    keys = [f"e{number}" for number in range(120)] * 2
    random.shuffle(keys)
    batches = [keys[start : start + 8] for start in range(0, len(keys), 8)]
    sides = (metering, replica)
    sending = [
        sides[number % 2].send(*(event(key, at=JANUARY + timedelta(minutes=number)) for key in batch))
        for number, batch in enumerate(batches)
    ]
    reporting = [sides[number % 2].report(report(f"r{number}", "1")) for number in range(60)]
    # The limit is said again meanwhile, lower and higher, through both.
    saying = [
        say(sides[number % 2], limits(tracker("gates", ENDLESS), (str(40 + number), None, None), revision=2 + number))
        for number in range(10)
    ]
    await asyncio.gather(*sending, *reporting, *saying)
    found = await announced.take(4)
    assert sorted((crossed.feature_id, crossed.percent) for crossed in found) == [
        ("departures", 80),
        ("departures", 100),
        ("gates", 80),
        ("gates", 100),
    ]
