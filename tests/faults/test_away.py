"""A neighbour is away for a while: checks of what is known go on, what must be fresh says so, and afterwards all is exact."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager

import grpc
import pytest

from calls import call
from cli.local_platform import Platform
from tests.e2e.scenario import NewScenario, Scenario, number
from tollkeeper.entitlements.v1.decision_pb2 import Decision
from tollkeeper.entitlements.v1.entitlements_service_pb2 import (
    ENFORCEMENT_ENFORCE,
    CheckEntitlementRequest,
    Consistency,
)

pytestmark = [pytest.mark.timeout(200), pytest.mark.usefixtures("airlines_catalog")]


@asynccontextmanager
async def away(platform: Platform, *children: str) -> AsyncIterator[None]:
    """Inside the block these are down; what is asked inside is answered meanwhile."""
    with ExitStack() as stack:
        await asyncio.gather(*(asyncio.to_thread(stack.enter_context, platform.away(child)) for child in children))
        yield


async def known_customer(scenario: Scenario) -> str:
    """One that entitlements has in memory, with five flights and two gates."""
    await scenario.begin(2024, 1, 1)
    customer = await scenario.customer()
    await scenario.subscribe(customer, "carrier", commitments={"gates": "3"})
    await scenario.send(*(scenario.event(customer, "flight.departed", scenario.at(2024, 1, 1, n)) for n in range(5)))
    await scenario.report(customer, "gates", "2", enforcement=ENFORCEMENT_ENFORCE)
    assert (await scenario.check(customer, "departures")).usage == "5"
    return customer


async def fastest(scenario: Scenario, customer: str, feature: str) -> Decision:
    """What the replica knows, at once: no retry, and a second is a failure."""
    request = CheckEntitlementRequest(customer_id=customer, feature_id=feature)
    return (await scenario.api.entitlements.CheckEntitlement(request, timeout=1)).decision


@pytest.mark.parametrize("children", [["metering", "billing", "catalog"], ["nats", "postgres"]], ids=" ".join)
async def test_checks_of_known_customers_go_on(
    children: list[str], platform: Platform, new_scenario: NewScenario
) -> None:
    scenario = new_scenario()
    customer = await known_customer(scenario)
    async with away(platform, *children):
        for _ in range(50):
            gates = await fastest(scenario, customer, "gates")
            assert (gates.granted, gates.usage, gates.limit) == (True, "2", "3")
            assert (await fastest(scenario, customer, "night-flights")).granted
            assert (await fastest(scenario, customer, "departures")).usage == "5"
    await asyncio.to_thread(platform.wait_healthy)
    await scenario.send(scenario.event(customer, "flight.departed", scenario.at(2024, 1, 1, 9), distance=number(1)))
    assert (await scenario.check(customer, "departures")).usage == "6"
    assert (await scenario.report(customer, "gates", "1", enforcement=ENFORCEMENT_ENFORCE)).written
    assert not (await scenario.check(customer, "gates")).granted


async def test_what_must_be_current_is_unavailable_without_its_owner(
    platform: Platform, new_scenario: NewScenario
) -> None:
    scenario = new_scenario()
    customer = await known_customer(scenario)
    request = CheckEntitlementRequest(customer_id=customer, feature_id="gates", consistency=Consistency(current=True))
    async with away(platform, "metering"):
        with pytest.raises(grpc.aio.AioRpcError) as unavailable:
            await scenario.api.entitlements.CheckEntitlement(request, timeout=10)
        assert unavailable.value.code() is grpc.StatusCode.UNAVAILABLE
    assert (await call(scenario.api.entitlements.CheckEntitlement, request)).decision.usage == "2"


async def test_without_the_broker_tokens_are_exact_and_afterwards_everything_is(
    platform: Platform, new_scenario: NewScenario
) -> None:
    scenario = new_scenario()
    customer = await known_customer(scenario)
    async with away(platform, "nats"):
        await scenario.send(scenario.event(customer, "flight.departed", scenario.at(2024, 1, 1, 9)))
        assert (await scenario.check(customer, "departures")).usage == "6"
    await asyncio.to_thread(platform.wait_healthy)
    await scenario.send(scenario.event(customer, "flight.departed", scenario.at(2024, 1, 1, 10)))
    while (await fastest(scenario, customer, "departures")).usage != "7":
        await asyncio.to_thread(platform.wait_healthy)
