"""The client library beside the whole platform: what is counted there decides here."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from cli.local_platform import Platform
from tests.e2e.scenario import NewScenario
from tollkeeper.client import (
    AsyncTollkeeper,
    Enforcement,
    EntitlementsProjection,
    Event,
    GrantedUsage,
    Granularity,
    InvalidRequestError,
    NotFoundError,
    PreconditionError,
    Reason,
)


@pytest.fixture
async def client(platform: Platform) -> AsyncIterator[AsyncTollkeeper]:
    """A client of the platform."""
    addresses: dict[str, Any] = dict(platform.addresses)
    async with AsyncTollkeeper(**addresses) as made:
        yield made


@pytest.fixture
async def projection(client: AsyncTollkeeper) -> AsyncIterator[EntitlementsProjection]:
    """Checks in this process."""
    made = client.projection()
    yield made
    await asyncio.to_thread(made.close)


async def carrier(new_scenario: NewScenario) -> str:
    """A customer on a clock of 2013, with three gates."""
    scenario = new_scenario()
    await scenario.begin(2013, 1, 1)
    customer = await scenario.customer()
    await scenario.subscribe(customer, "carrier", commitments={"gates": "3"})
    # Its answer includes the subscription; from then on every answer does.
    await scenario.check(customer, "gates")
    return customer


async def sees(projection: EntitlementsProjection, is_true: Callable[[], bool]) -> None:
    """Waits until what others did has arrived."""
    async with asyncio.timeout(20):
        while not is_true():
            await projection.watch_async("nobody", timeout=0.01)


async def test_reported_events_are_in_later_answers_and_arrive_in_the_projection(
    client: AsyncTollkeeper, projection: EntitlementsProjection, new_scenario: NewScenario, airlines_catalog: None
) -> None:
    customer = await carrier(new_scenario)
    assert await projection.watch_async(customer, timeout=10)
    noon = datetime(2013, 1, 1, 12, tzinfo=UTC)
    wrong: list[Event] = []
    async with client.reporter(on_error=lambda event, _: wrong.append(event)) as reporter:
        for number in range(500):
            dimensions: dict[str, str | int] = {"tailnum": f"N{number % 7}", "distance": 100}
            await reporter.report_async(Event("flight.departed", customer, dimensions, noon, f"flight-{number}"))
        await reporter.report_async(Event("no name", customer, {}, noon))
    assert (reporter.statistics.sent, reporter.statistics.refused) == (500, 1)
    assert [event.event_name for event in wrong] == ["no name"]

    answers = {decision.feature_id: decision for decision in await client.entitlements.list(customer)}
    used = [answers[feature].usage for feature in ("departures", "miles", "aircraft")]
    assert used == [Decimal(500), Decimal(50_000), Decimal(7)]
    await sees(projection, lambda: projection.check(customer, "aircraft").usage == 7)
    assert projection.check(customer, "aircraft", requested_usage=194).reason is Reason.LIMIT_EXCEEDED
    assert projection.check(customer, "airports", requested_values=["SWF"]).reason is Reason.VALUE_NOT_GRANTED

    usage = await client.metering.query_usage(
        customer,
        "miles",
        start_time=datetime(2013, 1, 1, tzinfo=UTC),
        end_time=datetime(2013, 1, 3, tzinfo=UTC),
        granularity=Granularity.DAY,
        group_by=["tailnum"],
    )
    assert sum(point.value for point in usage.points) == 50_000
    assert {point.group for point in usage.points} == {(f"N{number}",) for number in range(7)}
    page = await client.metering.list_events(customer, page_size=2)
    assert [event.idempotency_key for event in page.items] == ["flight-0", "flight-1"]
    assert page.items[0].dimensions["distance"] == Decimal(100)
    with pytest.raises(InvalidRequestError) as caught:
        await client.metering.report_events([Event("fine", customer, {}, noon), Event("fine", "not an id", {}, noon)])
    assert [violation.path for violation in caught.value.violations] == ["events[1].customer_id"]


async def test_events_that_are_taken_back_leave_every_answer(
    client: AsyncTollkeeper, projection: EntitlementsProjection, new_scenario: NewScenario, airlines_catalog: None
) -> None:
    customer = await carrier(new_scenario)
    noon = datetime(2013, 1, 1, 12, tzinfo=UTC)
    events = [Event("flight.departed", customer, {"distance": 10}, noon, f"flight-{number}") for number in range(5)]
    assert (await client.metering.report_events(events)).new_count == 5
    retracted = await client.metering.retract_events(customer, ["flight-1", "flight-9"], reason="a test")
    assert (retracted.retracted_count, retracted.pending_count) == (1, 1)
    assert (await client.entitlements.check(customer, "miles")).usage == 40
    assert await projection.watch_async(customer, timeout=10)
    await sees(projection, lambda: projection.check(customer, "miles").usage == 40)
    taken_back = (await client.metering.list_retractions(customer)).items
    assert {(each.idempotency_key, each.event is None) for each in taken_back} == {
        ("flight-1", False),
        ("flight-9", True),
    }


async def test_reservations_reports_and_grants_decide_at_once(
    client: AsyncTollkeeper, projection: EntitlementsProjection, new_scenario: NewScenario, airlines_catalog: None
) -> None:
    customer = await carrier(new_scenario)
    assert await projection.watch_async(customer, timeout=10)
    entitlements = client.entitlements
    async with await entitlements.reserve(customer, "gates", 2, ttl=timedelta(seconds=30)) as reservation:
        held = projection.check(customer, "gates", requested_usage=2)
        assert (held.granted, held.usage) == (False, Decimal(2))
        assert (await entitlements.check(customer, "gates")).reserved_usage == 2
        assert (await reservation.commit(1)).written_value == 1
    with pytest.raises(PreconditionError) as caught:
        await reservation.release()
    assert caught.value.reason == "RESERVATION_SETTLED"
    assert projection.check(customer, "gates").usage == 1
    part = await entitlements.report_usage(customer, "gates", 5, enforcement=Enforcement.PARTIAL)
    assert (part.written, part.written_value, part.usage) == (True, Decimal(2), Decimal(3))
    assert projection.check(customer, "gates").reason is Reason.LIMIT_EXCEEDED

    grant = await client.grants.create(customer, "gates", GrantedUsage(10), reason="a test")
    assert (await entitlements.check(customer, "gates")).limit == 10
    await sees(projection, lambda: projection.check(customer, "gates").limit == 10)
    assert [each.id for each in (await client.grants.list(customer)).items] == [grant.id]
    assert (await client.grants.revoke(customer, grant.id)).revoke_time is not None
    assert not (await entitlements.check(customer, "gates")).granted
    await sees(projection, lambda: projection.check(customer, "gates").limit == 3)

    await client.revocations.revoke(customer, "night-flights", reason="a test")
    assert (await entitlements.check(customer, "night-flights")).reason is Reason.REVOKED
    await sees(projection, lambda: projection.check(customer, "night-flights").reason is Reason.REVOKED)
    assert [each.feature_id for each in await client.revocations.list(customer)] == ["night-flights"]
    await client.revocations.restore(customer, "night-flights")
    assert (await entitlements.check(customer, "night-flights")).granted
    await sees(projection, lambda: projection.check(customer, "night-flights").granted)
    with pytest.raises(NotFoundError):
        await client.grants.get(customer, "no-such-grant")


async def test_a_restarted_service_is_found_again(
    platform: Platform,
    client: AsyncTollkeeper,
    projection: EntitlementsProjection,
    new_scenario: NewScenario,
    airlines_catalog: None,
) -> None:
    customer = await carrier(new_scenario)
    assert await projection.watch_async(customer, timeout=10)
    process = platform.processes["entitlements"]
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    await sees(projection, lambda: not projection.connected)
    assert projection.check(customer, "gates").granted
    # Retries bridge the restart: the report is written once.
    report = await client.entitlements.report_usage(customer, "gates", 3, timeout=30)
    assert report.usage == 3
    await sees(projection, lambda: projection.connected)
    await sees(projection, lambda: projection.check(customer, "gates").reason is Reason.LIMIT_EXCEEDED)
    age = projection.age(customer)
    assert age is not None
    await sees(projection, lambda: (projection.age(customer) or age) < timedelta(seconds=3))
