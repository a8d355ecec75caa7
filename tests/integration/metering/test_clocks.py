"""Times of events, against the clocks of their customers."""

from datetime import UTC, datetime, timedelta

import pytest

from kit.broker import Broker
from kit.errors import RemoteRefusal
from kit.proto import timestamp_from_proto, timestamp_to_proto
from tests.integration.metering.announcements import announce, until
from tests.integration.metering.conftest import Metering
from tests.integration.metering.fakes import Neighbours
from tests.integration.metering.samples import JANUARY, event
from tests.integration.metering.test_list_events import listed
from tollkeeper.billing.v1 import billing_events_pb2, customer_pb2, test_clock_pb2


def on_clock(neighbours: Neighbours, customer: str, time: datetime) -> None:
    """A customer that lives on a test clock."""
    neighbours.clocks["clock"] = test_clock_pb2.TestClock(id="clock", time=timestamp_to_proto(time), revision=1)
    neighbours.customers[customer] = customer_pb2.Customer(id=customer, test_clock_id="clock", revision=1)


async def refused_fields(metering: Metering, *events: object) -> list[str]:
    """The fields for which a batch is refused."""
    with pytest.raises(RemoteRefusal) as refused:
        await metering.send(*events)  # type: ignore[arg-type]  # events.
    assert refused.value.reason == "INVALID_FIELD"
    return [violation.path for violation in refused.value.violations]


async def test_a_missing_time_is_the_time_of_arrival(metering: Metering, neighbours: Neighbours) -> None:
    before = datetime.now(UTC)
    await metering.send(event("1", at=None), event("2"))
    stored = timestamp_from_proto((await listed(metering)).events[1].timestamp, "timestamp")
    assert before - timedelta(milliseconds=1) <= stored <= datetime.now(UTC)
    assert neighbours.asked == ["UA"]


async def test_a_customer_on_a_test_clock_must_say_the_time(metering: Metering, neighbours: Neighbours) -> None:
    on_clock(neighbours, "UA", JANUARY)
    assert await refused_fields(metering, event("1"), event("2", at=None)) == ["events[1].timestamp"]
    assert not (await listed(metering)).events
    # Known from here on: billing is not asked for the customer again.
    neighbours.asked.clear()
    assert await refused_fields(metering, event("2", at=None)) == ["events[0].timestamp"]
    assert neighbours.asked == []


async def test_a_time_is_refused_only_after_the_clock_was_looked_at(metering: Metering, neighbours: Neighbours) -> None:
    on_clock(neighbours, "UA", JANUARY)
    late = JANUARY + timedelta(hours=24, seconds=1)
    await refused_fields(metering, event("0", at=None))
    assert await refused_fields(metering, event("1", at=late)) == ["events[0].timestamp"]
    clock = neighbours.clocks["clock"]
    clock.time.CopyFrom(timestamp_to_proto(JANUARY + timedelta(seconds=1)))
    clock.revision = 2
    assert (await metering.send(event("1", at=late))).new_count == 1


async def test_a_customer_ahead_of_real_time_is_asked_for(metering: Metering, neighbours: Neighbours) -> None:
    future = datetime(2040, 1, 1, tzinfo=UTC)
    assert await refused_fields(metering, event("1", at=future)) == ["events[0].timestamp"]
    on_clock(neighbours, "AA", future)
    assert (await metering.send(event("1", customer="AA", at=future))).new_count == 1


async def test_events_of_unknown_customers_are_kept_without_asking(metering: Metering, neighbours: Neighbours) -> None:
    assert (await metering.send(event("1"))).new_count == 1
    assert neighbours.asked == []


async def test_only_billing_can_tell_and_is_away(metering: Metering, neighbours: Neighbours) -> None:
    neighbours.away = True
    with pytest.raises(Exception, match="cannot be reached"):
        await metering.send(event("1", at=None))
    assert (await metering.send(event("1"))).new_count == 1


async def test_what_billing_announces_is_known_from_then_on(
    metering: Metering, neighbours: Neighbours, broker: Broker
) -> None:
    await metering.send(event("0", at=None))
    neighbours.asked.clear()
    # Out of order, and the newest wins.
    for revision, time in ((3, JANUARY), (2, datetime(2040, 1, 1, tzinfo=UTC))):
        clock = test_clock_pb2.TestClock(id="clock", time=timestamp_to_proto(time), revision=revision)
        await announce(broker, "test_clock.advanced.clock", billing_events_pb2.TestClockAdvanced(test_clock=clock))
    customer = customer_pb2.Customer(id="UA", test_clock_id="clock", revision=1)
    await announce(broker, "customer.created.UA", billing_events_pb2.CustomerCreated(customer=customer))
    await until(metering, "SELECT count(*) = 1 FROM customer")
    assert await refused_fields(metering, event("1", at=None)) == ["events[0].timestamp"]
    assert neighbours.asked == []
    neighbours.clocks["clock"] = test_clock_pb2.TestClock(id="clock", time=timestamp_to_proto(JANUARY), revision=3)
    assert await refused_fields(metering, event("1", at=JANUARY + timedelta(days=2))) == ["events[0].timestamp"]
    assert neighbours.asked == ["clock"]
