"""Races: nothing is lost, nothing is counted twice, nobody waits in a circle, and one caller's fault is nobody else's."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from random import Random

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from kernel.errors import TollkeeperError
from kit.client import open_channel
from kit.errors import RemoteRefusal
from kit.service import running
from metering.settings import MeteringSettings
from metering.wiring import wire
from tests.integration.metering.conftest import Metering
from tests.integration.metering.fakes import Neighbours
from tests.integration.metering.samples import (
    COUNT,
    ENDLESS,
    JANUARY,
    SUM,
    UNIQUE,
    calculated,
    event,
    metered,
    monthly,
    report,
    tracker,
)
from tests.integration.metering.windows import rebuild, stored_windows
from tollkeeper.metering.v1 import tracker_service_pb2 as pb

FEATURES = ("departures", "miles", "aircraft")


@pytest.fixture
def features(neighbours: Neighbours) -> None:
    """Features of each aggregation."""
    for feature in (metered("departures", COUNT), metered("miles", SUM, "miles"), metered("aircraft", UNIQUE, "tail")):
        neighbours.features[feature.id] = feature


@pytest.fixture
async def replica(metering: Metering, metering_settings: MeteringSettings) -> AsyncIterator[Metering]:
    """A second process over the same store."""
    async with (
        running("metering", metering_settings, wire) as port,
        open_channel(f"127.0.0.1:{port}") as channel,
    ):
        yield Metering(channel, metering_settings, metering.database)


async def values(metering: Metering, customer: str) -> list[str]:
    """Departures, miles and aircraft in January."""
    trackers = [tracker(feature, monthly(), customer=customer) for feature in FEATURES]
    return [window.value for window in await metering.windows(*trackers, at=JANUARY)]


@contextlib.contextmanager
def no_deadlocks() -> Iterator[None]:
    """No two transactions waited in a circle: PostgreSQL ends one of them, and it would be run again unnoticed."""
    with capture_logs() as logs:
        yield
    assert [entry for entry in logs if entry.get("error") == "DeadlockDetected"] == []


@pytest.mark.usefixtures("features")
async def test_the_same_events_from_everywhere_count_once(metering: Metering, replica: Metering) -> None:
    customers = ("AA", "UA", "DL")
    await metering.register(
        *(tracker(feature, monthly(), customer=customer) for feature in FEATURES for customer in customers)
    )
    events = [event(f"{n}", customer=customers[n % 3], miles=n % 50 / 4, tail=f"N{n % 70}") for n in range(900)]
    random = Random(1)
    batches = []
    for _ in range(4):
        random.shuffle(events)
        batches += [events[start : start + 90] for start in range(0, len(events), 90)]
    random.shuffle(batches)
    # Two processes, many callers, every batch in another order: two transactions often hold what the other wants.
    with no_deadlocks():
        responses = await asyncio.gather(
            *((metering, replica)[number % 2].send(*batch) for number, batch in enumerate(batches))
        )
    assert sum(response.new_count for response in responses) == 900
    assert sum(response.duplicate_count for response in responses) == 2_700
    for index, customer in enumerate(customers):
        numbers = range(index, 900, 3)
        miles = sum(n % 50 * 25 for n in numbers) / 100
        assert await values(metering, customer) == ["300", f"{miles:g}", f"{len({n % 70 for n in numbers})}"]
        live = await stored_windows(metering.database, customer)
        await rebuild(metering.database, customer)
        assert await stored_windows(metering.database, customer) == live


@pytest.mark.usefixtures("features")
async def test_a_tracker_opened_beside_a_running_ingest_loses_nothing(metering: Metering, replica: Metering) -> None:
    for number in range(6):
        customer = f"customer-{number}"
        trackers = [tracker(feature, monthly(), customer=customer) for feature in FEATURES]
        sends = [
            service.send(*(event(f"{n}", customer=customer, miles=1, tail=f"N{n}") for n in range(start, start + 10)))
            for start in range(0, 120, 10)
            for service in [(metering, replica)[start // 10 % 2]]
        ]
        # The first of all rounds also meets the features for the first time: a change of meters beside the ingest.
        await asyncio.gather(*sends[:6], metering.register(*trackers), replica.register(*trackers), *sends[6:])
        assert await values(metering, customer) == ["120", "120", "120"]


async def test_meters_that_come_beside_a_running_ingest_lose_nothing(
    metering: Metering, neighbours: Neighbours, replica: Metering
) -> None:
    for number in range(6):
        feature = f"feature-{number}"
        neighbours.features[feature] = metered(feature, COUNT)
        customer = f"customer-{number}"
        sends = [
            service.send(*(event(f"{n}", customer=customer) for n in range(start, start + 10)))
            for start in range(0, 120, 10)
            for service in [(metering, replica)[start // 10 % 2]]
        ]
        opened = tracker(feature, ENDLESS, customer=customer)
        await asyncio.gather(*sends[:6], replica.register(opened), *sends[6:])
        assert await metering.value(opened, JANUARY) == "120"


@pytest.mark.usefixtures("features")
async def test_one_poisoned_call_fails_alone(metering: Metering) -> None:
    await metering.register(tracker("departures", monthly()))
    async with metering.database.write() as connection:
        await connection.execute(text("ALTER TABLE event ADD CHECK (idempotency_key <> 'poison')"))
    calls = [metering.send(event(f"{n}"), event("poison" if n == 7 else f"{n}-b")) for n in range(20)]
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    failed = [number for number, outcome in enumerate(outcomes) if isinstance(outcome, BaseException)]
    assert failed == [7]
    assert await metering.value(tracker("departures", monthly()), JANUARY) == "38"
    # Nothing of the failed call was stored: its keys are free.
    assert (await metering.send(event("7"))).new_count == 1


@pytest.mark.usefixtures("features")
async def test_one_bad_event_stores_nothing_of_its_batch(metering: Metering) -> None:
    with pytest.raises(RemoteRefusal) as refused:
        await metering.send(event("1"), event("2", miles=float("nan")), event("3", customer="no such\0id"))
    assert [violation.path for violation in refused.value.violations] == [
        "events[1].dimensions['miles'].number_value",
        "events[2].customer_id",
    ]
    assert (await metering.send(event("1"), event("2"), event("3"))).new_count == 3


@pytest.mark.usefixtures("features")
async def test_a_connection_lost_in_the_middle_costs_a_retry_and_nothing_else(metering: Metering) -> None:
    await metering.register(tracker("departures", monthly()))

    async def send(number: int) -> None:
        while True:
            with contextlib.suppress(TollkeeperError):
                # Away; whatever else it says is not a TollkeeperError to a client.
                await metering.send(*(event(f"{number}-{n}") for n in range(5)))
                return

    async def cut() -> None:
        for _ in range(10):
            async with metering.database.write() as connection:
                await connection.execute(text(_CUT))

    await asyncio.gather(*(send(number) for number in range(60)), cut())
    assert await metering.value(tracker("departures", monthly()), JANUARY) == "300"


_CUT = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND query ~ 'staging|COPY|COMMIT|ROLLBACK'
"""


