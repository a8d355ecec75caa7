"""Committed in advance, end to end: charged at once, raised with proration, renewed in full, previewed, canceled."""

from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from tests.e2e.invoices import assert_adds_up, lines
from tests.e2e.scenario import NewScenario, Scenario, number, refused, text
from tollkeeper.billing.v1.invoice_pb2 import (
    INVOICE_REASON_COMMITMENT,
    INVOICE_REASON_FINAL,
    INVOICE_REASON_PROVISION,
    INVOICE_REASON_RENEWAL,
    INVOICE_STATE_DRAFT,
    INVOICE_STATE_OPEN,
    TAX_BEHAVIOR_EXCLUSIVE,
    Invoice,
)
from tollkeeper.billing.v1.subscription_pb2 import SUBSCRIPTION_STATE_ACTIVE, SUBSCRIPTION_STATE_CANCELED
from tollkeeper.entitlements.v1.decision_pb2 import DECISION_REASON_NO_ACTIVE_SUBSCRIPTION

pytestmark = pytest.mark.usefixtures("airlines_catalog")


def price_of_gates(quantity: int) -> Fraction:
    """The published price list, unit by unit and not by any formula of ours."""
    total = Fraction(0)
    for unit in range(1, quantity + 1):
        total += 20 if unit <= 5 else 15 if unit <= 10 else 10
        total += {1: 10, 6: 8, 11: 5}.get(unit, 0)
    return total


def to_the_cent(amount: Fraction) -> Decimal:
    """Half away from zero."""
    cents = abs(amount) * 100
    whole = int(cents) + (1 if cents - int(cents) >= Fraction(1, 2) else 0)
    return Decimal(whole if amount >= 0 else -whole) / 100


def seconds_between(start: datetime, end: datetime) -> int:
    """In real time, whatever the wall clocks did."""
    return int(end.timestamp()) - int(start.timestamp())


async def gates_subscription(scenario: Scenario, gates: str) -> tuple[str, str, Invoice]:
    """A customer that commits to gates: its id, its subscription's, and the first invoice."""
    customer = await scenario.customer()
    answer = await scenario.subscribe(customer, "carrier", commitments={"gates": gates})
    return customer, answer.subscription.id, answer.invoice


async def test_twenty_gates_cost_298_dollars_at_once(new_scenario: NewScenario) -> None:
    scenario = new_scenario("America/New_York")
    await scenario.begin(2013, 1, 1)
    customer, subscription, invoice = await gates_subscription(scenario, "20")
    assert lines(invoice) == [("COMMITMENT", "gates", "20", "298.00")]
    assert [
        (step.description, step.quantity, step.unit_price, step.amount) for step in invoice.lines[0].derivation
    ] == [
        ("units 1–5", "5", "20", "100"),
        ("flat fee of units 1–5", "1", "10", "10"),
        ("units 6–10", "5", "15", "75"),
        ("flat fee of units 6–10", "1", "8", "8"),
        ("units 11–20", "10", "10", "100"),
        ("flat fee of units 11 and above", "1", "5", "5"),
    ]
    assert invoice.number.startswith("TK-")
    assert (invoice.customer_id, invoice.subscription_id) == (customer, subscription)
    assert (invoice.state, invoice.reason) == (INVOICE_STATE_OPEN, INVOICE_REASON_PROVISION)
    assert (invoice.total.amount, invoice.amount_due.amount, invoice.currency) == ("298.00", "298.00", "USD")
    assert invoice.tax_behavior == TAX_BEHAVIOR_EXCLUSIVE
    assert invoice.lines[0].period.start_time.seconds == scenario.at(2013, 1, 1).timestamp()
    assert invoice.lines[0].period.end_time.seconds == scenario.at(2013, 2, 1).timestamp()
    assert await scenario.invoices(customer) == [invoice]
    assert_adds_up(invoice)


@pytest.mark.parametrize(("gates", "total"), [("1", "30.00"), ("5", "110.00"), ("6", "133.00"), ("11", "208.00")])
async def test_the_published_prices(new_scenario: NewScenario, gates: str, total: str) -> None:
    scenario = new_scenario()
    await scenario.begin(2024, 2, 1)
    _, _, invoice = await gates_subscription(scenario, gates)
    assert lines(invoice) == [("COMMITMENT", "gates", gates, total)]


