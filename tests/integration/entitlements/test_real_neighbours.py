"""Entitlements between its real neighbours, all in this process: what the fakes promise, the real ones keep."""

import asyncio
import time
from datetime import UTC, datetime

import pytest

from kit.client import call
from tests.integration.entitlements.plans import BILLED, limited
from tests.integration.entitlements.real import Platform, platform
from tests.integration.entitlements.world import reason
from tollkeeper.catalog.v1 import catalog_service_pb2, charge_pb2, feature_pb2, plan_pb2, product_pb2

__all__ = ["platform"]


def _catalog() -> catalog_service_pb2.ApplyCatalogRequest:
    gates = feature_pb2.MeteredFeature(
        usage_behavior=feature_pb2.USAGE_BEHAVIOR_FLUCTUATING,
        usage_source=feature_pb2.USAGE_SOURCE_CALCULATED,
        unit_singular="gate",
    )
    miles = feature_pb2.MeteredFeature(
        usage_behavior=feature_pb2.USAGE_BEHAVIOR_INCREMENTAL,
        usage_source=feature_pb2.USAGE_SOURCE_EVENTS,
        unit_singular="mile",
        meter=feature_pb2.Meter(
            event_names=["flight.departed"], aggregation=feature_pb2.AGGREGATION_SUM, field="miles"
        ),
    )
    charge = charge_pb2.Charge(
        id="gates",
        feature_id="gates",
        billing_model=charge_pb2.BILLING_MODEL_PER_UNIT,
        pricing_model=charge_pb2.PRICING_MODEL_FLAT_RATE,
        prices=[charge_pb2.Price(billing_period=charge_pb2.BILLING_PERIOD_MONTHLY, currency="USD", amount="1")],
    )
    content = plan_pb2.PlanContent(
        pricing_type=plan_pb2.PRICING_TYPE_PAID,
        entitlements=[limited("miles", "1000", reset=BILLED)],
        charges=[charge],
    )
    plan = plan_pb2.Plan(id="carrier", product_id="new-york")
    return catalog_service_pb2.ApplyCatalogRequest(
        features=[feature_pb2.Feature(id="gates", metered=gates), feature_pb2.Feature(id="miles", metered=miles)],
        products=[product_pb2.Product(id="new-york")],
        plans=[catalog_service_pb2.PlanDocument(plan=plan, content=content)],
    )


@pytest.fixture
async def carriers(platform: Platform) -> Platform:
    """With the catalog applied."""
    await call(platform.catalog.ApplyCatalog, _catalog())
    return platform


async def test_the_story_between_real_neighbours(carriers: Platform) -> None:
    token = await carriers.provision("united", "20")
    for replica in (0, 1):
        assert (await carriers.check("united", "gates", token, replica=replica)).limit == "20"

    # 64 callers through two replicas: exactly the limit is written.
    answers = await asyncio.gather(*(carriers.enforce("united", "1", replica=n % 2) for n in range(64)))
    assert sum(answer.written for answer in answers) == 20
    assert {reason(answer.decision) for answer in answers if not answer.written} == {"LIMIT_EXCEEDED"}

    # Raised while both race: one knows by a token, the other is told by metering that it is behind.
    raised = await carriers.commit("united", "30")
    answers = await asyncio.gather(
        *(carriers.enforce("united", "1", *([] if n % 2 else [raised]), replica=n % 2) for n in range(64))
    )
    assert sum(answer.written for answer in answers) == 10
    tokens = [answer.token for answer in answers if answer.written]
    for replica in (0, 1):
        decision = await carriers.check("united", "gates", raised, *tokens, replica=replica)
        assert (decision.limit, decision.granted) == ("30", False)

    # A resource's reports count for the customer, whose limit it is.
    lowered = await carriers.enforce("united", "-5")
    assert lowered.usage == "25"
    north = await carriers.enforce("united", "4", resource_id="north")
    assert (north.written, north.usage) == (True, "29")
    assert not (await carriers.enforce("united", "2", resource_id="south")).written


async def test_reports_and_events_are_never_stale_under_their_token_on_either_replica(carriers: Platform) -> None:
    token = await carriers.provision("united", "1000")
    miles = 0
    for number in range(1, 41):
        writer, reader = number % 2, (number + 1) % 2
        answer = await carriers.enforce("united", "1", token, replica=writer)
        assert (await carriers.check("united", "gates", replica=writer)).usage == str(number)
        assert (await carriers.check("united", "gates", answer.token, replica=reader)).usage == str(number)
        miles += number
        flown = await carriers.fly("united", miles=str(number))
        assert (await carriers.check("united", "miles", token, flown, replica=reader)).usage == str(miles)


async def test_raw_events_are_seen_within_a_second_without_any_token(carriers: Platform) -> None:
    token = await carriers.provision("united", "3")
    for replica in (0, 1):
        await carriers.check("united", "miles", token, replica=replica)
    delays = []
    for number in range(1, 11):
        await carriers.fly("united", miles="1")
        acknowledged = time.monotonic()
        for replica in (0, 1):
            while (await carriers.check("united", "miles", replica=replica)).usage != str(number):
                pass
        delays.append(time.monotonic() - acknowledged)
    assert sorted(delays)[len(delays) // 2] < 1
    decision = await carriers.check("united", "miles")
    assert abs((datetime.now(UTC) - decision.as_of.ToDatetime(UTC)).total_seconds()) < 10
