"""Metering and PostgreSQL killed by SIGKILL while events come, come again and are taken back: an independent count agrees."""

import asyncio
from collections.abc import Awaitable, Iterable, Sequence

import pytest

from cli.local_platform import Platform
from flights import read_flights
from tests.e2e.scenario import NewScenario, Scenario
from tests.faults.killing import KillingCalls
from tests.faults.test_killed_under_load import events_of
from tollkeeper.metering.v1.event_pb2 import Event
from tollkeeper.metering.v1.event_service_pb2 import (
    EventKey,
    ListEventsRequest,
    ReportEventsRequest,
    RetractEventsRequest,
)

pytestmark = [pytest.mark.timeout(120), pytest.mark.usefixtures("airlines_catalog")]

CARRIER = "9E"
BATCH = 100
AT_ONCE = 4
# Each call of so many names that many events.
RETRACTED_TOGETHER = 20
KILLS = [("ReportEventsRequest", 6, "metering"), ("ReportEventsRequest", 16, "postgres")]


async def test_what_was_acknowledged_is_there_once_and_what_was_taken_back_is_not(
    platform: Platform, new_scenario: NewScenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    flights = [flight for flight in read_flights(month=1) if flight.carrier == CARRIER]
    scenario = new_scenario("America/New_York")
    await scenario.begin(2013, 1, 1)
    customer = await scenario.customer(CARRIER)
    await scenario.subscribe(customer, "carrier")
    await scenario.advance(2013, 1, 31, 23, 59)
    killing = KillingCalls(platform, [*KILLS, ("RetractEventsRequest", 4, "metering")])
    monkeypatch.setattr("tests.e2e.scenario.call", killing)
    events = events_of(flights, {CARRIER: customer})
    await asyncio.gather(
        send_twice(scenario, killing, events), take_back(scenario, killing, [flight.key for flight in flights[::7]])
    )
    assert killing.outstanding == []
    await asyncio.to_thread(platform.wait_healthy)

    kept = [flight for number, flight in enumerate(flights) if number % 7]
    assert await listed(scenario, killing, customer) == sorted(flight.key for flight in kept)
    departed = [flight for flight in kept if flight.departed]
    straight = {
        "departures": str(len(departed)),
        "miles": str(sum(flight.miles for flight in departed)),
        "aircraft": str(len({flight.tail_number for flight in departed} - {None})),
    }
    january = scenario.at(2013, 1, 1), scenario.at(2013, 2, 1)
    for feature, value in straight.items():
        # From the windows, and from the events themselves.
        assert (await scenario.check(customer, feature)).usage == value
        assert (await scenario.usage(customer, feature, *january)).points[0].value == value


async def send_twice(scenario: Scenario, killing: KillingCalls, events: Sequence[Event]) -> None:
    """Several at once, and every batch a second time by somebody else, the last first."""
    batches = [events[start : start + BATCH] for start in range(0, len(events), BATCH)]
    await work(report(scenario, killing, batch) for batch in batches + batches[::-1])


async def report(scenario: Scenario, killing: KillingCalls, batch: Sequence[Event]) -> None:
    """Sends a batch until it is acknowledged."""
    answer = await killing(scenario.api.events.ReportEvents, ReportEventsRequest(events=batch))
    scenario.tokens.keep("events", answer.token)


async def take_back(scenario: Scenario, killing: KillingCalls, keys: Sequence[str]) -> None:
    """Some before their events come, some while they do, some after."""
    customer = f"{scenario.name}-{CARRIER}"
    named = [EventKey(customer_id=customer, idempotency_key=key) for key in keys]
    requests = [
        RetractEventsRequest(keys=named[start : start + RETRACTED_TOGETHER])
        for start in range(0, len(named), RETRACTED_TOGETHER)
    ]
    await work(retract(scenario, killing, request) for request in requests)


async def retract(scenario: Scenario, killing: KillingCalls, request: RetractEventsRequest) -> None:
    """Takes events back until it is acknowledged."""
    answer = await killing(scenario.api.events.RetractEvents, request)
    counts = answer.retracted_count + answer.pending_count + answer.repeated_count
    assert counts == len(request.keys)
    scenario.tokens.keep("retractions", answer.token)


async def work(tasks: Iterable[Awaitable[None]]) -> None:
    """So many at once."""
    waiting = iter(tasks)

    async def worker() -> None:
        for task in waiting:
            await task

    await asyncio.gather(*(worker() for _ in range(AT_ONCE)))


async def listed(scenario: Scenario, killing: KillingCalls, customer: str) -> list[str]:
    """The keys of all events that count, in order."""
    request = ListEventsRequest(customer_id=customer, page_size=1_000)
    keys: list[str] = []
    while True:
        answer = await killing(scenario.api.events.ListEvents, request)
        keys += [event.idempotency_key for event in answer.events]
        request.page_token = answer.next_page_token
        if not request.page_token:
            return sorted(keys)
