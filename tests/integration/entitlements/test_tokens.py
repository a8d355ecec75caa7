"""Read your writes: an answer that carries a token is never from before the write, whatever events have not arrived."""

import asyncio
from datetime import timedelta

import pytest

from kernel.errors import TollkeeperError
from kernel.token import Fact, FactKind, Token
from tests.integration.entitlements.world import START, World, reason


async def known(world: World, customer_id: str = "united", gates: str = "3") -> None:
    """A customer on the carrier plan that the service holds."""
    await world.customer(customer_id)
    token = await world.subscribe(customer_id, "carrier", commitments={"gates": gates})
    assert await world.why(customer_id, "gates", tokens=[token]) == "WITHIN_LIMIT"


async def test_a_customer_and_a_subscription_that_nobody_announced(world: World) -> None:
    assert await world.why("united", "gates") == "CUSTOMER_UNKNOWN"
    customer = await world.customer("united", announced=False)
    # What was held is still what a check without a token says.
    assert await world.why("united", "gates") == "CUSTOMER_UNKNOWN"
    assert await world.why("united", "gates", tokens=[customer]) == "NO_ACTIVE_SUBSCRIPTION"
    provisioned = await world.subscribe("united", "carrier", announced=False)
    assert await world.why("united", "gates", tokens=[provisioned]) == "WITHIN_LIMIT"
    assert await world.why("united", "gates") == "WITHIN_LIMIT"


async def test_a_subscriptions_token_alone_suffices_for_an_unknown_customer(world: World) -> None:
    assert await world.why("united", "gates") == "CUSTOMER_UNKNOWN"
    await world.customer("united", announced=False)
    provisioned = await world.subscribe("united", "carrier", announced=False)
    assert await world.why("united", "gates", tokens=[provisioned]) == "WITHIN_LIMIT"


async def test_a_raised_commitment_is_the_limit_of_the_very_next_check_and_report(world: World) -> None:
    await known(world, gates="1")
    for gates in range(2, 10):
        assert (await world.report("united", "gates", "1", enforce=True)).written
        assert not (await world.report("united", "gates", "1", enforce=True)).written
        token = await world.commit("sub-united", {"gates": str(gates)}, announced=False)
        if gates % 2:
            assert (await world.check("united", "gates", tokens=[token])).limit == str(gates)
        assert (await world.report("united", "gates", "0", enforce=True, tokens=[token])).decision.limit == str(gates)


async def test_a_subscription_of_a_moment_that_this_machines_clock_has_not_reached(world: World) -> None:
    await world.customer("united")
    token = await world.subscribe("united", "carrier", start=START + timedelta(seconds=2))
    assert await world.why("united", "gates", tokens=[token]) == "WITHIN_LIMIT"
    assert (await world.report("united", "calls", "1", enforce=True)).written


async def test_an_ended_subscription_that_a_token_names(world: World) -> None:
    await known(world)
    token = await world.cancel("sub-united", at=START, ended=True, announced=False)
    asked = world.billing.gate.calls["GetSubscription"]
    for _ in range(3):
        assert await world.why("united", "gates", tokens=[token]) == "NO_ACTIVE_SUBSCRIPTION"
    assert world.billing.gate.calls["GetSubscription"] == asked + 1


async def test_anothers_subscription_is_asked_for_once(world: World) -> None:
    await known(world)
    await world.customer("delta", announced=False)
    theirs = await world.subscribe("delta", "carrier", announced=False)
    asked = world.billing.gate.calls["GetSubscription"]
    for _ in range(5):
        assert await world.why("united", "gates", tokens=[theirs]) == "WITHIN_LIMIT"
    assert world.billing.gate.calls["GetSubscription"] == asked + 1
    assert await world.why("delta", "gates", tokens=[theirs]) == "WITHIN_LIMIT"


async def test_anothers_customer_and_clock_cost_nothing(world: World) -> None:
    await known(world)
    token = Token(0, (Fact(FactKind.CUSTOMER, "delta", 10**9), Fact(FactKind.TEST_CLOCK, "clock", 10**9))).encode()
    asked = world.billing.gate.calls.copy()
    assert await world.why("united", "gates", tokens=[token]) == "WITHIN_LIMIT"
    assert world.billing.gate.calls == asked


async def test_usage_that_no_frame_told_of_is_read_once(world: World) -> None:
    await known(world)
    revision = world.metering.add("united", "miles", "40", at=START)
    token = Token(revision).encode()
    assert (await world.check("united", "miles")).usage == "0"
    assert (await world.check("united", "miles", tokens=[token])).usage == "40"
    reads = world.metering.gate.calls["BatchGetWindows"]
    for _ in range(5):
        assert (await world.check("united", "miles", tokens=[token])).usage == "40"
    assert world.metering.gate.calls["BatchGetWindows"] == reads
    # The write concerned another window: read once, good for the token from then on.
    assert (await world.check("united", "calls", tokens=[token])).usage == "0"
    reads = world.metering.gate.calls["BatchGetWindows"]
    assert (await world.check("united", "calls", tokens=[token])).usage == "0"
    assert world.metering.gate.calls["BatchGetWindows"] == reads


