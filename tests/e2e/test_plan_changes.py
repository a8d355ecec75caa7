"""One customer through everything that a subscription can be changed by, with what it may do and what it pays at each step."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from calls import call
from cli.local_platform import Platform
from tests.e2e.scenario import NewScenario, Scenario, apply_file
from tollkeeper.billing.v1.invoice_pb2 import Invoice
from tollkeeper.billing.v1.subscription_pb2 import (
    SUBSCRIPTION_STATE_ACTIVE,
    SUBSCRIPTION_STATE_TRIALING,
    Commitment,
    SubscriptionAddOn,
)
from tollkeeper.billing.v1.subscription_service_pb2 import UpdateSubscriptionRequest, UpdateSubscriptionResponse
from tollkeeper.entitlements.v1.entitlements_service_pb2 import CheckEntitlementRequest, Consistency

CATALOG = Path(__file__).with_name("catalogs") / "ladder.yaml"


@pytest.fixture(scope="module")
async def ladder(platform: Platform) -> None:
    """Three plans that inherit from one another, with an add-on, a trial and a coupon."""
    await apply_file(platform, CATALOG)


async def update(scenario: Scenario, customer: str, **fields: Any) -> UpdateSubscriptionResponse:
    """A change, and before it its preview, which must be the same to the cent."""
    stub = scenario.api.subscriptions.UpdateSubscription
    preview = await call(stub, UpdateSubscriptionRequest(**fields, validate_only=True))
    answer = await call(stub, UpdateSubscriptionRequest(**fields))
    assert charged(preview.invoice) == charged(answer.invoice)
    scenario.tokens.keep("subscription", answer.token, customer_id=customer)
    return answer


def charged(invoice: Invoice) -> list[tuple[str, str]]:
    """What an invoice charges, line by line."""
    return [(line.description, line.amount.amount) for line in invoice.lines]


async def limits(scenario: Scenario, customer: str) -> dict[str, str]:
    """What the customer may use, by feature."""
    found = await scenario.entitlements(customer)
    return {
        feature: decision.limit or decision.numeric_value or ("unlimited" if decision.unlimited else "on")
        for feature, decision in found.items()
    }


@pytest.mark.usefixtures("ladder")
async def test_up_and_down_the_ladder(new_scenario: NewScenario) -> None:
    scenario = new_scenario()
    await scenario.begin(2025, 1, 31)
    customer = await scenario.customer()
    bought = await scenario.subscribe(customer, "ladder-team", coupon_ids=["LADDER20"])
    subscription = bought.subscription
    assert subscription.state == SUBSCRIPTION_STATE_TRIALING
    assert not bought.HasField("invoice")
    assert await limits(scenario, customer) == {"ladder-history": "30", "ladder-projects": "10"}

    # Ten days of trial; the first period begins with their end. 50 less 20 %.
    await scenario.advance(2025, 2, 10)
    [first] = await scenario.invoices(customer)
    assert (first.total.amount, first.subtotal.amount) == ("40.00", "50.00")
    assert (await scenario.subscription(subscription.id)).state == SUBSCRIPTION_STATE_ACTIVE

    # Half of the period's 28 days later: two add-ons of 10 each, 5 more projects each.
    await scenario.advance(2025, 2, 24)
    added = await update(
        scenario,
        customer,
        subscription_id=subscription.id,
        add_ons=[SubscriptionAddOn(add_on_id="ladder-projects-pack", quantity=2)],
    )
    assert (added.invoice.subtotal.amount, added.invoice.total.amount) == ("10.00", "8.00")
    assert (await limits(scenario, customer))["ladder-projects"] == "20"
    await scenario.report(customer, "ladder-projects", "18")

    # Up at once: 120 and 10 seats at 12 for half a period, the unused half of 50 given back net of the coupon.
    raised = await update(
        scenario,
        customer,
        subscription_id=subscription.id,
        plan_id="ladder-business",
        commitments=[Commitment(feature_id="ladder-seats", quantity="10")],
    )
    assert raised.invoice.subtotal.amount == "95.00"
    assert raised.invoice.total.amount == "76.00"
    assert await limits(scenario, customer) == {
        "ladder-history": "365",
        "ladder-projects": "110",
        "ladder-seats": "10",
        "ladder-sso": "on",
    }
    assert (await scenario.check(customer, "ladder-projects")).usage == "18"

    # Down waits for the period's end, and then the packs' 10 projects come on top of the 10 of the plan.
    lowered = await update(scenario, customer, subscription_id=subscription.id, plan_id="ladder-team")
    assert not lowered.HasField("invoice")
    assert lowered.subscription.scheduled_change.plan_id == "ladder-team"
    assert "ladder-sso" in await limits(scenario, customer)
    await scenario.advance(2025, 3, 10)
    assert await limits(scenario, customer) == {"ladder-history": "30", "ladder-projects": "20"}
    assert (await scenario.check(customer, "ladder-projects")).usage == "18"
    assert (await scenario.invoices(customer))[-1].subtotal.amount == "70.00"


@pytest.mark.usefixtures("ladder")
async def test_a_new_version_reaches_subscriptions_by_migration_and_entitlements_by_carrying(
    platform: Platform, new_scenario: NewScenario, tmp_path: Path
) -> None:
    scenario = new_scenario()
    await scenario.begin(2025, 6, 1)
    customer = await scenario.customer()
    subscription = (await scenario.subscribe(customer, "ladder-free")).subscription
    assert (await limits(scenario, customer))["ladder-projects"] == "3"

    catalog = tmp_path / "catalog.yaml"
    catalog.write_text(CATALOG.read_text("utf-8").replace('limit: "3"', 'limit: "4"'))
    shown = await command(platform, "apply", str(catalog), "--yes", "--carry-entitlements")
    assert "until it is migrated; the new entitlements reach it at once" in shown
    # Carrying is an act of the catalog, which no token of the customer's names: the answer must be read from the owners.
    request = CheckEntitlementRequest(
        customer_id=customer, feature_id="ladder-projects", consistency=Consistency(current=True)
    )
    assert (await call(scenario.api.entitlements.CheckEntitlement, request)).decision.limit == "4"
    assert (await scenario.subscription(subscription.id)).plan_version == 1

    moved = await command(platform, "migrate", "ladder-free", "--now")
    assert moved.splitlines()[-1].startswith("Version 2 of ladder-free: ")
    assert (await scenario.subscription(subscription.id)).plan_version == 2


async def command(platform: Platform, *arguments: str) -> str:
    """What the `tollkeeper` command prints."""
    addresses = {
        "TOLLKEEPER_CATALOG_ADDRESS": platform.addresses["catalog"],
        "TOLLKEEPER_BILLING_ADDRESS": platform.addresses["billing"],
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "cli.main",
        *arguments,
        env={**os.environ, **addresses},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    printed, _ = await process.communicate()
    assert process.returncode == 0, printed.decode()
    return printed.decode().strip()