# The third raise lies beyond the night of 10 March, in which New York's clocks skip an hour.
@pytest.mark.parametrize("zone", ["America/New_York", "UTC", "Asia/Kolkata"])
async def test_each_raise_charges_the_rest_of_the_period_to_the_cent(new_scenario: NewScenario, zone: str) -> None:
    scenario = new_scenario(zone)
    await scenario.begin(2013, 3, 1)
    customer, subscription, invoice = await gates_subscription(scenario, "4")
    start, end = scenario.at(2013, 3, 1), scenario.at(2013, 4, 1)
    period = seconds_between(start, end)
    held = [(start, 4)]
    charged = Decimal(invoice.total.amount)
    for time, gates in [((2013, 3, 5, 13, 7, 11), 7), ((2013, 3, 9, 23, 59, 59), 19), ((2013, 3, 20, 4, 0, 1), 50)]:
        await scenario.advance(*time)
        preview = await scenario.commit(customer, subscription, {"gates": str(gates)}, validate_only=True)
        raised = await scenario.commit(customer, subscription, {"gates": str(gates)})
        held.append((scenario.at(*time), gates))
        ends = [*(begin for begin, _ in held[1:]), end]
        due = sum(
            (
                price_of_gates(quantity) * Fraction(seconds_between(begin, until), period)
                for (begin, quantity), until in zip(held, ends, strict=True)
            ),
            Fraction(0),
        )
        expected = to_the_cent(due) - charged
        assert Decimal(raised.invoice.total.amount) == expected
        charged += expected
        [line], [previewed] = raised.invoice.lines, preview.invoice.lines
        assert line == previewed
        assert preview.invoice.state == INVOICE_STATE_DRAFT
        assert preview.token == preview.invoice.number == ""
        assert (line.quantity, line.previous_quantity) == (str(gates), str(held[-2][1]))
        assert line.period.end_time.seconds == end.timestamp()
        assert raised.invoice.reason == INVOICE_REASON_COMMITMENT
        assert_adds_up(raised.invoice)
    await scenario.advance(2013, 4, 1)
    renewal = (await scenario.invoices(customer))[-1]
    assert lines(renewal)[0] == ("COMMITMENT", "gates", "50", str(price_of_gates(50)) + ".00")
    assert renewal.reason == INVOICE_REASON_RENEWAL


async def test_five_more_gates_for_half_of_january_cost_25_dollars(new_scenario: NewScenario) -> None:
    scenario = new_scenario("America/New_York")
    await scenario.begin(2013, 1, 1)
    customer, subscription, _ = await gates_subscription(scenario, "20")
    await scenario.advance(2013, 1, 16, 12)
    raised = await scenario.commit(customer, subscription, {"gates": "25"})
    [line] = raised.invoice.lines
    assert lines(raised.invoice) == [("COMMITMENT_PRORATION", "gates", "25", "25.00")]
    assert line.proration.charged_microseconds * 2 == line.proration.period_microseconds
    assert [commitment.quantity for commitment in raised.subscription.commitments] == ["25"]
    assert (await scenario.check(customer, "gates")).limit == "25"


async def test_an_equal_quantity_changes_nothing_and_a_smaller_one_waits_for_the_periods_end(
    new_scenario: NewScenario,
) -> None:
    scenario = new_scenario()
    await scenario.begin(2024, 2, 1)
    customer, subscription, _ = await gates_subscription(scenario, "20")
    assert not (await scenario.commit(customer, subscription, {"gates": "20.0"})).HasField("invoice")
    lowered = await scenario.commit(customer, subscription, {"gates": "5"})
    assert not lowered.HasField("invoice")
    assert [one.quantity for one in lowered.subscription.scheduled_change.commitments] == ["5"]
    await scenario.report(customer, "gates", "8")
    await scenario.advance(2024, 2, 29, 23, 59)
    assert (await scenario.check(customer, "gates")).limit == "20"
    await scenario.advance(2024, 3, 1)
    below = await scenario.check(customer, "gates")
    assert (below.granted, below.limit, below.usage) == (False, "5", "8")
    assert [line.quantity for line in (await scenario.invoices(customer))[-1].lines][:1] == ["5"]


async def test_what_cannot_be_committed(new_scenario: NewScenario) -> None:
    scenario = new_scenario()
    await scenario.begin(2024, 2, 1)
    customer, subscription, invoice = await gates_subscription(scenario, "20")
    assert await refused(scenario.commit(customer, subscription, {"gates": "51"})) == "COMMITMENT_INVALID"
    assert await refused(scenario.commit(customer, subscription, {"runways": "1"})) == "COMMITMENT_INVALID"
    assert await scenario.invoices(customer) == [invoice]


