"""Memory of a held customer: what the process takes more, with every feature of every customer checked."""

import asyncio
from contextlib import AsyncExitStack

import psutil

from kit.client import call
from tests.bench._entitlements_rows import FEATURES, sell, store_customers
from tests.bench._entitlements_service import migrated, service, surroundings
from tests.bench.yardstick import Aim, Measurement
from tollkeeper.entitlements.v1.entitlements_service_pb2 import BatchCheckEntitlementsRequest, EntitlementCheck

NAME = "projection_bytes"

CUSTOMERS = 20_000
# Held before the first look, so that what a process needs once is not counted.
WARM = 2_000
_TOGETHER = 200


async def run() -> list[Measurement]:
    """The resident memory of a replica before and after, divided by customers and features."""
    async with AsyncExitStack() as stack:
        around = await stack.enter_async_context(surroundings())
        url = await migrated(around, "entitlements")
        place = await stack.enter_async_context(service(around, url))
        await sell(place.world)
        await asyncio.to_thread(store_customers, url, 0, WARM + CUSTOMERS)

        async def check(first: int, last: int) -> None:
            for start in range(first, last, _TOGETHER):
                checks = [
                    EntitlementCheck(customer_id=f"customer-{number}", feature_id=feature_id)
                    for number in range(start, start + _TOGETHER)
                    for feature_id in FEATURES
                ]
                request = BatchCheckEntitlementsRequest(checks=checks)
                response = await call(place.world.api.BatchCheckEntitlements, request, limit=60)
                assert all(result.decision.granted for result in response.results), response.results[0]

        await check(0, WARM)
        before = _resident(place.process)
        await check(WARM, WARM + CUSTOMERS)
        grown = _resident(place.process) - before
    pairs = CUSTOMERS * len(FEATURES)
    note = f"growth of the resident memory of a replica over {CUSTOMERS:,} customers, each feature checked"
    return [Measurement(NAME, grown / pairs, "bytes", note=note, aim=Aim(600, less=True))]


def _resident(process: psutil.Process) -> int:
    return int(process.memory_info().rss)
