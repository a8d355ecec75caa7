"""Checks over the wire: every reason in its order, complete answers, and what is asked of whom."""

from datetime import UTC, datetime, timedelta

from tests.integration.entitlements.world import START, World, reason
from tollkeeper.catalog.v1.feature_pb2 import USAGE_SOURCE_CALCULATED


async def subscribed(world: World, customer_id: str = "united", plan_id: str = "carrier", **how: object) -> str:
    """A customer on a plan, known to the service; a token of its subscription."""
    await world.customer(customer_id)
    token = await world.subscribe(customer_id, plan_id, **how)  # type: ignore[arg-type]  # as `subscribe` takes them.
    await world.check(customer_id, "calls", tokens=[token])
    return token


async def test_each_refusal_in_its_order(world: World) -> None:
    await subscribed(world)
    stranger = await world.customer("stranger")
    assert await world.why("nobody", "no-such-feature") == "CUSTOMER_UNKNOWN"
    assert await world.why("stranger", "no-such-feature", tokens=[stranger]) == "NO_ACTIVE_SUBSCRIPTION"
    assert await world.why("united", "no-such-feature") == "FEATURE_UNKNOWN"
    assert await world.why("united", "lounges") == "FEATURE_NOT_INCLUDED"
    assert await world.why("united", "airports", values=["JFK", "SWF"]) == "VALUE_NOT_GRANTED"
    assert await world.why("united", "airports", values=["EWR", "JFK"]) == "INCLUDED"
    assert await world.why("united", "night-flights") == "INCLUDED"
    assert await world.why("united", "calls", requested="10") == "WITHIN_LIMIT"
    assert await world.why("united", "calls", requested="10.000000000001") == "LIMIT_EXCEEDED"
    assert await world.why("united", "departures", requested="1000000") == "UNLIMITED"
    assert await world.why("united", "miles", requested="101") == "OVER_SOFT_LIMIT"


async def test_every_answer_is_complete(world: World) -> None:
    await subscribed(world)
    world.metering.add("united", "calls", "4", at=START)
    decision = await world.check("united", "calls", current=True)
    assert (decision.limit, decision.usage, decision.remaining, decision.soft_limit) == ("10", "4", "6", False)
    assert decision.usage_period.start_time.ToDatetime(UTC) == START
    assert decision.usage_period.end_time.ToDatetime(UTC) == datetime(2026, 2, 10, 12, tzinfo=UTC)
    assert decision.next_reset_time == decision.usage_period.end_time
    assert (decision.source.subscription_id, decision.source.plan_id, decision.source.plan_version) == (
        "sub-united",
        "carrier",
        1,
    )
    assert decision.as_of.ToDatetime(UTC) == START
    assert decision.explanation == "4 of 10 calls are used; 1 more stays within the limit."
    endless = await world.check("united", "gates")
    assert not endless.HasField("next_reset_time")
    assert not endless.usage_period.HasField("start_time")


async def test_a_check_of_a_held_customer_asks_nobody(world: World) -> None:
    await subscribed(world)
    asked = world.billing.gate.calls + world.catalog.gate.calls + world.metering.gate.calls
    for _ in range(20):
        await world.check("united", "calls")
        await world.check("united", "airports")
    assert world.billing.gate.calls + world.catalog.gate.calls + world.metering.gate.calls == asked


async def test_an_unknown_feature_is_asked_for_once_and_found_when_it_is_announced(world: World) -> None:
    await subscribed(world)
    for _ in range(5):
        assert await world.why("united", "late") == "FEATURE_UNKNOWN"
    assert world.catalog.gate.calls["GetFeature"] == 1
    world.metered("late", "thing", source=USAGE_SOURCE_CALCULATED)
    assert await world.why("united", "late") == "FEATURE_UNKNOWN"
    world.clock.pass_by(timedelta(seconds=6))
    assert await world.why("united", "late") == "FEATURE_NOT_INCLUDED"


async def test_access_ends_by_the_customers_clock_without_any_message(world: World) -> None:
    await world.customer("united")
    await world.subscribe("united", "carrier")
    end = START + timedelta(days=31)
    token = await world.cancel("sub-united", at=end)
    assert await world.why("united", "calls", tokens=[token]) == "WITHIN_LIMIT"
    world.clock.time = end - timedelta(microseconds=1)
    assert await world.why("united", "calls") == "WITHIN_LIMIT"
    world.clock.time = end
    assert await world.why("united", "calls") == "NO_ACTIVE_SUBSCRIPTION"


async def test_a_passed_boundary_reads_as_zero_at_once(world: World) -> None:
    await subscribed(world)
    await world.report("united", "calls", "10")
    assert await world.why("united", "calls") == "LIMIT_EXCEEDED"
    world.clock.time = datetime(2026, 2, 10, 12, tzinfo=UTC) - timedelta(microseconds=1)
    assert await world.why("united", "calls") == "LIMIT_EXCEEDED"
    world.clock.time = datetime(2026, 2, 10, 12, tzinfo=UTC)
    decision = await world.check("united", "calls")
    assert (reason(decision), decision.usage) == ("WITHIN_LIMIT", "0")
    assert decision.usage_period.start_time.ToDatetime(UTC) == datetime(2026, 2, 10, 12, tzinfo=UTC)


async def test_customers_of_a_test_clock_live_by_it(world: World) -> None:
    await world.test_clock("clock", datetime(2013, 1, 1, tzinfo=UTC))
    await world.customer("old", clock_id="clock")
    start = datetime(2013, 1, 1, tzinfo=UTC)
    token = await world.subscribe("old", "carrier", start=start)
    answer = await world.report("old", "calls", "10", tokens=[token])
    assert answer.time.ToDatetime(UTC) == start
    assert await world.why("old", "calls") == "LIMIT_EXCEEDED"
    world.metering.add("old", "calls", "3", at=datetime(2013, 3, 2, tzinfo=UTC))
    moved = await world.test_clock("clock", datetime(2013, 3, 2, tzinfo=UTC), announced=False)
    assert await world.why("old", "calls") == "LIMIT_EXCEEDED"
    decision = await world.check("old", "calls", tokens=[moved])
    assert (reason(decision), decision.usage) == ("WITHIN_LIMIT", "3")
