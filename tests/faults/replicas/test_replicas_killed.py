"""Replicas killed by SIGKILL in turn under mixed load: callers go to the other one, and afterwards everything is counted once."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

import grpc
import pytest

from tests.faults.replicas.counting import counted
from tests.faults.replicas.world import SIDES, Airline, World, departure, new_key
from tollkeeper.metering.v1.event_pb2 import Event

T = TypeVar("T")

pytestmark = pytest.mark.timeout(150)

CHILDREN = ("metering", "entitlements", "metering-2", "entitlements-2")
# What is done between two deaths, so that each meets a busy platform.
STEPS_BETWEEN = 150
GATES = 120


@dataclass(slots=True)
class Load:
    """Callers that go on until they are told to end.

    Attributes:
        steps: What was done so far.
        failed: How many calls failed and were made again.
    """

    world: World
    chance: random.Random
    steps: int = 0
    failed: int = 0
    ended: bool = False
    moved: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def anywhere(self, call: Callable[[int], Awaitable[T]]) -> T:
        """Calls one side or the other, until one answers."""
        while True:
            try:
                answer = await call(self.chance.choice(SIDES))
            except grpc.aio.AioRpcError as error:
                if error.code() not in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED}:
                    raise
                self.failed += 1
                await asyncio.sleep(0.05)
            else:
                return answer

    async def step(self) -> None:
        """Something is done."""
        async with self.moved:
            self.steps += 1
            self.moved.notify_all()

    async def after(self, steps: int) -> None:
        """Returns when so much more is done."""
        goal = self.steps + steps
        async with self.moved:
            await self.moved.wait_for(lambda: self.steps >= goal)

    async def reports(self, airline: Airline) -> int:
        """Reports, and checks each; how many were made."""
        made = 0
        while not self.ended:
            key = new_key()
            answer = await self.anywhere(partial(self.world.report, airline=airline, key=key))
            made += 1
            decision = await self.anywhere(
                partial(self.world.check, airline=airline, feature="calls", tokens=[answer.token])
            )
            assert (answer.written, answer.usage, decision.usage) == (True, str(made), str(made))
            await self.step()
        return made

    async def flies(self, airline: Airline) -> list[Event]:
        """Sends events, some of them twice, and checks after each batch; the events."""
        sent: list[Event] = []
        while not self.ended:
            batch = [
                departure(airline, miles=self.chance.randrange(1, 3_000), tail=f"N{self.chance.randrange(300)}")
                for _ in range(20)
            ]
            again = sent[-5:]
            answer = await self.anywhere(partial(self.world.send, events=[*batch, *again]))
            sent += batch
            decision = await self.anywhere(
                partial(self.world.check, airline=airline, feature="departures", tokens=[answer.token])
            )
            assert decision.usage == str(len(sent))
            await self.step()
        return sent

    async def races(self, airline: Airline) -> int:
        """Takes gates and gives them back; how many are left."""
        held = 0
        while not self.ended:
            change = -self.chance.randrange(1, held + 1) if held and self.chance.random() < 0.3 else 3
            key = new_key()
            answer = await self.anywhere(
                partial(self.world.report, airline=airline, value=change, feature="gates", key=key)
            )
            assert 0 <= int(answer.usage) <= GATES
            held += change * answer.written
            await self.step()
        return held


async def test_killed_in_turn(world: World, record_property: Callable[[str, object], None]) -> None:
    own = [await world.known_airline() for _ in range(3)]
    flying = [await world.known_airline() for _ in range(2)]
    shared = await world.known_airline(gates=GATES)
    load = Load(world, random.Random(5))

    async def kill() -> None:
        try:
            for child in CHILDREN:
                await load.after(STEPS_BETWEEN)
                await asyncio.to_thread(world.platform.kill, child)
                await asyncio.to_thread(world.platform.wait_healthy)
            await load.after(STEPS_BETWEEN)
        finally:
            load.ended = True

    reported, sent, held, _ = await asyncio.gather(
        asyncio.gather(*(load.reports(airline) for airline in own)),
        asyncio.gather(*(load.flies(airline) for airline in flying)),
        asyncio.gather(*(load.races(shared) for _ in range(6))),
        kill(),
    )
    record_property("steps", load.steps)
    record_property("failed_calls", load.failed)
    assert load.failed > 0
    for side in SIDES:
        for airline, made in zip(own, reported, strict=True):
            assert (await world.usages(airline, side=side))["calls"] == str(made)
        for airline, events in zip(flying, sent, strict=True):
            assert (await world.usages(airline, side=side)).items() >= counted(events, airline).items()
        assert (await world.usages(shared, side=side))["gates"] == str(sum(held))
