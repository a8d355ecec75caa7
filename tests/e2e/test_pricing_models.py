"""Every pricing model on real invoices: committed in advance and billed on usage, in dollars and in yen.

The amounts are worked out by hand from catalogs/models.yaml.
"""

import pytest

from tests.e2e.invoices import assert_adds_up, lines
from tests.e2e.scenario import NewScenario, Scenario, number, refused
from tollkeeper.billing.v1.invoice_pb2 import INVOICE_STATE_OPEN, INVOICE_STATE_PAID

pytestmark = pytest.mark.usefixtures("models_catalog")

COMMITTED = {
    "models-flat": "7",
    "models-package": "26",
    "models-graduated": "11",
    "models-volume": "20",
    "models-stair": "20",
}


def by_charge(charged: list[tuple[str, str, str, str]]) -> dict[str, tuple[str, str]]:
    """Quantity and amount of each charge."""
    return {charge: (quantity, amount) for _, charge, quantity, amount in charged}


async def test_every_model_committed_in_dollars(new_scenario: NewScenario) -> None:
    scenario = new_scenario()
    await scenario.begin(2024, 6, 1)
    customer = await scenario.customer()
    answer = await scenario.subscribe(customer, "models-committed", commitments=COMMITTED)
    assert by_charge(lines(answer.invoice)) == {
        "base": ("1", "9.99"),
        "flat": ("7", "17.50"),  # 7 × 2.50
        "package": ("50", "10.00"),  # 26 are two blocks of 25
        "graduated": ("11", "208.00"),  # 10 + 5 × 20 + 8 + 5 × 15 + 5 + 1 × 10
        "volume": ("20", "205.00"),  # 20 × 10 + 5
        "stair": ("20", "200.00"),  # one price for 11–20
    }
    assert answer.invoice.total.amount == "650.49"
    limits = {feature: (await scenario.check(customer, feature)).limit for feature in COMMITTED}
    assert limits == COMMITTED | {"models-package": "50"}
    assert_adds_up(answer.invoice)


async def test_every_model_committed_in_yen_has_no_decimals(new_scenario: NewScenario) -> None:
    scenario = new_scenario("Asia/Tokyo")
    await scenario.begin(2024, 6, 1)
    customer = await scenario.customer(currency="JPY")
    answer = await scenario.subscribe(customer, "models-committed", commitments=COMMITTED)
    assert by_charge(lines(answer.invoice)) == {
        "base": ("1", "1200"),
        "flat": ("7", "2331"),
        "package": ("50", "1400"),
        "graduated": ("11", "20800"),
        "volume": ("20", "20500"),
        "stair": ("20", "20000"),
    }
    assert answer.invoice.total.amount == "66231"
    # 7 of 30 days are left: 2331 × 23/30 + 3330 × 7/30 = 2564.1 are due, 2331 were charged.
    await scenario.advance(2024, 6, 24)
    raised = await scenario.commit(customer, answer.subscription.id, {"models-flat": "10"})
    assert lines(raised.invoice) == [("COMMITMENT_PRORATION", "flat", "10", "233")]
    # One day is left: 2331 × 23/30 + 3330 × 6/30 + 3996 × 1/30 = 2586.3 are due, 2564 were charged.
    await scenario.advance(2024, 6, 30)
    raised = await scenario.commit(customer, answer.subscription.id, {"models-flat": "12"})
    assert lines(raised.invoice) == [("COMMITMENT_PRORATION", "flat", "12", "22")]
    assert_adds_up(raised.invoice)


async def test_the_least_commitment_is_taken_where_none_is_named(new_scenario: NewScenario) -> None:
    scenario = new_scenario()
    await scenario.begin(2024, 6, 1)
    customer = await scenario.customer()
    answer = await scenario.subscribe(customer, "models-committed")
    assert by_charge(lines(answer.invoice)) == {
        "base": ("1", "9.99"),
        "flat": ("3", "7.50"),
        "package": ("25", "5.00"),
        "graduated": ("1", "30.00"),
        "volume": ("1", "30.00"),
        "stair": ("1", "150.00"),
    }


