"""Reports over the wire: what is written, what is refused and why, and whose fault is whose."""

import asyncio
from datetime import UTC

import grpc
import pytest

from kernel.errors import TollkeeperError
from kit.errors import RemoteRefusal
from tests.integration.entitlements.world import START, World, reason
from tollkeeper.catalog.v1.feature_pb2 import USAGE_SOURCE_CALCULATED
from tollkeeper.common.v1.update_behavior_pb2 import UPDATE_BEHAVIOR_SET


async def known(world: World, customer_id: str = "united", gates: str = "3") -> None:
    """A customer on the carrier plan that the service holds."""
    await world.customer(customer_id)
    token = await world.subscribe(customer_id, "carrier", commitments={"gates": gates})
    await world.check(customer_id, "gates", tokens=[token])


async def refusal(world: World, *args: str, **how: object) -> tuple[str, str]:
    """The code and the reason of a report that is an error."""
    with pytest.raises(RemoteRefusal) as refused:
        await world.report(*args, **how)  # type: ignore[arg-type]  # as `report` takes them.
    return refused.value.code.name, refused.value.reason


async def test_record_writes_whatever_the_limit_and_says_where_that_leaves_the_customer(world: World) -> None:
    await known(world)
    answer = await world.report("united", "gates", "5")
    assert (answer.written, answer.usage, answer.covered) == (True, "5", True)
    assert (answer.decision.granted, reason(answer.decision)) == (False, "LIMIT_EXCEEDED")
    assert answer.decision.explanation == "5 of 3 gates are used, 2 above the limit."
    assert answer.time.ToDatetime(UTC) == START
    assert answer.token
    assert answer.HasField("usage_period")
    assert not answer.usage_period.HasField("start_time")


async def test_enforce_is_all_or_nothing_and_never_refuses_less(world: World) -> None:
    await known(world)
    assert (await world.report("united", "gates", "3", enforce=True)).written
    refused = await world.report("united", "gates", "0.5", enforce=True)
    assert (refused.written, refused.usage, refused.token, reason(refused.decision)) == (
        False,
        "3",
        "",
        "LIMIT_EXCEEDED",
    )
    await world.report("united", "gates", "4")
    assert (await world.report("united", "gates", "-1", enforce=True)).usage == "6"
    lowered = await world.report("united", "gates", "5", enforce=True, update_behavior=UPDATE_BEHAVIOR_SET)
    assert (lowered.written, lowered.usage) == (True, "5")
    raised = await world.report("united", "gates", "6", enforce=True, update_behavior=UPDATE_BEHAVIOR_SET)
    assert (raised.written, raised.usage) == (False, "5")
    assert raised.decision.explanation == (
        "5 of 3 gates are used; setting the usage to 6 would pass the limit of 3 by 3."
    )
    assert (await world.report("united", "gates", "2", enforce=True, update_behavior=UPDATE_BEHAVIOR_SET)).usage == "2"


async def test_a_repeated_key_answers_the_first_outcome(world: World) -> None:
    await known(world)
    first = await world.report("united", "gates", "2", enforce=True, key="k")
    await world.report("united", "gates", "1", enforce=True)
    again = await world.report("united", "gates", "2", enforce=True, key="k")
    assert (again.written, again.usage, again.decision.usage) == (True, "2", "2")
    assert first.usage == "2"
    assert (await world.check("united", "gates")).usage == "3"
    assert await refusal(world, "united", "gates", "1", key="k") == ("ALREADY_EXISTS", "IDEMPOTENCY_KEY_REUSED")
    assert await refusal(world, "united", "gates", "-9") == ("FAILED_PRECONDITION", "USAGE_BELOW_ZERO")


async def test_a_written_key_is_told_of_even_after_the_subscription_ended(world: World) -> None:
    await known(world)
    await world.report("united", "gates", "2", enforce=True, key="k")
    token = await world.cancel("sub-united", at=START, ended=True)
    again = await world.report("united", "gates", "2", enforce=True, key="k", tokens=[token])
    assert (again.written, again.usage, reason(again.decision)) == (True, "2", "NO_ACTIVE_SUBSCRIPTION")
    fresh = await world.report("united", "gates", "1", enforce=True)
    assert (fresh.written, fresh.covered, reason(fresh.decision)) == (False, False, "NO_ACTIVE_SUBSCRIPTION")
    for value in ("-1", "0"):
        assert not (await world.report("united", "gates", value, enforce=True)).written
    assert not (await world.report("united", "gates", "1", enforce=True, update_behavior=UPDATE_BEHAVIOR_SET)).written
    assert world.metering.changes["united", "gates"][-1][1] == 2


async def test_what_no_entitlement_covers_is_kept_and_counts_from_the_day_one_does(world: World) -> None:
    token = await world.customer("united")
    early = await world.report("united", "gates", "2", tokens=[token])
    assert (early.written, early.covered, reason(early.decision)) == (True, False, "NO_ACTIVE_SUBSCRIPTION")
    lounge = await world.report("united", "lounges", "1")
    assert (lounge.written, lounge.covered) == (True, False)
    provisioned = await world.subscribe("united", "carrier", commitments={"gates": "3"})
    assert (await world.check("united", "gates", tokens=[provisioned])).usage == "2"
    refused = await world.report("united", "lounges", "1", enforce=True)
    assert (refused.written, reason(refused.decision)) == (False, "FEATURE_NOT_INCLUDED")


