"""Subscriptions through their lives: access and what is held follow the customer's clock, with messages or without."""

from datetime import UTC, datetime, timedelta

from kit.proto import timestamp_to_proto
from tests.integration.entitlements.plans import BILLED, limited
from tests.integration.entitlements.world import START, SubscriptionEvent, World, reason
from tollkeeper.billing.v1 import billing_events_pb2 as events
from tollkeeper.billing.v1 import subscription_pb2 as pb
from tollkeeper.catalog.v1 import charge_pb2, plan_pb2
from tollkeeper.common.v1 import period_pb2

INSTANT = timedelta(microseconds=1)
DAY = timedelta(days=1)
MONTH_END = datetime(2026, 2, 10, 12, tzinfo=UTC)


def access(start: datetime, end: datetime | None = None) -> period_pb2.Period:
    """From when to when a subscription gives access."""
    ends = None if end is None else timestamp_to_proto(end)
    return period_pb2.Period(start_time=timestamp_to_proto(start), end_time=ends)


async def test_a_scheduled_subscription_begins_by_the_clock_without_any_message(world: World) -> None:
    await world.customer("united")
    begins = START + 3 * DAY
    token = await world.subscribe(
        "united",
        "carrier",
        start=begins,
        create_time=timestamp_to_proto(START),
        state=pb.SUBSCRIPTION_STATE_SCHEDULED,
    )
    assert await world.why("united", "calls", tokens=[token]) == "NO_ACTIVE_SUBSCRIPTION"
    world.clock.time = begins - INSTANT
    assert await world.why("united", "calls") == "NO_ACTIVE_SUBSCRIPTION"
    world.clock.time = begins
    decision = await world.check("united", "calls")
    assert (reason(decision), decision.usage_period.start_time.ToDatetime(UTC)) == ("WITHIN_LIMIT", begins)


async def test_a_trial_that_expires_ends_by_the_clock_without_any_message(world: World) -> None:
    await world.customer("united")
    end = START + 14 * DAY
    token = await world.subscribe(
        "united",
        "carrier",
        state=pb.SUBSCRIPTION_STATE_TRIALING,
        anchor_time=timestamp_to_proto(end),
        access_period=access(START, end),
    )
    assert await world.why("united", "calls", tokens=[token]) == "WITHIN_LIMIT"
    world.clock.time = end - INSTANT
    assert await world.why("united", "calls") == "WITHIN_LIMIT"
    world.clock.time = end
    assert await world.why("united", "calls") == "NO_ACTIVE_SUBSCRIPTION"
    assert (await world.report("united", "calls", "1", enforce=True)).written is False


async def test_a_trial_that_goes_on_counts_billing_periods_from_its_end(world: World) -> None:
    await world.customer("united")
    end = START + 14 * DAY
    trialing = pb.SUBSCRIPTION_STATE_TRIALING
    token = await world.subscribe("united", "carrier", state=trialing, anchor_time=timestamp_to_proto(end))
    decision = await world.check("united", "miles", tokens=[token])
    assert decision.usage_period.start_time.ToDatetime(UTC) == START
    # Those of before and after are counted from now on, whoever asks.
    registered = set(world.metering.trackers)
    world.metering.add("united", "miles", "40", at=START + DAY)
    await world.report("united", "calls", "4")
    world.clock.time = end - INSTANT
    assert (await world.check("united", "miles", current=True)).usage == "40"
    world.clock.time = end
    world.metering.add("united", "miles", "7", at=end)
    decision = await world.check("united", "miles", current=True)
    assert (decision.usage, decision.usage_period.start_time.ToDatetime(UTC)) == ("7", end)
    # What resets from the start goes on.
    decision = await world.check("united", "calls")
    assert (decision.usage, decision.usage_period.start_time.ToDatetime(UTC)) == ("4", START)
    held = world.billing.subscriptions["sub-united"]
    held.state = pb.SUBSCRIPTION_STATE_ACTIVE
    token = await world.changed(held, events.SubscriptionTrialEnded())
    decision = await world.check("united", "miles", tokens=[token])
    assert (decision.usage, decision.usage_period.start_time.ToDatetime(UTC)) == ("7", end)
    assert world.metering.trackers == registered


async def test_the_readmes_trial(world: World) -> None:
    start = datetime(2026, 1, 31, 12, tzinfo=UTC)
    trial_end, period_end = datetime(2026, 2, 14, 12, tzinfo=UTC), datetime(2026, 3, 14, 12, tzinfo=UTC)
    world.clock.time = start
    await world.customer("united")
    await world.subscribe(
        "united",
        "carrier",
        start=start,
        commitments={"gates": "3"},
        state=pb.SUBSCRIPTION_STATE_TRIALING,
        anchor_time=timestamp_to_proto(trial_end),
    )
    # The last that is ever heard of billing.
    token = await world.schedule("sub-united", period_end, commitments={"gates": "1"})
    assert (await world.check("united", "gates", tokens=[token])).limit == "3"
    table = [
        (start, "3", start),
        (trial_end - INSTANT, "3", start),
        (trial_end, "3", trial_end),
        (period_end - INSTANT, "3", trial_end),
        (period_end, "1", period_end),
    ]
    for now, gates, counted_from in table:
        world.clock.time = now
        assert (await world.check("united", "gates")).limit == gates
        period = (await world.check("united", "miles")).usage_period
        assert period.start_time.ToDatetime(UTC) == counted_from


