"""`tollkeeper apply` from a file to published plans, and from mistakes to their lines."""

import asyncio
import os
import pty
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.main import main
from kit.client import call, open_channel
from tests.integration.cli_apply.conftest import RunApply
from tollkeeper.catalog.v1 import plan_pb2, plan_service_pb2
from tollkeeper.catalog.v1.plan_service_pb2_grpc import PlanServiceStub


@pytest.fixture
def airlines(project_root: Path) -> str:
    """The catalog of the example."""
    return (project_root / "examples/airlines/catalog.yaml").read_text("utf-8")


def _lines(result: Result) -> list[str]:
    """What was printed, without the file's folder."""
    return [line.rpartition("/")[2] if line.startswith("/") else line for line in result.output.splitlines()]


async def _version(address: str, plan_id: str) -> plan_pb2.PlanVersion:
    async with open_channel(address) as channel:
        request = plan_service_pb2.GetPlanVersionRequest(plan_id=plan_id)
        return (await call(PlanServiceStub(channel).GetPlanVersion, request)).plan_version


async def test_the_example_is_shown_applied_and_then_equal(run_apply: RunApply, airlines: str, address: str) -> None:
    shown = await run_apply(airlines, "--dry-run")
    assert shown.exit_code == 0
    assert _lines(shown)[1:] == [
        "+ feature gates",
        "+ feature departures",
        "+ feature miles",
        "+ feature aircraft",
        "+ feature night-flights",
        "+ feature airports",
        "+ product new-york",
        "+ plan    carrier  → version 1",
        "8 new, 0 changed, 0 unchanged.",
        "Nothing was changed. Without --dry-run the difference is applied.",
    ]
    applied = await run_apply(airlines)
    assert (applied.exit_code, _lines(applied)[-1]) == (0, "Applied. Published: carrier version 1.")
    again = await run_apply(airlines)
    assert (again.exit_code, _lines(again)[-1]) == (0, "The catalog is as the file says.")
    assert (await _version(address, "carrier")).version == 1


async def test_a_change_is_shown_from_what_to_what(run_apply: RunApply, airlines: str, address: str) -> None:
    await run_apply(airlines)
    changed = await run_apply(airlines.replace('flat_fee: "8"', "flat_fee: 7.50").replace("Miles flown", "Miles"))
    features = [f"feature {name}" for name in ("gates", "departures", "aircraft", "night-flights", "airports")]
    unchanged = [*features, "product new-york"]
    assert _lines(changed)[1:] == [
        "~ feature miles",
        "    display_name: Miles flown → Miles",
        "~ plan    carrier  → version 2",
        "    charges[gates].prices[MONTHLY USD].tiers[1].flat_fee: 8 → 7.5",
        "0 new, 2 changed, 6 unchanged.",
        f"Unchanged: {', '.join(unchanged)}.",
        "Live subscriptions:",
        "  carrier: none",
        "Applied. Published: carrier version 2.",
    ]
    # 0.1 and its like arrive as they were written, not as binary fractions.
    await run_apply(airlines.replace('flat_fee: "8"', "flat_fee: 0.100000000001"))
    published = await _version(address, "carrier")
    assert published.content.charges[0].prices[0].tiers[1].flat_fee == "0.100000000001"


async def test_thresholds_and_shadow_mode_are_shown_and_make_no_version(run_apply: RunApply) -> None:
    file = """\
features:
  - id: gates
    metered:
      usage_behavior: FLUCTUATING
      usage_source: CALCULATED
"""
    await run_apply(file)
    changed = await run_apply(file + "      thresholds: [100, 50, 150]\n    shadow_mode: true\n")
    assert _lines(changed)[1:] == [
        "~ feature gates",
        "    shadow_mode: nothing → true",
        "    metered.thresholds.percents[50]: nothing → 50",
        "    metered.thresholds.percents[150]: nothing → 150",
        "    metered.thresholds.percents[80]: 80 → nothing",
        "0 new, 1 changed, 0 unchanged.",
        "Applied. Nothing got a new version.",
    ]
    wrong = await run_apply(file + "      thresholds:\n        - 100\n        - 1001\n        - 100\n")
    assert [line.partition(" ")[2] for line in _lines(wrong) if line.startswith("catalog.yaml:")] == [
        "features[gates].metered.thresholds[1]: must be a percentage of the limit from 1 to 1,000",
        "features[gates].metered.thresholds[2]: is listed twice: the first is entry 0, counted from 0",
    ]


async def test_what_the_file_does_not_name_is_left_alone_and_listed(run_apply: RunApply, airlines: str) -> None:
    await run_apply(airlines)
    result = await run_apply("features:\n  - { id: lounge, boolean: true }\n")
    names = ("aircraft", "airports", "departures", "gates", "miles", "night-flights")
    others = [f"feature {name}" for name in names]
    assert _lines(result)[1:] == [
        "+ feature lounge",
        "1 new, 0 changed, 0 unchanged.",
        f"Not in the file, and left alone: {', '.join(others)}, product new-york, plan carrier.",
        "Applied. Nothing got a new version.",
    ]


