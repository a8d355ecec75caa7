"""Time, end to end: resets of every interval at their anchors, across a clock change, and a year that resets monthly."""

from decimal import Decimal

import pytest

from tests.e2e.invoices import assert_adds_up, lines
from tests.e2e.scenario import NewScenario, Scenario
from tollkeeper.billing.v1.invoice_pb2 import INVOICE_REASON_RENEWAL
from tollkeeper.catalog.v1.charge_pb2 import BILLING_PERIOD_YEARLY
from tollkeeper.entitlements.v1.entitlements_service_pb2 import ENFORCEMENT_ENFORCE

pytestmark = pytest.mark.usefixtures("periods_catalog")

FEATURES = ["hour", "day", "week", "month", "own-month", "year", "billing", "never"]


async def test_every_reset_at_its_anchor(new_scenario: NewScenario) -> None:
    # Friday, 29 March 2024, 14:40 in Berlin; its clocks go forward on the Sunday.
    scenario = new_scenario("Europe/Berlin")
    await scenario.begin(2024, 3, 29, 14, 40)
    customer = await scenario.customer()
    await scenario.subscribe(customer, "periods-free")
    for feature in FEATURES:
        await scenario.report(customer, f"periods-{feature}", "5", enforcement=ENFORCEMENT_ENFORCE)
    resets = {
        "hour": scenario.at(2024, 3, 29, 15),
        "day": scenario.at(2024, 3, 30),
        "week": scenario.at(2024, 3, 31),
        "month": scenario.at(2024, 4, 1),
        "own-month": scenario.at(2024, 4, 29, 14, 40),
        "billing": scenario.at(2024, 4, 29, 14, 40),
        "year": scenario.at(2025, 1, 1),
    }
    for feature in FEATURES:
        decision = await scenario.check(customer, f"periods-{feature}")
        assert (decision.granted, decision.usage) == (False, "5"), feature
        if feature in resets:
            assert decision.next_reset_time.seconds == resets[feature].timestamp(), feature
        else:
            assert not decision.HasField("next_reset_time")
    for feature, reset in sorted(resets.items(), key=lambda item: item[1]):
        local = reset.astimezone(scenario.zone)
        await scenario.advance(local.year, local.month, local.day, local.hour, local.minute)
        decision = await scenario.check(customer, f"periods-{feature}")
        assert (decision.granted, decision.usage) == (True, "0"), feature
        assert decision.usage_period.start_time.seconds == reset.timestamp()
    assert (await scenario.check(customer, "periods-never")).usage == "5"


async def test_a_second_before_the_reset_nothing_is_reset(new_scenario: NewScenario) -> None:
    scenario = new_scenario("Europe/Berlin")
    await scenario.begin(2024, 3, 30, 23)
    customer = await scenario.customer()
    await scenario.subscribe(customer, "periods-free")
    await scenario.report(customer, "periods-week", "4")
    await scenario.advance(2024, 3, 30, 23, 59, 59)
    assert (await scenario.check(customer, "periods-week")).usage == "4"
    await scenario.advance(2024, 3, 31)
    assert (await scenario.check(customer, "periods-week")).usage == "0"
    # A week that begins on the Sunday of the clock change is an hour short.
    week = (await scenario.check(customer, "periods-week")).usage_period
    assert week.end_time.seconds - week.start_time.seconds == (7 * 24 - 1) * 3600


async def test_months_return_to_the_31st(new_scenario: NewScenario) -> None:
    scenario = new_scenario()
    await scenario.begin(2024, 1, 31)
    customer = await scenario.customer()
    subscription = (await scenario.subscribe(customer, "periods-free")).subscription.id
    for month, day in [(2, 29), (3, 31), (4, 30), (5, 31)]:
        await scenario.advance(2024, month, day)
        period = (await scenario.subscription(subscription)).current_period
        assert period.start_time.seconds == scenario.at(2024, month, day).timestamp()
        usage_period = (await scenario.check(customer, "periods-billing")).usage_period
        assert usage_period == period


async def yearly(scenario: Scenario) -> tuple[str, str]:
    """A customer that commits to a hundred credits a month for a year from 1 March 2023 on."""
    await scenario.begin(2023, 3, 1)
    customer = await scenario.customer()
    answer = await scenario.subscribe(
        customer,
        "periods-yearly",
        billing_period=BILLING_PERIOD_YEARLY,
        commitments={"periods-credits": "100"},
    )
    assert lines(answer.invoice) == [("COMMITMENT", "credits", "100", "1200.00")]
    return customer, answer.subscription.id


async def test_a_year_is_paid_at_once_and_its_credits_come_back_every_month(new_scenario: NewScenario) -> None:
    scenario = new_scenario()
    customer, subscription = await yearly(scenario)
    for month in range(3, 13):
        await scenario.advance(2023, month, 28)
        spent = await scenario.report(customer, "periods-credits", "100", enforcement=ENFORCEMENT_ENFORCE)
        assert (spent.written, spent.usage) == (True, "100")
        assert not (await scenario.check(customer, "periods-credits")).granted
    assert len(await scenario.invoices(customer)) == 1
    # 61 of 366 days are left: 50 × 12 × 61 ÷ 366 = 100.
    await scenario.advance(2023, 12, 31)
    raised = await scenario.commit(customer, subscription, {"periods-credits": "150"})
    assert lines(raised.invoice) == [("COMMITMENT_PRORATION", "credits", "150", "100.00")]
    assert (await scenario.check(customer, "periods-credits")).remaining == "50"
    await scenario.advance(2024, 3, 1)
    renewal = (await scenario.invoices(customer))[-1]
    assert renewal.reason == INVOICE_REASON_RENEWAL
    assert lines(renewal) == [("COMMITMENT", "credits", "150", "1800.00")]
    assert Decimal(renewal.total.amount) == Decimal(1800)
    assert_adds_up(renewal)