async def test_nothing_is_granted_before_the_first_payment_and_everything_after_it(world: World) -> None:
    await world.customer("united")
    token = await world.subscribe("united", "carrier", state=pb.SUBSCRIPTION_STATE_PENDING_PAYMENT, announced=False)
    pending = world.billing.subscriptions["sub-united"]
    pending.ClearField("access_period")
    await world.changed(pending, events.SubscriptionProvisioned())
    assert await world.why("united", "calls", tokens=[token]) == "NO_ACTIVE_SUBSCRIPTION"
    # Paid a moment ahead of this machine's clock.
    paid = world.clock.time + timedelta(seconds=1)
    pending.state = pb.SUBSCRIPTION_STATE_ACTIVE
    pending.access_period.CopyFrom(access(paid))
    token = await world.changed(pending, events.SubscriptionActivated())
    assert await world.why("united", "calls", tokens=[token]) == "WITHIN_LIMIT"


LIVES: list[tuple[SubscriptionEvent, "pb.SubscriptionState.ValueType", datetime | None, str]] = [
    (events.SubscriptionActivated(), pb.SUBSCRIPTION_STATE_ACTIVE, None, "WITHIN_LIMIT"),
    (events.SubscriptionTrialEnded(), pb.SUBSCRIPTION_STATE_ACTIVE, None, "WITHIN_LIMIT"),
    (events.SubscriptionPastDue(), pb.SUBSCRIPTION_STATE_PAST_DUE, None, "WITHIN_LIMIT"),
    (events.SubscriptionExpired(), pb.SUBSCRIPTION_STATE_EXPIRED, START, "NO_ACTIVE_SUBSCRIPTION"),
]


async def test_every_event_of_a_subscription_brings_its_state(world: World) -> None:
    for number, (event, state, end, expected) in enumerate(LIVES):
        name = f"c{number}"
        await world.customer(name)
        token = await world.subscribe(name, "carrier", commitments={"gates": "1"})
        assert (await world.check(name, "gates", tokens=[token])).limit == "1"
        asked = world.billing.gate.calls.total()
        held = world.billing.subscriptions[f"sub-{name}"]
        held.state, held.commitments[0].quantity = state, "2"
        if end is not None:
            held.access_period.end_time.CopyFrom(timestamp_to_proto(end))
            held.end_time.CopyFrom(timestamp_to_proto(end))
        await world.changed(held, event)
        wanted = (expected, "" if end is not None else "2")

        async def has_come(name: str = name, wanted: tuple[str, str] = wanted) -> bool:
            decision = await world.check(name, "gates")
            return (reason(decision), decision.limit) == wanted

        await world.eventually(has_come)
        assert world.billing.gate.calls.total() == asked


async def test_a_scheduled_downgrade_decides_from_its_time_on_and_usage_stays(world: World) -> None:
    content = plan_pb2.PlanContent(entitlements=[limited("calls", "3", reset=BILLED), limited("lounges", "1")])
    larger = plan_pb2.PlanContent(entitlements=[limited("calls", "10", reset=BILLED), limited("miles", "5")])
    world.plan("large", larger)
    world.plan("small", content)
    await world.customer("united")
    token = await world.subscribe("united", "large")
    await world.report("united", "calls", "5", tokens=[token])
    # In the middle of the period, so that usage does not start again by itself.
    change = START + 10 * DAY
    token = await world.schedule("sub-united", change, plan_id="small")
    assert (await world.check("united", "calls", tokens=[token])).limit == "10"
    assert len({key[2] for key in world.metering.trackers if key[1] == "calls"}) == 1
    asked = world.billing.gate.calls + world.metering.gate.calls
    world.clock.time = change - INSTANT
    assert (await world.check("united", "calls")).limit == "10"
    assert await world.why("united", "lounges") == "FEATURE_NOT_INCLUDED"
    world.clock.time = change
    decision = await world.check("united", "calls")
    assert (reason(decision), decision.limit, decision.usage) == ("LIMIT_EXCEEDED", "3", "5")
    assert (decision.source.plan_id, await world.why("united", "lounges")) == ("small", "WITHIN_LIMIT")
    assert await world.why("united", "miles") == "FEATURE_NOT_INCLUDED"
    listed = {each.feature_id: each.limit for each in await world.list_all("united")}
    assert listed == {"calls": "3", "lounges": "1"}
    assert world.billing.gate.calls + world.metering.gate.calls == asked
    assert not (await world.report("united", "calls", "1", enforce=True)).written


