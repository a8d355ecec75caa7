"""The catalog's README says what happens."""

import re
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import Result

from kernel.pricing import Graduated, Tier, price
from kit.client import call, open_channel
from tests.integration.cli_apply.conftest import RunApply
from tollkeeper.catalog.v1 import plan_service_pb2
from tollkeeper.catalog.v1.plan_service_pb2_grpc import PlanServiceStub


@pytest.fixture(scope="module")
def readme(project_root: Path) -> str:
    """Its text."""
    return (project_root / "services/catalog/README.md").read_text("utf-8")


@pytest.fixture(scope="module")
def example(readme: str) -> str:
    """The file that it shows."""
    found = re.search(r"```yaml\n(.*?)```", readme, re.DOTALL)
    assert found is not None
    return found[1]


def _said(result: Result, *, after: int = 1) -> str:
    return "\n".join(result.output.splitlines()[after:])


async def test_the_example_is_applied_as_shown_and_twenty_gates_cost_298_dollars(
    run_apply: RunApply, readme: str, example: str, address: str
) -> None:
    assert f"```\n{_said(await run_apply(example))}\n```" in readme
    async with open_channel(address) as channel:
        request = plan_service_pb2.GetPlanVersionRequest(plan_id="carrier")
        version = (await call(PlanServiceStub(channel).GetPlanVersion, request)).plan_version
    (charge,) = version.content.charges
    ends = [*map(Decimal, charge.tier_ends), None]
    prices = [(Decimal(tier.unit_price), Decimal(tier.flat_fee)) for tier in charge.prices[0].tiers]
    tiers = tuple(Tier(end, unit, fee) for end, (unit, fee) in zip(ends, prices, strict=True))
    assert price(Graduated(tiers), Decimal(20)).amount == 298
    changed = await run_apply(example.replace("unit_price: 15", "unit_price: 14.50"))
    assert "\n".join(_said(changed).splitlines()[:2]) in readme
    wrong = await run_apply(example.replace("unit_price: 15", "unit_price: -15"))
    assert wrong.output.splitlines()[0].rpartition("/")[2] in readme


def test_the_headings_are_those_of_every_service(readme: str) -> None:
    assert re.findall(r"^## (.*)$", readme, re.MULTILINE) == [
        "What it owns",
        "What it is not",
        "Its words",
        "Its rules, with a worked example",
        "Its events",
        "Its settings",
    ]
