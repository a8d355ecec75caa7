"""The catalog's README says what happens."""

import re
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import Result

from kernel.pricing import Graduated, Tier, price
from kit.client import call, open_channel
from tests.integration.cli_apply.conftest import FakeBilling, RunApply
from tollkeeper.billing.v1 import subscription_service_pb2 as billing_pb
from tollkeeper.catalog.v1 import charge_pb2, plan_service_pb2
from tollkeeper.catalog.v1.plan_service_pb2_grpc import PlanServiceStub
from tollkeeper.common.v1 import money_pb2


@pytest.fixture(scope="module")
def readme(project_root: Path) -> str:
    """Its text."""
    return (project_root / "services/catalog/README.md").read_text("utf-8")


@pytest.fixture(scope="module")
def examples(readme: str) -> list[str]:
    """The files that it shows."""
    return re.findall(r"```yaml\n(.*?)```", readme, re.DOTALL)


def _said(result: Result, *, after: int = 1) -> str:
    return "\n".join(result.output.splitlines()[after:])


async def test_the_example_is_applied_as_shown_and_twenty_gates_cost_298_dollars(
    run_apply: RunApply, billing: FakeBilling, readme: str, examples: list[str], address: str
) -> None:
    example = examples[0]
    assert f"```\n{_said(await run_apply(example))}\n```" in readme
    async with open_channel(address) as channel:
        request = plan_service_pb2.GetPlanVersionRequest(plan_id="carrier")
        version = (await call(PlanServiceStub(channel).GetPlanVersion, request)).plan_version
    (charge,) = version.content.charges
    ends = [*map(Decimal, charge.tier_ends), None]
    prices = [(Decimal(tier.unit_price), Decimal(tier.flat_fee)) for tier in charge.prices[0].tiers]
    tiers = tuple(Tier(end, unit, fee) for end, (unit, fee) in zip(ends, prices, strict=True))
    assert price(Graduated(tiers), Decimal(20)).amount == 298
    # Sixteen airlines with 20 gates each.
    twenty = 298 * 16
    effect = billing_pb.PlanVersionEffect(
        plan_version=1,
        billing_period=charge_pb2.BILLING_PERIOD_MONTHLY,
        subscriptions=16,
        current_amount=money_pb2.Money(currency="USD", amount=str(twenty)),
        new_amount=money_pb2.Money(currency="USD", amount=str(twenty - 16 * Decimal("2.50"))),
    )
    preview = billing_pb.PreviewPlanVersionResponse(live_subscriptions=16, effects=[effect])
    billing.answers["carrier"] = preview
    changed = await run_apply(example.replace("unit_price: 15", "unit_price: 14.50"))
    assert "\n".join(_said(changed).splitlines()[:2]) in readme
    assert "\n".join(_said(changed).splitlines()[4:7]) in readme
    wrong = await run_apply(example.replace("unit_price: 15", "unit_price: -15"))
    assert wrong.output.splitlines()[0].rpartition("/")[2] in readme


async def test_the_second_example_grants_and_costs_what_is_said(
    run_apply: RunApply, readme: str, examples: list[str], address: str
) -> None:
    example = examples[1]
    assert (await run_apply(example)).exit_code == 0
    async with open_channel(address) as channel:
        request = plan_service_pb2.GetPlanVersionRequest(plan_id="carrier")
        version = (await call(PlanServiceStub(channel).GetPlanVersion, request)).plan_version
    gates, history = version.effective_entitlements
    (add_on,) = version.add_ons
    more_gates, more_history = add_on.content.entitlements
    assert int(gates.metered.limit) + 2 * int(more_gates.metered.limit) == 12
    assert (history.numeric.value, more_history.numeric.value) == ("30", "90")
    (base,) = version.content.charges[0].prices
    everywhere, germany = add_on.content.charges[0].prices
    assert Decimal(base.amount) + 2 * Decimal(everywhere.amount) == 180
    assert Decimal(base.amount) + 2 * Decimal(germany.amount) == 198
    changed = await run_apply(example.replace("metered: { limit: 2 }", "metered: { limit: 3 }"))
    assert "\n".join(_said(changed).splitlines()[:4]) in readme


def test_the_headings_are_those_of_every_service(readme: str) -> None:
    assert re.findall(r"^## (.*)$", readme, re.MULTILINE) == [
        "What it owns",
        "What it is not",
        "Its words",
        "Its rules, with a worked example",
        "Its events",
        "Its settings",
    ]
