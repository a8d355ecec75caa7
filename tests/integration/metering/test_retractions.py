"""Raw events taken back: windows follow, keys stay used, and whoever comes at the same moment comes before or after."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import timedelta

import pytest

from kernel.token import Token
from kit.client import call, open_channel
from kit.errors import RemoteRefusal
from kit.service import running
from metering.settings import MeteringSettings
from metering.wiring import wire
from tests.integration.metering.conftest import Metering
from tests.integration.metering.fakes import Neighbours
from tests.integration.metering.samples import COUNT, ENDLESS, JANUARY, SUM, UNIQUE, event, metered, monthly, tracker
from tests.integration.metering.test_list_events import keys, listed
from tollkeeper.catalog.v1 import feature_pb2
from tollkeeper.metering.v1 import event_service_pb2 as pb

FEATURES = {
    "departures": (COUNT, ""),
    "miles": (SUM, "miles"),
    "aircraft": (UNIQUE, "tail"),
    "longest": (feature_pb2.AGGREGATION_MAX, "miles"),
    "shortest": (feature_pb2.AGGREGATION_MIN, "miles"),
    "mean": (feature_pb2.AGGREGATION_AVG, "miles"),
    "last": (feature_pb2.AGGREGATION_LATEST, "miles"),
}


@pytest.fixture
async def counted(metering: Metering, neighbours: Neighbours) -> Metering:
    """The service with a feature and two trackers for each aggregation."""
    for name, (aggregation, field) in FEATURES.items():
        neighbours.features[name] = metered(name, aggregation, field)
    await metering.register(*(tracker(name, when) for name in FEATURES for when in (monthly(), ENDLESS)))
    return metering


@pytest.fixture
async def replica(metering_settings: MeteringSettings, counted: Metering) -> AsyncIterator[Metering]:
    """A second process over the same store."""
    async with (
        running("metering", metering_settings, wire) as port,
        open_channel(f"127.0.0.1:{port}") as channel,
    ):
        yield Metering(channel, metering_settings, counted.database)


async def retract(metering: Metering, *names: str, reason: str = "", customer: str = "UA") -> pb.RetractEventsResponse:
    """Takes events back by their keys."""
    wanted = [pb.EventKey(customer_id=customer, idempotency_key=name) for name in names]
    return await call(metering.events.RetractEvents, pb.RetractEventsRequest(keys=wanted, reason=reason))


async def retractions(metering: Metering, **fields: object) -> pb.ListRetractionsResponse:
    """A page of UA's retractions."""
    return await call(metering.events.ListRetractions, pb.ListRetractionsRequest(customer_id="UA", **fields))  # type: ignore[arg-type]  # the test gives what it likes.


def counts(response: pb.RetractEventsResponse) -> tuple[int, int, int]:
    """Retracted, pending and repeated."""
    return response.retracted_count, response.pending_count, response.repeated_count


async def usage(metering: Metering) -> Mapping[str, Sequence[str]]:
    """Each feature's usage in January and in all."""
    trackers = [tracker(name, when) for name in FEATURES for when in (monthly(), ENDLESS)]
    values = [window.value for window in await metering.windows(*trackers, at=JANUARY)]
    return {name: values[2 * number : 2 * number + 2] for number, name in enumerate(FEATURES)}


async def test_every_window_follows_as_if_the_event_had_never_come(counted: Metering) -> None:
    kept = [
        event("1", at=JANUARY, miles=100, tail="N1", resource="JFK"),
        event("2", at=JANUARY + timedelta(hours=1), miles=300, tail="N2"),
        event("3", at=JANUARY + timedelta(days=40), miles=200, tail="N1"),
    ]
    await counted.send(*kept)
    before = await usage(counted)
    assert before["aircraft"] == ["2", "2"]
    others = [
        event("4", at=JANUARY + timedelta(hours=2), miles=0.5, tail="N2"),
        event("5", at=JANUARY + timedelta(days=41), miles=9_000, tail="N3", resource="JFK"),
        event("6", at=JANUARY + timedelta(days=-1), miles="text", tail="N4"),
    ]
    sent = await counted.send(*others)
    assert await usage(counted) != before
    response = await retract(counted, "4", "5", "6", "5", reason="sent by mistake")
    assert counts(response) == (3, 0, 0)
    assert await usage(counted) == before
    assert Token.decode(response.token, "").usage > Token.decode(sent.token, "").usage
    assert keys(await listed(counted)) == ["1", "2", "3"]
    # The keys stay used, and what was done is not done again.
    assert (await counted.send(*others)).duplicate_count == 3
    assert counts(await retract(counted, "4", "5", "6")) == (0, 0, 3)
    assert await usage(counted) == before
    # The last of a window: nothing is left there.
    await retract(counted, "1", "2")
    emptied = await usage(counted)
    assert {name: values[0] for name, values in emptied.items()} == dict.fromkeys(FEATURES, "0")
    assert (emptied["miles"][1], emptied["aircraft"][1], emptied["last"][1]) == ("200", "1", "200")