async def test_a_ceiling_holds_against_callers_of_two_processes(
    metering: Metering, neighbours: Neighbours, replica: Metering
) -> None:
    neighbours.features["gates"] = calculated("gates")
    sends = [
        (metering, replica)[n % 2].report(report(f"{n}", "1", limit="20"), report(f"{n}-other", "1", customer="AA"))
        for n in range(64)
    ]
    outcomes = [first.verdict for first, _ in await asyncio.gather(*sends)]
    assert outcomes.count(pb.REPORT_VERDICT_WRITTEN) == 20
    assert await metering.value(tracker("gates", ENDLESS), JANUARY) == "20"
    assert await metering.value(tracker("gates", ENDLESS, customer="AA"), JANUARY) == "64"


async def test_writers_in_opposite_orders_do_not_wait_in_a_circle(
    metering: Metering, neighbours: Neighbours, replica: Metering
) -> None:
    """The same customers, resources and keys, forwards and backwards: each key is written once, whoever comes first."""
    neighbours.features["gates"] = calculated("gates")
    reports = [
        report(f"key-{n % 10}", "1", customer=f"customer-{n // 10}", resource=f"resource-{n % 3}") for n in range(50)
    ]
    sends = [
        service.report(*order) for _ in range(5) for service, order in ((metering, reports), (replica, reports[::-1]))
    ]
    with no_deadlocks():
        outcomes = [outcome.verdict for several in await asyncio.gather(*sends) for outcome in several]
    assert outcomes.count(pb.REPORT_VERDICT_WRITTEN) == 50
    assert outcomes.count(pb.REPORT_VERDICT_REPEATED) == 450
    for number in range(5):
        assert await metering.value(tracker("gates", ENDLESS, customer=f"customer-{number}"), JANUARY) == "10"


async def test_a_key_raced_for_by_two_series_is_written_for_one(
    metering: Metering, neighbours: Neighbours, replica: Metering
) -> None:
    for feature in ("gates", "slots"):
        neighbours.features[feature] = calculated(feature)
    for number in range(10):
        (first,), (second,) = await asyncio.gather(
            metering.report(report(f"{number}", "1")), replica.report(report(f"{number}", "1", feature="slots"))
        )
        assert {first.verdict, second.verdict} == {pb.REPORT_VERDICT_WRITTEN, pb.REPORT_VERDICT_KEY_REUSED}