@pytest.mark.parametrize("quantity", ["2", "13", "0", "-1"])
async def test_a_commitment_outside_its_bounds_is_refused(new_scenario: NewScenario, quantity: str) -> None:
    scenario = new_scenario()
    await scenario.begin(2024, 6, 1)
    customer = await scenario.customer()
    reason = await refused(scenario.subscribe(customer, "models-committed", commitments={"models-flat": quantity}))
    assert reason in {"COMMITMENT_INVALID", "INVALID_FIELD"}
    assert await scenario.invoices(customer) == []


async def test_a_period_or_currency_without_price_is_refused(new_scenario: NewScenario) -> None:
    scenario = new_scenario()
    await scenario.begin(2024, 6, 1)
    customer = await scenario.customer()
    assert await refused(scenario.subscribe(customer, "models-committed", currency="EUR")) == "PRICE_NOT_OFFERED"


async def test_more_units_that_cost_less_become_credit_for_the_next_invoice(new_scenario: NewScenario) -> None:
    scenario = new_scenario()
    await scenario.begin(2024, 9, 1)
    customer = await scenario.customer()
    answer = await scenario.subscribe(customer, "models-committed", commitments={"models-volume": "5"})
    assert by_charge(lines(answer.invoice))["volume"] == ("5", "110.00")
    # Six at the next tier's price cost 98 dollars: half of the 12 less come back for the second half of September.
    await scenario.advance(2024, 9, 16)
    raised = (await scenario.commit(customer, answer.subscription.id, {"models-volume": "6"})).invoice
    assert lines(raised) == [("COMMITMENT_PRORATION", "volume", "6", "-6.00")]
    assert (raised.total.amount, raised.credit_granted.amount, raised.amount_due.amount) == ("-6.00", "6.00", "0.00")
    assert raised.state == INVOICE_STATE_PAID
    assert await scenario.credit(customer) == {"USD": "6.00"}
    await scenario.advance(2024, 10, 1)
    renewal = (await scenario.invoices(customer))[-1]
    # 9.99 + 7.50 + 5 + 30 + 98 + 150
    assert renewal.total.amount == "300.49"
    assert (renewal.credit_applied.amount, renewal.amount_due.amount) == ("6.00", "294.49")
    assert renewal.state == INVOICE_STATE_OPEN
    assert await scenario.credit(customer) in ({}, {"USD": "0.00"})


async def use_everything(scenario: Scenario, customer: str) -> None:
    """12,345 flat, 2,001 in packages, 250 graduated, 100.5 by volume, 11 in steps."""
    noon = scenario.at(2024, 6, 10, 12)
    used: dict[str, list[float]] = {
        "flat": [12_000, 344.5, 0.5],
        "package": [2_001],
        "graduated": [249.9, 0.1],
        "volume": [100.5],
    }
    await scenario.send(
        *(
            scenario.event(customer, f"models.{charge}", noon, units=number(units))
            for charge, amounts in used.items()
            for units in amounts
        )
    )
    await scenario.report(customer, "models-used-stair", "11")


async def test_every_model_billed_on_usage_in_dollars(new_scenario: NewScenario) -> None:
    scenario = new_scenario()
    await scenario.begin(2024, 6, 1)
    customer = await scenario.customer()
    answer = await scenario.subscribe(customer, "models-used")
    assert lines(answer.invoice) == [("FLAT_FEE", "base", "1", "20.00")]
    await scenario.advance(2024, 6, 10, 12)
    await use_everything(scenario, customer)
    assert (await scenario.check(customer, "models-used-graduated")).unlimited
    await scenario.advance(2024, 7, 1)
    renewal = (await scenario.invoices(customer))[-1]
    assert by_charge(lines(renewal)) == {
        "base": ("1", "20.00"),
        "flat": ("12345", "8.64"),  # 12,345 × 0.0007 = 8.6415
        "package": ("2001", "4.50"),  # 3 started blocks × 1.50
        "graduated": ("250", "167.50"),  # 100 × 1 + 2 + 100 × 0.50 + 3 + 50 × 0.25
        "volume": ("100.5", "50.25"),  # all of them at 0.50
        "stair": ("11", "40.00"),
    }
    assert renewal.total.amount == "290.89"
    assert_adds_up(renewal)