WRONG = """\
features:
  - id: gates
    metered:
      usage_behavior: FLUCTUATING
      usage_source: CALCULATED
      unit: gate
  - id: lounge
    boolean: true
plans:
  - id: gold
    product_id: airport
    pricing_type: payed
    charges:
      - id: seats
        billing_model: PER_UNIT
        feature_id: gates
        pricing_model: flat_rate
        prices:
          - { billing_period: MONTHLY, currency: usd, amount: 1,000 }
          - billing_period: YEARLY
            currency: USD
            amount: 1.2.3
    entitlements:
      - feature_id: lounge
        boolean: true
        boolean: true
      - feature_id: lounges
        metered: { limit: -1 }
"""


async def test_all_mistakes_are_named_with_their_lines_at_once(run_apply: RunApply) -> None:
    result = await run_apply(WRONG)
    assert result.exit_code == 1
    assert [line.partition(": ")[0] for line in _lines(result)[:-1]] == [
        "catalog.yaml:6:7 features[gates].metered.unit",
        "catalog.yaml:11:17 plans[gold].product_id",
        "catalog.yaml:12:19 plans[gold].pricing_type",
        "catalog.yaml:19:50 plans[gold].charges[seats].prices[0].currency",
        "catalog.yaml:19:65 plans[gold].charges[seats].prices[0].000",
        "catalog.yaml:22:21 plans[gold].charges[seats].prices[1].amount",
        "catalog.yaml:26:9 plans[gold].entitlements[lounge].boolean",
        "catalog.yaml:27:21 plans[gold].entitlements[lounges].feature_id",
        "catalog.yaml:28:27 plans[gold].entitlements[lounges].metered.limit",
    ]
    assert _lines(result)[-1] == "9 mistakes. Nothing was changed."


async def test_what_only_follows_from_another_mistake_is_not_said(run_apply: RunApply) -> None:
    # A feature whose id cannot be read is missed by the plan; the reader would look for a second mistake in vain.
    result = await run_apply(WRONG.replace("- id: gates", "- idd: gates"))
    assert "catalog.yaml:2:5 features[0].idd: is not a key here: did you mean id?" in result.output
    assert "must be the id of a feature" not in result.output
    assert "features[0].id:" not in result.output


async def test_many_mistakes_all_arrive(run_apply: RunApply) -> None:
    features = "".join(f"  - {{ id: 'a {number}', boolean: true }}\n" for number in range(900))
    result = await run_apply(f"features:\n{features}")
    assert len(_lines(result)) == 901
    assert _lines(result)[-1] == "900 mistakes. Nothing was changed."


async def test_a_draft_made_otherwise_is_named_with_its_line(run_apply: RunApply, airlines: str, address: str) -> None:
    await run_apply(airlines)
    content = (await _version(address, "carrier")).content
    async with open_channel(address) as channel:
        request = plan_service_pb2.SavePlanDraftRequest(plan_id="carrier", content=content)
        await call(PlanServiceStub(channel).SavePlanDraft, request)
    result = await run_apply(airlines)
    line = next(number for number, text in enumerate(airlines.splitlines(), 1) if "- id: carrier" in text)
    assert result.exit_code == 1
    assert _lines(result) == [
        f"catalog.yaml:{line}:9 plans[carrier].id: has an open draft: publish or discard it first",
        "1 mistake. Nothing was changed.",
    ]


@pytest.mark.parametrize(("answer", "versions"), [("y\n", [1]), ("n\n", []), ("", [])])
async def test_on_a_terminal_the_command_asks_first(
    tmp_path: Path, airlines: str, address: str, answer: str, versions: list[int]
) -> None:
    file = tmp_path / "catalog.yaml"
    file.write_text(airlines)
    # A terminal of its own, as a person has one.
    terminal, end = pty.openpty()
    command = [sys.executable, "-P", "-m", "cli.main", "apply", str(file), "--catalog", address]
    environment = {**os.environ, "TERM": "xterm"}
    environment.pop("NO_COLOR", None)
    process = await asyncio.create_subprocess_exec(*command, stdin=end, stdout=end, stderr=end, env=environment)
    os.close(end)
    os.write(terminal, answer.encode() or b"\x04")
    assert await asyncio.wait_for(process.wait(), 30) == (0 if versions else 1)
    output = os.read(terminal, 100_000).decode()
    os.close(terminal)
    assert "Apply this? [y/N]" in output
    assert "\x1b[32m+ feature gates" in output
    async with open_channel(address) as channel:
        listed = await call(PlanServiceStub(channel).ListPlans, plan_service_pb2.ListPlansRequest())
    assert [plan.latest_version for plan in listed.plans] == versions


def test_a_catalog_that_is_away_is_a_sentence(tmp_path: Path) -> None:
    file = tmp_path / "catalog.yaml"
    file.write_text("features: []\n")
    result = CliRunner().invoke(main, ["apply", str(file), "--catalog", "127.0.0.1:1"])
    assert result.exit_code == 1
    assert result.output == (
        "No catalog answers at 127.0.0.1:1: start the platform with `tollkeeper up`, or say --catalog. "
        "Nothing was changed.\n"
    )


@pytest.mark.parametrize("address", ["catalog", "host:", ":7401", "host:port", "host:99999"])
def test_an_address_that_is_none_is_a_sentence(tmp_path: Path, address: str) -> None:
    file = tmp_path / "catalog.yaml"
    file.write_text("features: []\n")
    result = CliRunner().invoke(main, ["apply", str(file)], env={"TOLLKEEPER_CATALOG_ADDRESS": address})
    assert result.exit_code == 1
    assert "must look like host:port" in result.output
