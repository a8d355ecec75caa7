"""Checks of the same hot customers with a million customers stored and with ten thousand; the first check of a cold one; the start."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from statistics import median

from kit.client import call
from tests.bench._entitlements_rows import sell, store_customers
from tests.bench._entitlements_service import Place, Surroundings, migrated, service, surroundings
from tests.bench._load import Target, load_mixed
from tests.bench.check_rpc import METHOD
from tests.bench.yardstick import Aim, Measurement
from tollkeeper.entitlements.v1.entitlements_service_pb2 import (
    BatchCheckEntitlementsRequest,
    CheckEntitlementRequest,
    EntitlementCheck,
)

NAME = "check_growth"

HOT = 10_000
MANY = 1_000_000
ROUNDS = 5
SECONDS = 2.0
COLD = 1_000
_FEATURE = "calls"


async def run() -> list[Measurement]:
    """Processor time a call beside that of the smaller store; milliseconds of first checks; seconds to serve."""
    async with AsyncExitStack() as stack:
        around = await stack.enter_async_context(surroundings())
        few = await _stored(around, "few", HOT)
        many = await _stored(around, "many", MANY)
        small = await stack.enter_async_context(service(around, few))
        large = await stack.enter_async_context(service(around, many))
        one, other = await _hot(small), await _hot(large)
        rounds = [
            (await load_mixed(one, seconds=SECONDS), await load_mixed(other, seconds=SECONDS)) for _ in range(ROUNDS)
        ]
        cold = await _first_checks(large, range(MANY - COLD, MANY))
    return [
        Measurement(
            NAME,
            median(b.cpu for _, b in rounds),
            f"µs of server CPU a call, {MANY:,} stored",
            f"the same with {HOT:,} stored",
            median(a.cpu for a, _ in rounds),
            median(b.cpu / a.cpu for a, b in rounds),
            f"calls/s {median(a.rate for a, _ in rounds):,.0f} and {median(b.rate for _, b in rounds):,.0f}, "
            f"our own generator over all {HOT:,} hot customers",
        ),
        Measurement(
            f"{NAME}_ratio",
            median(b.cpu / a.cpu for a, b in rounds),
            "×",
            note="less is better",
            aim=Aim(1.1, less=True),
        ),
        Measurement(
            f"{NAME}_cold",
            sorted(cold)[len(cold) * 99 // 100],
            "ms, p99 of first checks",
            note=f"p50 {median(cold):.1f} ms; the neighbours are stand-ins on the same machine",
            aim=Aim(20, less=True),
        ),
        Measurement(
            f"{NAME}_start", large.seconds_to_serve, "s to the first answer", f"{HOT:,} stored", small.seconds_to_serve
        ),
    ]


async def _stored(around: Surroundings, database: str, customers: int) -> str:
    url = await migrated(around, database)
    async with service(around, url) as place:
        await sell(place.world)
    await asyncio.to_thread(store_customers, url, 0, customers - 1)
    return url


async def _hot(place: Place) -> Target:
    """Loads the hot customers."""
    for start in range(0, HOT, 1_000):
        numbers = range(start, start + 1_000)
        checks = [EntitlementCheck(customer_id=f"customer-{number}", feature_id=_FEATURE) for number in numbers]
        response = await call(
            place.world.api.BatchCheckEntitlements, BatchCheckEntitlementsRequest(checks=checks), limit=60
        )
        assert all(result.decision.granted for result in response.results)
    messages = [_request(number).SerializeToString() for number in range(HOT)]
    return Target(place.address, METHOD, messages, 150, place.process)


async def _first_checks(place: Place, numbers: Sequence[int]) -> list[float]:
    """Milliseconds of each, as the caller sees them."""
    found = []
    for number in numbers:
        began = time.perf_counter()
        response = await call(place.world.api.CheckEntitlement, _request(number), limit=60)
        found.append((time.perf_counter() - began) * 1e3)
        assert response.decision.granted
    return found


def _request(number: int) -> CheckEntitlementRequest:
    return CheckEntitlementRequest(customer_id=f"customer-{number}", feature_id=_FEATURE)
