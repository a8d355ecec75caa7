"""Callers beside each other: one subscription, one price for all raises, one direction of time; and batches at their bounds."""

import asyncio
import time
from decimal import Decimal

import grpc
import pytest

from calls import call
from kit.errors import refusal_of
from tests.e2e.invoices import all_numbers, assert_gapless
from tests.e2e.scenario import NewScenario, number, refused, text
from tollkeeper.billing.v1.invoice_pb2 import INVOICE_STATE_PAID
from tollkeeper.billing.v1.invoice_service_pb2 import ListInvoicesRequest, MarkInvoicePaidRequest
from tollkeeper.billing.v1.subscription_service_pb2 import UpdateCommitmentsResponse
from tollkeeper.entitlements.v1.entitlements_service_pb2 import CheckEntitlementRequest
from tollkeeper.metering.v1.event_service_pb2 import ListEventsRequest

pytestmark = pytest.mark.usefixtures("airlines_catalog")

# The contract's promise for raw events is ten seconds, our aim is under one.
FRESH_SECONDS = 10.0


async def test_one_of_many_provisionings_wins(new_scenario: NewScenario) -> None:
    scenario = new_scenario()
    await scenario.begin(2024, 2, 1)
    customer = await scenario.customer()

    async def provision() -> str:
        try:
            await scenario.subscribe(customer, "carrier", commitments={"gates": "20"})
        except grpc.aio.AioRpcError as error:
            return refusal_of(error).reason
        return "provisioned"

    outcomes = sorted(await asyncio.gather(*(provision() for _ in range(12))))
    assert outcomes == ["SUBSCRIPTION_EXISTS"] * 11 + ["provisioned"]
    assert [invoice.total.amount for invoice in await scenario.invoices(customer)] == ["298.00"]
    assert_gapless(await all_numbers(scenario.api))


async def test_raises_beside_each_other_cost_what_the_greatest_costs(new_scenario: NewScenario) -> None:
    scenario = new_scenario()
    await scenario.begin(2024, 9, 1)
    customer = await scenario.customer()
    subscription = (await scenario.subscribe(customer, "carrier", commitments={"gates": "1"})).subscription.id
    await scenario.advance(2024, 9, 16)

    async def commit(gates: int) -> UpdateCommitmentsResponse | str:
        try:
            return await scenario.commit(customer, subscription, {"gates": str(gates)})
        except grpc.aio.AioRpcError as error:
            return refusal_of(error).reason

    answers = await asyncio.gather(*(commit(gates) for gates in (9, 3, 20, 5, 14)))
    assert {answer for answer in answers if isinstance(answer, str)} <= {"COMMITMENT_DECREASE"}
    first, *raises = await scenario.invoices(customer)
    assert first.total.amount == "30.00"
    # Half of September is left: half of 298 − 30, in whatever order the raises came.
    assert sum((Decimal(invoice.total.amount) for invoice in raises), Decimal(0)) == Decimal("134.00")
    assert (await scenario.check(customer, "gates")).limit == "20"


async def test_a_clock_goes_one_way_at_a_time(new_scenario: NewScenario) -> None:
    scenario = new_scenario()
    await scenario.begin(2024, 1, 1)
    customer = await scenario.customer()
    await scenario.subscribe(customer, "carrier")
    await asyncio.gather(scenario.advance(2024, 7, 1), scenario.advance(2024, 7, 1), scenario.advance(2024, 7, 1))
    assert len(await scenario.invoices(customer)) == 7
    assert await refused(scenario.advance(2024, 6, 30)) == "TEST_CLOCK_BACKWARDS"
    assert_gapless(await all_numbers(scenario.api))


