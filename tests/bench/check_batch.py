"""Decisions a second in batches of a thousand, beside the calls a second of a bare grpc.aio echo of single checks."""

from contextlib import AsyncExitStack
from statistics import median

from kit.client import call
from tests.bench._entitlements_service import Place, echo, migrated, service, surroundings
from tests.bench._load import Target, generator, load
from tests.bench.check_rpc import CUSTOMERS, hold
from tests.bench.yardstick import Aim, Measurement
from tollkeeper.entitlements.v1.entitlements_service_pb2 import BatchCheckEntitlementsRequest, EntitlementCheck

NAME = "check_batch"

CHECKS = 1_000
ROUNDS = 5
SECONDS = 2.0
# A batch takes milliseconds: two at a time keep the server at work.
STREAMS = 1

_METHOD = "/tollkeeper.entitlements.v1.EntitlementsService/BatchCheckEntitlements"
_FEATURES = ("calls", "gates", "miles", "departures", "airports", "night-flights")


async def run() -> list[Measurement]:
    """Every pair of a hundred customers and six features of all types, some of them twice."""
    async with AsyncExitStack() as stack:
        around = await stack.enter_async_context(surroundings())
        place = await stack.enter_async_context(service(around, await migrated(around, "entitlements")))
        single, answer = await hold(place)
        batch = await _batch(place)
        yard = await stack.enter_async_context(echo(single, answer))
        await load(batch, seconds=1, streams=STREAMS)
        await load(yard, seconds=1)
        echoes, batches = [], []
        for _ in range(ROUNDS):
            echoes.append(await load(yard, seconds=SECONDS))
            batches.append(await load(batch, seconds=SECONDS, streams=STREAMS))
    rates = [one.rate * CHECKS for one in batches]
    return [
        Measurement(
            NAME,
            median(rates),
            "decisions/s",
            "bare grpc.aio echo, calls/s",
            median(one.rate for one in echoes),
            median(rate / yard.rate for rate, yard in zip(rates, echoes, strict=True)),
            f"{median(one.cpu for one in batches) / CHECKS:.1f} µs of server CPU a decision; by {generator()}",
            Aim(0, ratio=20),
        )
    ]


async def _batch(place: Place) -> Target:
    pairs = [(f"customer-{number % CUSTOMERS:04}", _FEATURES[number // CUSTOMERS % 6]) for number in range(CHECKS)]
    checks = [EntitlementCheck(customer_id=customer_id, feature_id=feature_id) for customer_id, feature_id in pairs]
    request = BatchCheckEntitlementsRequest(checks=checks)
    response = await call(place.world.api.BatchCheckEntitlements, request, limit=30)
    assert all(result.decision.granted for result in response.results if result.decision.feature_id != "gates")
    return Target(place.address, _METHOD, [request.SerializeToString()], response.ByteSize(), place.process)