async def test_a_smaller_revision_that_was_acknowledged_later_is_not_taken_for_seen(world: World) -> None:
    await known(world)
    # Metering took 50 for an ingest, then 51 for a report of another series, and committed the report first.
    world.metering.revision = 50
    world.metering.add("delta", "gates", "1", at=START)
    assert (await world.check("united", "miles", tokens=[Token(51).encode()])).usage == "0"
    world.metering.revision = 49
    world.metering.add("united", "miles", "7", at=START)
    assert (await world.check("united", "miles", tokens=[Token(51).encode(), Token(50).encode()])).usage == "7"


async def test_a_report_is_in_memory_before_its_reply(world: World) -> None:
    await known(world, gates="50")
    reads = world.metering.gate.calls["BatchGetWindows"]
    for gates in range(1, 51):
        answer = await world.report("united", "gates", "1", enforce=True)
        assert (await world.check("united", "gates")).usage == str(gates)
        assert (await world.check("united", "gates", tokens=[answer.token])).usage == str(gates)
    assert world.metering.gate.calls["BatchGetWindows"] == reads


async def test_a_read_that_began_before_the_write_does_not_satisfy_its_token(world: World) -> None:
    await known(world)
    first = Token(world.metering.add("united", "miles", "1", at=START)).encode()
    world.metering.gate.hold = asyncio.Event()
    early = asyncio.create_task(world.check("united", "miles", tokens=[first]))
    await world.metering.gate.holds("BatchGetWindows")
    second = Token(world.metering.add("united", "miles", "1", at=START)).encode()
    late = asyncio.create_task(world.check("united", "miles", tokens=[second]))
    await world.check("united", "gates")
    world.metering.gate.hold.set()
    assert (await early).usage in {"1", "2"}
    assert (await late).usage == "2"


async def test_current_is_everything_acknowledged_before_the_call(world: World) -> None:
    await known(world)
    await world.commit("sub-united", {"gates": "7"}, announced=False)
    world.metering.add("united", "gates", "2", at=START)
    decision = await world.check("united", "gates", current=True)
    assert (decision.limit, decision.usage) == ("7", "2")
    await world.subscribe("united", "daily", id="second", announced=False)
    assert (await world.check("united", "calls", current=True)).granted
    world.metered("brand-new", "thing", source=1)  # type: ignore[arg-type]  # calculated.
    assert reason(await world.check("united", "brand-new", current=True)) == "FEATURE_NOT_INCLUDED"


async def test_a_list_is_as_fresh_as_its_token(world: World) -> None:
    await known(world)
    revision = world.metering.add("united", "miles", "40", at=START)
    world.metering.add("united", "gates", "2", at=START)
    decisions = await world.list_all("united", tokens=[Token(revision + 1).encode()])
    assert {decision.feature_id: decision.usage for decision in decisions} == {
        "airports": "",
        "calls": "0",
        "departures": "0",
        "gates": "2",
        "miles": "40",
        "night-flights": "",
    }


async def test_an_answer_that_cannot_be_had_is_unavailable_and_without_a_token_there_is_one(world: World) -> None:
    await known(world)
    beyond = Token.of(FactKind.SUBSCRIPTION, "sub-united", revision=10**9).encode()
    for token in (
        beyond,
        Token.of(FactKind.SUBSCRIPTION, "no-such", revision=1).encode(),
        Token.of(FactKind.CUSTOMER, "united", revision=10**9).encode(),
    ):
        with pytest.raises(TollkeeperError) as refused:
            await world.check("united", "gates", tokens=[token])
        assert refused.value.reason == "DEPENDENCY_UNAVAILABLE"
    world.billing.gate.away = world.metering.gate.away = True
    revision = world.metering.add("united", "gates", "2", at=START)
    raised = await world.commit("sub-united", {"gates": "7"}, announced=False)
    for token in (Token(revision).encode(), raised):
        with pytest.raises(TollkeeperError) as refused:
            await world.check("united", "gates", tokens=[token])
        assert refused.value.reason == "DEPENDENCY_UNAVAILABLE"
    with pytest.raises(TollkeeperError):
        await world.check("united", "gates", current=True)
    assert (await world.check("united", "gates")).limit == "3"
    world.billing.gate.away = world.metering.gate.away = False
    decision = await world.check("united", "gates", tokens=[Token(revision).encode(), raised])
    assert (decision.limit, decision.usage) == ("7", "2")


async def test_a_caller_without_time_does_not_wait_for_an_owner(world: World) -> None:
    await known(world)
    revision = world.metering.add("united", "gates", "2", at=START)
    world.metering.gate.hold = asyncio.Event()
    with pytest.raises(TollkeeperError):
        await world.check("united", "gates", tokens=[Token(revision).encode()], seconds=0.05)
    world.metering.gate.hold.set()
    assert (await world.check("united", "gates", tokens=[Token(revision).encode()])).usage == "2"