async def test_raw_events_are_seen_without_any_token(new_scenario: NewScenario) -> None:
    scenario = new_scenario()
    await scenario.begin(2024, 1, 1)
    customer = await scenario.customer()
    await scenario.subscribe(customer, "carrier")
    assert (await scenario.check(customer, "departures")).usage == "0"
    for sent in range(1, 4):
        await scenario.send(scenario.event(customer, "flight.departed", scenario.at(2024, 1, 1, sent)))
        started = time.monotonic()
        request = CheckEntitlementRequest(customer_id=customer, feature_id="departures")
        while (await call(scenario.api.entitlements.CheckEntitlement, request)).decision.usage != str(sent):
            assert time.monotonic() - started < FRESH_SECONDS


async def test_a_period_begins_with_its_first_instant(new_scenario: NewScenario) -> None:
    scenario = new_scenario("America/New_York")
    await scenario.begin(2024, 1, 1)
    customer = await scenario.customer()
    await scenario.subscribe(customer, "carrier")
    await scenario.advance(2024, 1, 31, 23)
    await scenario.send(
        scenario.event(customer, "flight.departed", scenario.at(2024, 1, 31, 23, 59, 59)),
        scenario.event(customer, "flight.departed", scenario.at(2024, 2, 1)),
        # Before the subscription began: history, which nobody is charged for.
        scenario.event(customer, "flight.departed", scenario.at(2023, 12, 31, 23, 59, 59)),
    )
    assert (await scenario.check(customer, "departures")).usage == "1"
    await scenario.advance(2024, 2, 1)
    assert (await scenario.check(customer, "departures")).usage == "1"
    renewal = (await scenario.invoices(customer))[-1]
    assert [line.quantity for line in renewal.lines if line.charge_id == "departures"] == ["1"]


async def test_batches_at_their_bounds(new_scenario: NewScenario) -> None:
    scenario = new_scenario()
    await scenario.begin(2024, 1, 1)
    customer = await scenario.customer()
    await scenario.subscribe(customer, "carrier")
    events = [
        scenario.event(customer, "flight.departed", scenario.at(2024, 1, 1), tailnum=text(f"N{n}"), distance=number(1))
        for n in range(5_001)
    ]
    assert await refused(scenario.send(*events)) == "INVALID_FIELD"
    assert await refused(scenario.send()) == "INVALID_FIELD"
    answer = await scenario.send(*events[:5_000])
    assert (answer.new_count, answer.duplicate_count) == (5_000, 0)
    assert (await scenario.check(customer, "aircraft")).usage == "5000"
    # The list of raw events, page by page, in their order.
    listed: list[str] = []
    request = ListEventsRequest(customer_id=customer, page_size=1_000)
    while True:
        page = await call(scenario.api.events.ListEvents, request)
        listed += [event.idempotency_key for event in page.events]
        if not page.next_page_token:
            break
        request.page_token = page.next_page_token
    assert listed == sorted(event.idempotency_key for event in events[:5_000])


async def test_invoices_page_by_page_and_paid(new_scenario: NewScenario) -> None:
    scenario = new_scenario()
    await scenario.begin(2024, 1, 1)
    customer = await scenario.customer()
    await scenario.subscribe(customer, "carrier")
    await scenario.advance(2024, 6, 1)
    invoices = await scenario.invoices(customer)
    request = ListInvoicesRequest(customer_id=customer, page_size=4)
    first = await call(scenario.api.invoices.ListInvoices, request)
    request.page_token = first.next_page_token
    second = await call(scenario.api.invoices.ListInvoices, request)
    assert [*first.invoices, *second.invoices] == invoices
    assert (len(first.invoices), len(second.invoices), second.next_page_token) == (4, 2, "")
    pay = MarkInvoicePaidRequest(invoice_id=invoices[0].id)
    paid = (await call(scenario.api.invoices.MarkInvoicePaid, pay)).invoice
    assert (paid.state, paid.number) == (INVOICE_STATE_PAID, invoices[0].number)
    assert paid.paid_time.seconds == scenario.at(2024, 6, 1).timestamp()
    again = (await call(scenario.api.invoices.MarkInvoicePaid, pay)).invoice
    assert again == paid