async def test_a_retraction_may_come_before_its_event(counted: Metering) -> None:
    assert counts(await retract(counted, "early", "other")) == (0, 2, 0)
    response = await counted.send(event("early"), event("another"))
    assert (response.new_count, response.duplicate_count) == (1, 1)
    assert (await usage(counted))["departures"] == ["1", "1"]
    assert counts(await retract(counted, "early")) == (0, 0, 1)
    assert keys(await listed(counted)) == ["another"]


async def test_retractions_are_listed_the_newest_first(counted: Metering) -> None:
    sent = event("2", at=JANUARY, text='a "b"\\\n', miles=0.1, resource="JFK")
    await counted.send(sent)
    for name in ("1", "2", "3"):
        await retract(counted, name, reason=f"because of {name}")
    await retract(counted, "4", customer="AA")
    whole = await retractions(counted)
    assert [one.idempotency_key for one in whole.retractions] == ["3", "2", "1"]
    assert whole.retractions[1].event == sent
    assert whole.retractions[1].reason == "because of 2"
    assert not whole.retractions[0].HasField("event")
    first = await retractions(counted, page_size=2)
    second = await retractions(counted, page_size=2, page_token=first.next_page_token)
    assert [*first.retractions, *second.retractions] == list(whole.retractions)
    assert not second.next_page_token
    with pytest.raises(RemoteRefusal) as refused:
        await listed(counted, page_token=first.next_page_token)
    assert refused.value.reason == "INVALID_PAGE_TOKEN"


async def test_bad_retractions_name_every_mistake(counted: Metering) -> None:
    await counted.send(event("1"))
    request = pb.RetractEventsRequest(
        keys=[
            pb.EventKey(customer_id="UA", idempotency_key="1"),
            pb.EventKey(customer_id="a b", idempotency_key=""),
            pb.EventKey(customer_id="UA", idempotency_key="x" * 257),
        ],
        reason="x" * 501,
    )
    with pytest.raises(RemoteRefusal) as refused:
        await call(counted.events.RetractEvents, request)
    paths = [violation.path for violation in refused.value.violations]
    assert paths == ["reason", "keys[1].customer_id", "keys[1].idempotency_key", "keys[2].idempotency_key"]
    for number in (0, 1_001):
        with pytest.raises(RemoteRefusal, match=r"1 to 1,000 keys"):
            await retract(counted, *map(str, range(number)))
    assert keys(await listed(counted)) == ["1"]


async def test_an_event_and_its_retraction_at_the_same_moment_come_one_after_the_other(
    counted: Metering, replica: Metering
) -> None:
    names = [str(number) for number in range(60)]

    async def send(number: int) -> None:
        one = (counted, replica)[number % 2]
        await one.send(*(event(name, tail=f"N{name}", miles=1) for name in names[number::4]))

    async def take_back(number: int) -> None:
        one = (replica, counted)[number % 2]
        response = await retract(one, *names[number::4][::-1])
        # Each was taken back or kept out, whoever came first.
        assert response.retracted_count + response.pending_count == len(names) // 4

    await asyncio.gather(*(send(n) for n in range(4)), *(take_back(n) for n in range(4)))
    assert (await usage(counted))["departures"] == ["0", "0"]
    assert (await usage(counted))["aircraft"] == ["0", "0"]
    assert keys(await listed(counted)) == []


async def test_two_retractions_of_one_value_at_the_same_moment_leave_none(counted: Metering, replica: Metering) -> None:
    for number in range(5):
        await counted.send(*(event(f"{number}-{n}", tail="N1") for n in range(3)))
        await asyncio.gather(
            retract(counted, f"{number}-0"), retract(replica, f"{number}-1"), retract(replica, f"{number}-2")
        )
        assert (await usage(counted))["aircraft"] == ["0", "0"]


async def test_a_tracker_opened_beside_a_retraction_does_not_count_it(counted: Metering, replica: Metering) -> None:
    for number in range(5):
        customer = f"customer-{number}"
        await counted.send(*(event(str(n), customer=customer, tail=f"N{n}") for n in range(4)))
        opened = [tracker(name, monthly(), customer=customer) for name in ("departures", "aircraft")]
        await asyncio.gather(replica.register(*opened), retract(counted, "1", "2", customer=customer))
        assert [window.value for window in await counted.windows(*opened, at=JANUARY)] == ["2", "2"]
