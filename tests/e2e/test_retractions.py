"""An event taken back, end to end: usage, entitlements and the next invoice follow."""

import pytest

from calls import call
from tests.e2e.invoices import assert_adds_up
from tests.e2e.scenario import NewScenario, Scenario
from tollkeeper.billing.v1.invoice_pb2 import INVOICE_LINE_TYPE_LATE_USAGE
from tollkeeper.entitlements.v1.entitlements_service_pb2 import CheckEntitlementRequest
from tollkeeper.metering.v1.event_service_pb2 import EventKey, ListEventsRequest, RetractEventsRequest

pytestmark = pytest.mark.usefixtures("airlines_catalog")


async def retract(scenario: Scenario, customer: str, *keys: str) -> None:
    """Takes events back; whoever asks from now on carries the token."""
    named = [EventKey(customer_id=customer, idempotency_key=key) for key in keys]
    request = RetractEventsRequest(keys=named, reason="the flight was canceled")
    answer = await call(scenario.api.events.RetractEvents, request)
    assert answer.retracted_count == len(keys)
    scenario.tokens.keep("events", answer.token, customer_id=customer)


async def test_usage_entitlements_and_the_next_invoice_follow(new_scenario: NewScenario) -> None:
    scenario = new_scenario()
    await scenario.begin(2024, 1, 1)
    customer = await scenario.customer()
    await scenario.subscribe(customer, "carrier")
    flights = [
        scenario.event(customer, "flight.departed", scenario.at(2024, 1, 1, n % 24), key=f"{n}") for n in range(30)
    ]
    await scenario.send(*flights)
    assert (await scenario.check(customer, "departures")).usage == "30"
    await retract(scenario, customer, "0")
    assert (await scenario.check(customer, "departures")).usage == "29"

    await scenario.advance(2024, 2, 1)
    billed = (await scenario.invoices(customer))[-1]
    assert [(line.quantity, line.amount.amount) for line in billed.lines if line.charge_id == "departures"] == [
        ("29", "10.00")
    ]
    # January is over and billed: what is taken back of it now is on the invoice of February.
    await scenario.send(
        *(scenario.event(customer, "flight.departed", scenario.at(2024, 2, 1), key=f"february-{n}") for n in range(3))
    )
    await retract(scenario, customer, "1", "2", "3", "4", "5", "february-0")
    assert (await scenario.check(customer, "departures")).usage == "2"
    january = await scenario.usage(customer, "departures", scenario.at(2024, 1, 1), scenario.at(2024, 2, 1))
    assert january.points[0].value == "24"
    await scenario.advance(2024, 3, 1)
    (_, unchanged, corrected) = await scenario.invoices(customer)
    assert unchanged == billed
    (line,) = [line for line in corrected.lines if line.type == INVOICE_LINE_TYPE_LATE_USAGE]
    assert (line.previous_quantity, line.quantity, line.amount.amount) == ("29", "24", "-5.00")
    assert "24 departures instead of 29" in line.description
    assert_adds_up(corrected)


async def test_a_check_without_a_token_sees_it_soon_and_the_list_at_once(new_scenario: NewScenario) -> None:
    scenario = new_scenario()
    await scenario.begin(2024, 1, 1)
    customer = await scenario.customer()
    await scenario.subscribe(customer, "carrier")
    await scenario.send(
        *(scenario.event(customer, "flight.departed", scenario.at(2024, 1, 1), key=f"{n}") for n in range(5))
    )
    assert (await scenario.check(customer, "departures")).usage == "5"
    await retract(scenario, customer, "3")
    listed = await call(scenario.api.events.ListEvents, ListEventsRequest(customer_id=customer))
    assert [event.idempotency_key for event in listed.events] == ["0", "1", "2", "4"]
    request = CheckEntitlementRequest(customer_id=customer, feature_id="departures")
    while (await call(scenario.api.entitlements.CheckEntitlement, request)).decision.usage != "4":
        # Frames come ten times a second; the test's own time limit ends the wait.
        await scenario.usage(customer, "departures", scenario.at(2024, 1, 1), scenario.at(2024, 2, 1))