async def test_a_repeated_request_answers_the_first_outcome(new_scenario: NewScenario) -> None:
    scenario = new_scenario()
    await scenario.begin(2024, 2, 1)
    customer = await scenario.customer()
    again: dict[str, Any] = {"commitments": {"gates": "2"}, "request_id": f"{scenario.name}-begin"}
    first = await scenario.subscribe(customer, "carrier", **again)
    second = await scenario.subscribe(customer, "carrier", **again)
    assert second == first
    changed: dict[str, Any] = again | {"commitments": {"gates": "3"}}
    assert await refused(scenario.subscribe(customer, "carrier", **changed)) == "REQUEST_ID_REUSED"
    assert await refused(scenario.subscribe(customer, "carrier", commitments={"gates": "2"})) == "SUBSCRIPTION_EXISTS"
    await scenario.advance(2024, 2, 10)
    more: dict[str, Any] = {"commitments": {"gates": "4"}, "request_id": f"{scenario.name}-more"}
    raised = await scenario.commit(customer, first.subscription.id, **more)
    assert await scenario.commit(customer, first.subscription.id, **more) == raised
    assert [invoice.id for invoice in await scenario.invoices(customer)] == [first.invoice.id, raised.invoice.id]


async def test_a_preview_of_a_subscription_stores_nothing(new_scenario: NewScenario) -> None:
    scenario = new_scenario()
    await scenario.begin(2024, 2, 1)
    customer = await scenario.customer()
    preview = await scenario.subscribe(customer, "carrier", commitments={"gates": "20"}, validate_only=True)
    assert lines(preview.invoice) == [("COMMITMENT", "gates", "20", "298.00")]
    assert await scenario.invoices(customer) == []
    assert (await scenario.check(customer, "gates")).reason == DECISION_REASON_NO_ACTIVE_SUBSCRIPTION
    executed = await scenario.subscribe(customer, "carrier", commitments={"gates": "20"})
    assert list(executed.invoice.lines) == list(preview.invoice.lines)


async def test_canceling_leaves_access_until_the_end_and_a_final_invoice_of_the_usage(
    new_scenario: NewScenario,
) -> None:
    scenario = new_scenario("America/New_York")
    await scenario.begin(2013, 1, 31)
    customer, subscription, _ = await gates_subscription(scenario, "1")
    # 31 January, 28 February, 31 March: every period is computed from the first day.
    await scenario.advance(2013, 3, 1)
    canceled = await scenario.cancel(customer, subscription)
    assert canceled.subscription.state == SUBSCRIPTION_STATE_ACTIVE
    assert canceled.subscription.cancel_time.seconds == scenario.at(2013, 3, 31).timestamp()
    flights = [
        scenario.event(
            customer, "flight.departed", scenario.at(2013, 3, 1, hour), distance=number(100), tailnum=text("N1")
        )
        for hour in range(24)
    ]
    await scenario.send(*flights, scenario.event(customer, "flight.departed", scenario.at(2013, 3, 1)))
    await scenario.send(scenario.event(customer, "flight.departed", scenario.at(2013, 2, 27, 23)))
    await scenario.advance(2013, 3, 30, 23, 59)
    assert (await scenario.check(customer, "night-flights")).granted
    await scenario.advance(2013, 3, 31)
    decision = await scenario.check(customer, "night-flights")
    assert (decision.granted, decision.reason) == (False, DECISION_REASON_NO_ACTIVE_SUBSCRIPTION)
    provisioned, february, final = await scenario.invoices(customer)
    assert lines(provisioned) == [("COMMITMENT", "gates", "1", "30.00")]
    assert lines(february)[0] == ("COMMITMENT", "gates", "1", "30.00")
    assert final.reason == INVOICE_REASON_FINAL
    # 25 departures are one block; the one of February was late, and begins a block of its own month.
    billed = [line for line in lines(final) if line[3] != "0.00"]
    assert sorted(billed) == [("LATE_USAGE", "departures", "1", "5.00"), ("USAGE", "departures", "25", "5.00")]
    await scenario.advance(2013, 7, 1)
    assert len(await scenario.invoices(customer)) == 3
    assert await refused(scenario.commit(customer, subscription, {"gates": "2"})) == "SUBSCRIPTION_ENDED"
    state = (await scenario.subscription(subscription)).state
    assert state == SUBSCRIPTION_STATE_CANCELED
