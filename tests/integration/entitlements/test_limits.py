"""What metering is told of limits: by facts, for everybody who holds something, also for those whom nobody checks."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest

from kit.proto import timestamp_from_proto
from tests.integration.entitlements.conftest import Replica
from tests.integration.entitlements.giving import Giving
from tests.integration.entitlements.plans import MONTHLY, limited
from tests.integration.entitlements.world import START, World
from tollkeeper.catalog.v1 import entitlement_pb2
from tollkeeper.catalog.v1 import plan_pb2 as plan
from tollkeeper.entitlements.v1 import promotional_grant_pb2 as pb

DAY = timedelta(days=1)
Span = tuple[str, datetime, datetime | None]


@pytest.fixture
async def giving(world: World, replica: Replica) -> AsyncIterator[Giving]:
    """Another replica than the one that the world checks through."""
    async with replica() as channel:
        yield Giving.through(channel)


def told(world: World, customer_id: str, feature_id: str) -> list[list[Span]]:
    """The limits by time over each tracker of the customer's usage that has any."""
    found = []
    for (customer, feature, _), said in world.metering.limits.items():
        if (customer, feature) == (customer_id, feature_id) and said.spans:
            spans: list[Span] = []
            for span in said.spans:
                end = span.period.end_time if span.period.HasField("end_time") else None
                start = timestamp_from_proto(span.period.start_time, "start")
                spans.append((span.limit, start, None if end is None else timestamp_from_proto(end, "end")))
            found.append(spans)
    return sorted(found)


async def eventually(world: World, customer_id: str, feature_id: str, *expected: list[Span]) -> None:
    """Waits until that is what metering was told last."""

    async def is_told() -> bool:
        await world.check("nobody", "gates")
        return told(world, customer_id, feature_id) == sorted(expected)

    await world.eventually(is_told)


async def test_the_limits_of_a_subscription_are_told_as_they_will_be(world: World) -> None:
    await world.customer("united")
    await world.subscribe("united", "carrier", commitments={"gates": "3"})
    await eventually(world, "united", "gates", [("3", START, None)])
    # Soft ones too; of what is unlimited there is none, and nobody was checked.
    assert told(world, "united", "miles") == [[("100", START, None)]]
    assert told(world, "united", "departures") == []
    calls = world.metering.gate.calls["SetLimits"]
    await world.schedule("sub-united", START + DAY, commitments={"gates": "5"})
    await eventually(world, "united", "gates", [("3", START, START + DAY), ("5", START + DAY, None)])
    # A change that changes no limit costs metering nothing.
    await world.schedule("sub-united", START + DAY, commitments={"gates": "5"})
    await world.subscribe("delta", "soft")
    await world.customer("delta")
    await eventually(world, "delta", "gates", [("2", START, None)])
    assert world.metering.gate.calls["SetLimits"] == calls + 2
    await world.cancel("sub-united", at=START, ended=True)
    await eventually(world, "united", "gates")


async def test_grants_that_share_a_tracker_are_told_as_one_limit(world: World, giving: Giving) -> None:
    await world.customer("united")
    token = await world.subscribe("united", "carrier", commitments={"gates": "3"})
    await world.check("united", "gates", tokens=[token])
    await giving.give("united", "gates", limit="8", start=START + DAY, expire=START + 3 * DAY)
    spans = [("3", START, START + DAY), ("8", START + DAY, START + 3 * DAY), ("3", START + 3 * DAY, None)]
    await eventually(world, "united", "gates", spans)
    endless = await giving.give(
        "united", "gates", metered=pb.GrantedUsage(unlimited=True), start=START + 2 * DAY, expire=START + 4 * DAY
    )
    spans = [("3", START, START + DAY), ("8", START + DAY, START + 2 * DAY), ("3", START + 4 * DAY, None)]
    await eventually(world, "united", "gates", spans)
    await giving.end("united", endless.promotional_grant.id)
    # One that counts in periods of its own has a limit of its own.
    reset = pb.GrantReset(interval=pb.GRANT_RESET_INTERVAL_DAY)
    await giving.give("united", "gates", metered=pb.GrantedUsage(limit="2", reset=reset), start=START)
    spans = [("3", START, START + DAY), ("8", START + DAY, START + 3 * DAY), ("3", START + 3 * DAY, None)]
    await eventually(world, "united", "gates", spans, [("2", START, None)])


async def test_what_a_publish_carries_reaches_customers_whom_nobody_checks(world: World) -> None:
    def content(limit: str, reset: entitlement_pb2.UsageReset | None) -> plan.PlanContent:
        return plan.PlanContent(entitlements=[limited("calls", limit, reset=reset)])

    world.plan("base", content("10", MONTHLY))
    for number in range(5):
        await world.customer(f"c{number}")
        await world.subscribe(f"c{number}", "base")
    await world.customer("other")
    await world.subscribe("other", "daily")
    for number in range(5):
        await eventually(world, f"c{number}", "calls", [("10", START, None)])
    others = told(world, "other", "calls")
    # New periods too: nobody has registered their trackers.
    world.plan("base", content("20", None), version=2)
    await world.carry("base", 2)
    for number in range(5):
        await eventually(world, f"c{number}", "calls", [("20", START, None)])
    assert told(world, "other", "calls") == others


async def test_metering_is_told_when_it_is_back(world: World) -> None:
    await world.customer("united")
    token = await world.subscribe("united", "soft")
    await world.check("united", "gates", tokens=[token])
    await eventually(world, "united", "gates", [("2", START, None)])
    world.metering.gate.away = True
    await world.cancel("sub-united", at=START + DAY)

    async def is_tried() -> bool:
        await world.check("nobody", "gates")
        return world.metering.gate.calls["SetLimits"] >= 3

    await world.eventually(is_tried)
    world.metering.gate.away = False
    await eventually(world, "united", "gates", [("2", START, START + DAY)])
