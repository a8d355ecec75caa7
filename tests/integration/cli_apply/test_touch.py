"""The blast radius: which live subscriptions a change touches, and what they would pay."""

from pathlib import Path

import pytest
from click.testing import Result

from tests.integration.cli_apply.conftest import FakeBilling, RunApply
from tollkeeper.billing.v1 import subscription_service_pb2 as pb
from tollkeeper.catalog.v1 import charge_pb2
from tollkeeper.common.v1 import money_pb2

MONTHLY, YEARLY = charge_pb2.BILLING_PERIOD_MONTHLY, charge_pb2.BILLING_PERIOD_YEARLY


@pytest.fixture
def airlines(project_root: Path) -> str:
    """The catalog of the example."""
    return (project_root / "examples/airlines/catalog.yaml").read_text("utf-8")


def _effect(
    version: int, period: "charge_pb2.BillingPeriod.ValueType", *money: str, **fields: int
) -> pb.PlanVersionEffect:
    currency, current, new = money
    return pb.PlanVersionEffect(
        plan_version=version,
        billing_period=period,
        current_amount=money_pb2.Money(currency=currency, amount=current),
        new_amount=money_pb2.Money(currency=currency, amount=new),
        **fields,
    )


def _live(result: Result) -> list[str]:
    """The lines about live subscriptions."""
    lines: list[str] = result.output.splitlines()
    start = lines.index("Live subscriptions:")
    return [line for line in lines[start + 1 :] if line.startswith("  ")]


async def test_what_live_subscriptions_would_pay_is_shown_before_anything_is_applied(
    run_apply: RunApply, billing: FakeBilling, airlines: str
) -> None:
    first = await run_apply(airlines)
    # Nobody has a plan that has no version yet: billing is not asked.
    assert "Live subscriptions" not in first.output
    assert billing.asked == []
    billing.answers["carrier"] = pb.PreviewPlanVersionResponse(
        live_subscriptions=1_211,
        effects=[
            _effect(1, MONTHLY, "USD", "3576.00", "3546.00", subscriptions=1_200),
            _effect(1, YEARLY, "USD", "100.00", "150.00", subscriptions=10, not_offered=9),
            _effect(1, YEARLY, "JPY", "500", "500", subscriptions=1),
        ],
    )
    changed = airlines.replace('flat_fee: "8"', "flat_fee: 7.50")
    shown = await run_apply(changed, "--dry-run")
    assert _live(shown) == [
        "  carrier: 1,211, which keep their versions until migrated",
        "    1,200 of version 1: $3,576.00 → $3,546.00 a month in advance (-$30.00)",
        "    10 of version 1: $100.00 → $150.00 a year in advance (+$50.00); 9 without a price in the new version",
        "    1 of version 1: ¥500 → ¥500 a year in advance (no difference)",
    ]
    # It was asked about the version as it would be published, complete.
    (version,) = billing.asked
    assert (version.plan_id, version.version) == ("carrier", 2)
    assert version.content.charges[0].prices[0].tiers[1].flat_fee == "7.5"
    assert len(version.features) == 6
    applied = await run_apply(changed, "--carry-entitlements")
    assert _live(applied)[0] == (
        "  carrier: 1,211, which keep their versions until migrated; the new entitlements reach them at once"
    )
    assert applied.output.splitlines()[-1] == "Applied. Published: carrier version 2."
    again = await run_apply(changed)
    assert "Live subscriptions" not in again.output


async def test_one_subscription_and_none(run_apply: RunApply, billing: FakeBilling, airlines: str) -> None:
    await run_apply(airlines)
    changed = airlines.replace('flat_fee: "8"', "flat_fee: 7.50")
    assert _live(await run_apply(changed, "--dry-run")) == ["  carrier: none"]
    billing.answers["carrier"] = pb.PreviewPlanVersionResponse(live_subscriptions=1)
    assert _live(await run_apply(changed, "--dry-run", "--carry-entitlements")) == [
        "  carrier: 1, which keeps its version until it is migrated; the new entitlements reach it at once"
    ]


async def test_a_long_list_of_groups_is_cut(run_apply: RunApply, billing: FakeBilling, airlines: str) -> None:
    await run_apply(airlines)
    groups = [_effect(version, MONTHLY, "USD", "1.00", "2.00", subscriptions=1) for version in range(1, 24)]
    billing.answers["carrier"] = pb.PreviewPlanVersionResponse(live_subscriptions=23, effects=groups)
    live = _live(await run_apply(airlines.replace('flat_fee: "8"', "flat_fee: 7.50")))
    assert (len(live), live[-1]) == (22, "    and 3 more groups")


async def test_a_name_alone_touches_nobody(run_apply: RunApply, billing: FakeBilling, airlines: str) -> None:
    await run_apply(airlines)
    renamed = await run_apply(airlines.replace("display_name: Carrier", "display_name: Airline"))
    assert "~ plan    carrier" in renamed.output.splitlines()
    assert "Live subscriptions" not in renamed.output
    assert renamed.output.splitlines()[-1] == "Applied. Nothing got a new version."


async def test_billing_that_is_away_is_a_sentence_and_the_file_is_applied(
    run_apply: RunApply, airlines: str, address: str
) -> None:
    await run_apply(airlines)
    changed = airlines.replace('flat_fee: "8"', "flat_fee: 7.50")
    unknown = "which of them this touches is not known"
    # Something else answers there: the catalog itself.
    other = await run_apply(changed, "--dry-run", "--billing", address)
    assert _live(other) == [f"  What answers at {address} is not billing: {unknown}. Name its address with --billing."]
    away = await run_apply(changed, "--billing", "127.0.0.1:1")
    assert _live(away) == [f"  Billing does not answer at 127.0.0.1:1: {unknown}. Start it, or say --billing."]
    assert (away.exit_code, away.output.splitlines()[-1]) == (0, "Applied. Published: carrier version 2.")


async def test_an_address_that_is_none_is_a_sentence(run_apply: RunApply, airlines: str) -> None:
    result = await run_apply(airlines, "--billing", "billing")
    assert result.exit_code == 1
    assert "must look like host:port, for example 127.0.0.1:7404" in result.output


async def test_what_inherits_is_asked_about_too(run_apply: RunApply, billing: FakeBilling) -> None:
    file = """\
features:
  - { id: history, numeric: { unit_singular: day } }
products:
  - id: airport
plans:
  - { id: silver, product_id: airport, pricing_type: CUSTOM, base_plan_id: bronze }
  - id: bronze
    product_id: airport
    pricing_type: FREE
    entitlements: [{ feature_id: history, numeric: { value: 7 } }]
"""
    await run_apply(file)
    changed = await run_apply(file.replace("value: 7", "value: 14"))
    assert [version.plan_id for version in billing.asked] == ["silver", "bronze"]
    assert changed.output.splitlines()[1:] == [
        "~ plan    silver  → version 2",
        "    effective_entitlements[history].numeric.value: 7 → 14",
        "~ plan    bronze  → version 2",
        "    entitlements[history].numeric.value: 7 → 14",
        "0 new, 2 changed, 2 unchanged.",
        "Unchanged: feature history, product airport.",
        "Live subscriptions:",
        "  silver: none",
        "  bronze: none",
        "Applied. Published: silver version 2, bronze version 2.",
    ]
