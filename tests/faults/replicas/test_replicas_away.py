"""Something is away for some seconds: checks go on and say how old they are; afterwards everything is exact at once."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import pytest

from tests.faults.replicas.outages import dead, silent
from tests.faults.replicas.world import SIDES, Airline, World, departure, new_key, until
from tollkeeper.entitlements.v1.decision_pb2 import Decision

METERING = ("metering", "metering-2")
# Long enough for every silence to be noticed.
AWAY_SECONDS = 4.0
# How far an answer's knowledge may lie before the outage or beside it: the control state is looked at once a second.
LAG_SECONDS = 5.0
# What is promised is a second; the rest is for a machine that does something else as well.
EXACT_SECONDS = 10.0


async def check(world: World, side: int, airline: Airline, feature: str) -> Decision:
    """What the replica knows, at once: without a token, without another try, and three seconds are a failure."""

    async def once(method: Any, request: Any) -> Any:
        return await method(request, timeout=3)

    return await World(world.platform, world.sides, once).check(side, airline, feature)


async def eagerly(world: World, write: Callable[[World], Awaitable[object]]) -> None:
    """Writes as soon as it is possible again."""

    async def again(method: Any, request: Any) -> Any:
        while True:
            try:
                return await method(request, timeout=2)
            except grpc.aio.AioRpcError as error:
                if error.code() not in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED}:
                    raise
            await asyncio.sleep(0.05)

    await write(World(world.platform, world.sides, again))


@pytest.mark.parametrize("how", [dead, silent])
@pytest.mark.parametrize("children", [METERING, ("nats",), ("postgres",)], ids=" ".join)
async def test_checks_go_on_and_afterwards_everything_is_exact(
    how: Any, children: tuple[str, ...], world: World, record_property: Callable[[str, object], None]
) -> None:
    airline = await world.known_airline(gates=5)
    await world.report(0, airline, 3)
    await world.send(0, [departure(airline, miles=400, tail="N1")])

    async def shows(expected: dict[str, str], *, limit: str) -> bool:
        answers = {
            (side, feature): await check(world, side, airline, feature) for side in SIDES for feature in expected
        }
        limits = {(await check(world, side, airline, "gates")).limit for side in SIDES}
        return limits == {limit} and all(each.usage == expected[feature] for (_, feature), each in answers.items())

    await until(lambda: shows({"calls": "3", "departures": "1", "miles": "400"}, limit="5"), within=30)

    async with how(world.platform, children) as outage:
        event = departure(airline, miles=200, tail="N2")
        key = new_key()
        writes = asyncio.gather(
            eagerly(world, lambda willing: willing.report(1, airline, 4, key=key)),
            eagerly(world, lambda willing: willing.send(1, [event])),
            eagerly(world, lambda willing: willing.commit(airline, 9)),
        )
        while time.time() < outage.began + AWAY_SECONDS:
            for side in SIDES:
                for feature in ("calls", "departures", "gates"):
                    decision = await check(world, side, airline, feature)
                    assert decision.granted
                    known = decision.as_of.ToMicroseconds() / 1_000_000
                    assert outage.left - LAG_SECONDS <= known <= outage.began + LAG_SECONDS
            await asyncio.sleep(0.05)

    await until(lambda: shows({"calls": "7", "departures": "2", "miles": "600"}, limit="9"), within=30)
    exact = time.monotonic() - outage.returned
    await writes

    async def knows_of_the_return() -> bool:
        answers = [await check(world, side, airline, feature) for side in SIDES for feature in ("calls", "departures")]
        return all(answer.as_of.ToMicroseconds() / 1_000_000 > outage.began + AWAY_SECONDS for answer in answers)

    await until(knows_of_the_return, within=30)
    record_property("seconds_until_exact", exact)
    record_property("seconds_until_known", time.monotonic() - outage.returned)
    print(how.__name__, children, "exact", round(exact, 2), "known", round(time.monotonic() - outage.returned, 2))
    assert exact < EXACT_SECONDS
