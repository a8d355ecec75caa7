"""The library beside the entitlements service itself: what the projection decides is what the service answers, on any replica."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from tests.integration.entitlements.conftest import ReplicaAt
from tests.integration.entitlements.world import START, World
from tollkeeper.client import (
    AsyncTollkeeper,
    Check,
    Decision,
    Enforcement,
    EntitlementsProjection,
    Fallback,
    Reason,
    Retries,
)

FEATURES = ("airports", "calls", "departures", "gates", "lounges", "miles", "night-flights")


class Library:
    """A client of two replicas, and a projection by the world's clock."""

    def __init__(self, world: World, addresses: list[str]) -> None:
        self.world = world
        self.client = AsyncTollkeeper(entitlements=addresses, retries=Retries(first_pause=0.01), timeout=20)
        self.projection = self.client.projection(fallback=Fallback(max_age=None))
        self.projection._clock = lambda: world.clock.now().timestamp()

    async def frame(self) -> None:
        """The replicas hear of a frame that they missed, and read what they hold."""
        await self.world.frame(skip=1)

    async def sees(self, is_true: Callable[[EntitlementsProjection], bool]) -> None:
        """Waits until the projection says so; no reply tells when the stream brings what others did."""
        async with asyncio.timeout(20):
            while not is_true(self.projection):
                await self.projection.watch_async("stranger", timeout=0.005)


@pytest.fixture
async def library(world: World, replica_at: ReplicaAt, resources: AsyncExitStack) -> AsyncIterator[Library]:
    """The library beside two replicas."""
    one = await resources.enter_async_context(replica_at())
    other = await resources.enter_async_context(replica_at())
    made = Library(world, [one, other])
    yield made
    await asyncio.to_thread(made.projection.close)
    await made.client.close()


async def carrier(world: World, customer_id: str = "ua") -> None:
    """A customer with three gates."""
    await world.customer(customer_id, announced=False)
    await world.subscribe(customer_id, "carrier", commitments={"gates": "3"}, announced=False)


def alike(mine: Decision, theirs: Decision) -> bool:
    """Whether both say the same; a client says features by id, and is not told when news of others arrived there."""
    names = {"explanation": "", "as_of": None}
    if theirs.source is None:
        names["feature_type"] = None
    return replace(mine, **names) == replace(theirs, **names)  # type: ignore[arg-type]  # fields of a decision.


async def test_every_answer_is_the_services(library: Library) -> None:
    await carrier(library.world)
    await library.world.report("ua", "gates", "3")
    await library.world.report("ua", "calls", "4.5")
    assert await library.projection.watch_async("ua", timeout=10)
    checks = [
        Check("ua", feature, requested, values)
        for feature in FEATURES
        for requested in (None, 0, 1, Decimal("5.5"), Decimal("5.6"), 200)
        for values in ((), ("JFK",), ("JFK", "SWF"))
    ]
    answers = await library.client.entitlements.check_batch(checks)
    for check, answer in zip(checks, answers, strict=True):
        mine = library.projection.check(
            "ua", check.feature_id, requested_usage=check.requested_usage, requested_values=check.requested_values
        )
        assert isinstance(answer, Decision)
        assert alike(mine, answer), check
    assert {answer.reason for answer in answers if isinstance(answer, Decision)} == {
        Reason.FEATURE_NOT_INCLUDED,
        Reason.INCLUDED,
        Reason.LIMIT_EXCEEDED,
        Reason.OVER_SOFT_LIMIT,
        Reason.UNLIMITED,
        Reason.VALUE_NOT_GRANTED,
        Reason.WITHIN_LIMIT,
    }


async def test_what_others_do_arrives_by_itself(library: Library) -> None:
    await carrier(library.world)
    assert await library.projection.watch_async("ua", timeout=10)
    await library.world.report("ua", "gates", "3")
    await library.frame()
    await library.sees(lambda projection: projection.check("ua", "gates").reason is Reason.LIMIT_EXCEEDED)
    await library.world.commit("sub-ua", {"gates": "5"})
    await library.sees(lambda projection: projection.check("ua", "gates").remaining == 2)
    await library.world.cancel("sub-ua", at=START, ended=True)
    await library.sees(lambda projection: projection.check("ua", "gates").reason is Reason.NO_ACTIVE_SUBSCRIPTION)
    await library.sees(lambda projection: projection.check("nobody", "gates").reason is Reason.CUSTOMER_UNKNOWN)


async def test_a_check_after_ones_own_report_sees_it(library: Library) -> None:
    await carrier(library.world)
    assert await library.projection.watch_async("ua", timeout=10)
    entitlements, projection = library.client.entitlements, library.projection
    for number in range(30):
        report = await entitlements.report_usage("ua", "calls", 1 if number % 3 < 2 else -1)
        mine = projection.check("ua", "calls")
        asked = await entitlements.check("ua", "calls")
        assert mine.usage == report.usage == asked.usage
        assert mine.granted == asked.granted
        library.world.clock.pass_by(timedelta(milliseconds=37))


async def test_racing_reports_and_checks_are_never_stale(library: Library) -> None:
    """Twenty tasks report and check on two replicas: nobody's answer is from before its own write."""
    await carrier(library.world)
    entitlements = library.client.entitlements

    async def climb() -> None:
        for _ in range(5):
            report = await entitlements.report_usage("ua", "calls", 1)
            asked = await entitlements.check("ua", "calls")
            assert report.usage is not None
            assert asked.usage is not None
            assert asked.usage >= report.usage

    await asyncio.gather(*(climb() for _ in range(20)))
    total = await entitlements.check("ua", "calls")
    assert total.usage == 100


async def test_the_stream_moves_to_another_replica(world: World, replica_at: ReplicaAt) -> None:
    await carrier(world)
    async with AsyncExitStack() as first, AsyncExitStack() as second:
        addresses = [await first.enter_async_context(replica_at()), await second.enter_async_context(replica_at())]
        library = Library(world, addresses)
        assert await library.projection.watch_async("ua", timeout=10)
        for stack in (first, second):
            await stack.aclose()
            if stack is first:
                await library.sees(lambda projection: projection.connected)
                await world.report("ua", "gates", "2")
                await library.frame()
                await library.sees(lambda projection: projection.check("ua", "gates").usage == 2)
                world.clock.pass_by(timedelta(minutes=1))
                await library.sees(lambda projection: (projection.age("ua") or START - START) < timedelta(seconds=5))
        # Both are gone: what is known goes on deciding, and grows old.
        await library.sees(lambda projection: not projection.connected)
        world.clock.pass_by(timedelta(hours=1))
        assert library.projection.check("ua", "gates").usage == 2
        age = library.projection.age("ua")
        assert age is not None
        assert age >= timedelta(hours=1)
        await asyncio.to_thread(library.projection.close)
        await library.client.close()


async def test_boundaries_pass_for_both(library: Library) -> None:
    await carrier(library.world)
    await library.client.entitlements.report_usage("ua", "calls", 10, enforcement=Enforcement.ENFORCE)
    assert await library.projection.watch_async("ua", timeout=10)
    assert library.projection.check("ua", "calls").reason is Reason.LIMIT_EXCEEDED
    end = library.projection.check("ua", "calls").next_reset_time
    assert end is not None
    library.world.clock.time = end
    passed = library.projection.check("ua", "calls")
    assert (passed.granted, passed.usage) == (True, Decimal(0))
    # The next period's end comes with the next message.
    await library.sees(lambda projection: projection.check("ua", "calls").next_reset_time is not None)