async def test_every_model_billed_on_usage_in_yen(new_scenario: NewScenario) -> None:
    scenario = new_scenario("Asia/Tokyo")
    await scenario.begin(2024, 6, 1)
    customer = await scenario.customer(currency="JPY")
    await scenario.subscribe(customer, "models-used")
    await scenario.advance(2024, 6, 10, 12)
    await use_everything(scenario, customer)
    await scenario.advance(2024, 7, 1)
    renewal = (await scenario.invoices(customer))[-1]
    assert by_charge(lines(renewal)) == {
        "base": ("1", "2000"),
        "flat": ("12345", "8642"),  # 8,641.5, half away from zero
        "package": ("2001", "450"),
        "graduated": ("250", "16750"),
        "volume": ("100.5", "5025"),
        "stair": ("11", "4000"),
    }
    assert_adds_up(renewal)


async def test_late_usage_is_the_difference_of_the_whole_and_what_was_billed(new_scenario: NewScenario) -> None:
    scenario = new_scenario()
    await scenario.begin(2024, 6, 1)
    customer = await scenario.customer()
    await scenario.subscribe(customer, "models-used")
    late = scenario.at(2024, 6, 29, 12)
    await scenario.advance(2024, 6, 30)
    await scenario.send(scenario.event(customer, "models.volume", late, units=number(99)))
    await scenario.advance(2024, 7, 1)
    assert ("USAGE", "volume", "99", "99.00") in lines((await scenario.invoices(customer))[-1])
    # 150 units cost 75 dollars, 99 were billed with 99.
    await scenario.send(scenario.event(customer, "models.volume", late, units=number(51)))
    await scenario.send(scenario.event(customer, "models.volume", scenario.at(2024, 7, 1), units=number(3)))
    await scenario.advance(2024, 8, 1)
    renewal = (await scenario.invoices(customer))[-1]
    [line] = [line for line in renewal.lines if line.charge_id == "volume" and line.previous_quantity]
    assert (line.previous_quantity, line.quantity, line.amount.amount) == ("99", "150", "-24.00")
    assert line.period.start_time.seconds == scenario.at(2024, 6, 1).timestamp()
    assert ("USAGE", "volume", "3", "3.00") in lines(renewal)
    # Billed once: the next invoice says nothing more of June.
    await scenario.advance(2024, 9, 1)
    assert all(kind != "LATE_USAGE" for kind, *_ in lines((await scenario.invoices(customer))[-1]))


async def test_usage_that_comes_several_periods_late_is_a_line_for_each(new_scenario: NewScenario) -> None:
    scenario = new_scenario()
    await scenario.begin(2024, 1, 1)
    customer = await scenario.customer()
    await scenario.subscribe(customer, "models-used")
    await scenario.advance(2024, 4, 15)
    await scenario.send(
        *(
            scenario.event(customer, "models.volume", scenario.at(2024, month, 10), units=number(month))
            for month in (1, 2, 3, 4)
        )
    )
    await scenario.advance(2024, 5, 1)
    invoice = (await scenario.invoices(customer))[-1]
    billed = [
        (line.period.start_time.seconds, line.previous_quantity or "0", line.quantity, line.amount.amount)
        for line in invoice.lines
        if line.charge_id == "volume"
    ]
    assert sorted(billed) == [
        (scenario.at(2024, month, 1).timestamp(), "0", str(month), f"{month}.00") for month in (1, 2, 3, 4)
    ]
    assert_adds_up(invoice)