async def test_errors_by_name(world: World) -> None:
    await known(world)
    assert await refusal(world, "nobody", "gates", "1") == ("NOT_FOUND", "CUSTOMER_NOT_FOUND")
    assert await refusal(world, "united", "nothing", "1") == ("NOT_FOUND", "FEATURE_NOT_FOUND")
    assert await refusal(world, "united", "airports", "1") == ("FAILED_PRECONDITION", "FEATURE_NOT_METERED")
    assert await refusal(world, "united", "miles", "1") == ("FAILED_PRECONDITION", "FEATURE_NOT_CALCULATED")
    assert world.metering.gate.calls["BatchReportUsage"] == 0


async def test_what_was_unknown_a_moment_ago_is_asked_for_before_an_error(world: World) -> None:
    assert await world.why("united", "gates") == "CUSTOMER_UNKNOWN"
    assert await world.why("delta", "late") == "CUSTOMER_UNKNOWN"
    await world.customer("united", announced=False)
    await world.subscribe("united", "carrier", announced=False)
    world.metered("late", "thing", source=USAGE_SOURCE_CALCULATED)
    assert (await world.report("united", "late", "1")).written
    assert (await world.report("united", "gates", "1", enforce=True)).written


async def test_a_limit_that_metering_knows_to_be_old_is_read_anew(world: World) -> None:
    await known(world, gates="1")
    assert (await world.report("united", "gates", "1", enforce=True)).written
    await world.commit("sub-united", {"gates": "5"}, announced=False)
    # Another replica has shown metering the newer entitlement.
    world.metering.newest_entitlement["united", "gates"] += 1
    answer = await world.report("united", "gates", "3", enforce=True)
    assert (answer.written, answer.decision.limit) == (True, "5")
    world.metering.newest_entitlement["united", "gates"] = 10**9
    assert await refusal(world, "united", "gates", "1", enforce=True) == ("ABORTED", "CONCURRENT_CHANGE")
    # Recording needs no entitlement.
    assert (await world.report("united", "gates", "1")).written


async def test_of_two_subscriptions_the_one_with_room_takes_the_report(world: World) -> None:
    await known(world)
    token = await world.subscribe("united", "daily", id="second")
    # Ten a month, four a day: the higher limit first, and the other one once it is passed.
    answer = await world.report("united", "calls", "10", enforce=True, tokens=[token])
    assert (answer.written, answer.decision.source.plan_id) == (True, "carrier")
    assert not (await world.check("united", "calls")).granted
    world.clock.time = START.replace(day=11)
    answer = await world.report("united", "calls", "3", enforce=True)
    assert (answer.written, answer.usage, answer.decision.source.plan_id) == (True, "3", "daily")
    # In memory the day still has room; metering knows better, and the month is tried too before it is refused.
    world.metering.add("united", "calls", "1", at=world.clock.time)
    refused = await world.report("united", "calls", "1", enforce=True)
    assert (refused.written, refused.covered) == (False, True)
    assert reason(refused.decision) == "LIMIT_EXCEEDED"


async def test_a_soft_limit_lets_everything_be_written(world: World) -> None:
    await world.customer("united")
    token = await world.subscribe("united", "soft")
    answer = await world.report("united", "gates", "5", enforce=True, tokens=[token])
    assert (answer.written, reason(answer.decision), answer.decision.granted) == (True, "OVER_SOFT_LIMIT", True)


async def test_reports_that_wait_travel_together_and_one_that_is_refused_harms_no_other(world: World) -> None:
    await known(world, gates="1000")
    await world.report("united", "lounges", "1")
    world.metering.batches.clear()
    world.metering.gate.hold = asyncio.Event()
    first = asyncio.create_task(world.report("united", "gates", "1", enforce=True))
    await world.metering.gate.holds("BatchReportUsage")
    others = [asyncio.create_task(world.report("united", "gates", "1", enforce=True)) for _ in range(40)]
    odd = asyncio.create_task(world.report("united", "lounges", "1"))
    await asyncio.gather(*(world.check("united", "gates") for _ in range(50)))
    world.metering.refuse_next = ["lounges", "lounges"]
    world.metering.gate.hold.set()
    answers = await asyncio.gather(first, *others)
    assert all(answer.written for answer in answers)
    assert sorted(int(answer.usage) for answer in answers) == list(range(1, 42))
    with pytest.raises(RemoteRefusal) as refused:
        await odd
    assert refused.value.code is grpc.StatusCode.INTERNAL
    assert world.metering.batches[:2] == [1, 41]


async def test_metering_away_says_to_repeat_with_the_same_key_and_that_counts_once(world: World) -> None:
    await known(world)
    world.metering.gate.away = True
    with pytest.raises(TollkeeperError) as refused:
        await world.report("united", "gates", "1", enforce=True, key="k")
    assert refused.value.reason == "DEPENDENCY_UNAVAILABLE"
    world.metering.gate.away = False
    for _ in range(2):
        assert (await world.report("united", "gates", "1", enforce=True, key="k")).usage == "1"


async def test_a_report_of_a_resource_counts_for_the_customer(world: World) -> None:
    await known(world)
    answer = await world.report("united", "gates", "2", enforce=True, resource_id="north")
    assert (answer.written, answer.usage) == (True, "2")
    assert (await world.check("united", "gates")).usage == "2"