async def test_a_scheduled_billing_period_counts_from_its_own_anchor(world: World) -> None:
    await world.customer("united")
    await world.subscribe("united", "carrier")
    yearly = charge_pb2.BILLING_PERIOD_YEARLY
    token = await world.schedule(
        "sub-united", MONTH_END, billing_period=yearly, anchor_time=timestamp_to_proto(MONTH_END)
    )
    world.metering.add("united", "miles", "3", at=START)
    assert (await world.check("united", "miles", tokens=[token])).granted
    world.metering.add("united", "miles", "8", at=MONTH_END + 40 * DAY)
    world.clock.time = MONTH_END + 50 * DAY
    decision = await world.check("united", "miles", current=True)
    assert decision.usage == "8"
    assert decision.usage_period.start_time.ToDatetime(UTC) == MONTH_END
    assert decision.usage_period.end_time.ToDatetime(UTC) == MONTH_END.replace(year=2027)


async def test_usage_survives_a_change_of_plan_and_of_add_ons(world: World) -> None:
    entitlements = [limited("calls", "20", reset=BILLED), limited("gates", "7")]
    world.plan("other", plan_pb2.PlanContent(entitlements=entitlements))
    world.plan("carrier-monthly", plan_pb2.PlanContent(entitlements=[limited("calls", "9", reset=BILLED)]))
    await world.customer("united")
    token = await world.subscribe("united", "carrier-monthly")
    await world.report("united", "calls", "6", tokens=[token])
    await world.report("united", "gates", "2")
    held = world.billing.subscriptions["sub-united"]
    held.plan_id = "other"
    token = await world.changed(held, events.SubscriptionUpdated())
    decision = await world.check("united", "calls", tokens=[token])
    assert (decision.limit, decision.usage, decision.remaining) == ("20", "6", "14")
    assert (await world.check("united", "gates")).usage == "2"
    assert (await world.report("united", "calls", "14", enforce=True)).written
    assert not (await world.report("united", "calls", "1", enforce=True)).written


async def test_a_commitment_below_what_is_used_refuses_growth_until_usage_is_below(world: World) -> None:
    await world.customer("united")
    token = await world.subscribe("united", "carrier", commitments={"gates": "5"})
    assert (await world.report("united", "gates", "5", enforce=True, tokens=[token])).written
    token = await world.commit("sub-united", {"gates": "3"})
    decision = await world.check("united", "gates", tokens=[token])
    assert (decision.limit, decision.usage, decision.remaining, decision.granted) == ("3", "5", "0", False)
    assert not (await world.report("united", "gates", "1", enforce=True)).written
    assert (await world.report("united", "gates", "-2", enforce=True)).written
    assert not (await world.report("united", "gates", "1", enforce=True)).written
    assert (await world.report("united", "gates", "-1", enforce=True)).written
    assert (await world.report("united", "gates", "1", enforce=True)).usage == "3"


async def test_a_subscription_that_is_resumed_before_its_scheduled_change_has_its_trackers(world: World) -> None:
    content = plan_pb2.PlanContent(entitlements=[limited("lounges", "1", reset=BILLED)])
    world.plan("other", content)
    await world.customer("united")
    await world.subscribe("united", "carrier", access_period=access(START, START + DAY))
    token = await world.schedule("sub-united", START + 2 * DAY, plan_id="other")
    assert await world.why("united", "calls", tokens=[token]) == "WITHIN_LIMIT"
    registered = set(world.metering.trackers)
    held = world.billing.subscriptions["sub-united"]
    held.access_period.ClearField("end_time")
    token = await world.changed(held, events.SubscriptionUpdated())
    assert await world.why("united", "lounges", tokens=[token]) == "FEATURE_NOT_INCLUDED"
    world.clock.time = START + 2 * DAY
    assert await world.why("united", "lounges") == "WITHIN_LIMIT"
    assert world.metering.trackers == registered


async def test_subscriptions_on_resources_apply_to_the_customer(world: World) -> None:
    await world.customer("united")
    await world.subscribe("united", "carrier", id="sub-north", resource_id="north", commitments={"gates": "2"})
    token = await world.subscribe("united", "carrier", id="sub-south", resource_id="south", commitments={"gates": "5"})
    decision = await world.check("united", "gates", tokens=[token])
    assert (decision.limit, decision.source.subscription_id) == ("5", "sub-south")
    await world.cancel("sub-south", at=START + DAY)
    token = await world.cancel("sub-south", at=START + DAY)
    assert (await world.check("united", "gates", tokens=[token])).limit == "5"
    world.clock.time = START + DAY
    assert (await world.check("united", "gates")).limit == "2"


async def test_a_trial_on_a_test_clock_ends_by_that_clock(world: World) -> None:
    start = datetime(2013, 1, 1, tzinfo=UTC)
    end = start + 14 * DAY
    await world.test_clock("clock", start)
    await world.customer("old", clock_id="clock")
    token = await world.subscribe(
        "old",
        "carrier",
        start=start,
        state=pb.SUBSCRIPTION_STATE_TRIALING,
        access_period=access(start, end),
    )
    assert await world.why("old", "calls", tokens=[token]) == "WITHIN_LIMIT"
    moved = await world.test_clock("clock", end - INSTANT)
    assert await world.why("old", "calls", tokens=[moved]) == "WITHIN_LIMIT"
    moved = await world.test_clock("clock", end)
    assert await world.why("old", "calls", tokens=[moved]) == "NO_ACTIVE_SUBSCRIPTION"
