"""`CheckEntitlement` over gRPC, full answer, everything on, beside a bare grpc.aio echo of the same message sizes."""

from contextlib import AsyncExitStack
from datetime import timedelta
from statistics import median

from kit.client import call
from tests.bench._entitlements_service import Place, echo, migrated, service, surroundings
from tests.bench._load import Target, generator, load
from tests.bench.yardstick import Aim, Measurement
from tollkeeper.entitlements.v1.entitlements_service_pb2 import CheckEntitlementRequest, CheckEntitlementResponse

NAME = "check_rpc"

CUSTOMERS = 100
ROUNDS = 5
SECONDS = 2.0

METHOD = "/tollkeeper.entitlements.v1.EntitlementsService/CheckEntitlement"


async def run() -> list[Measurement]:
    """Calls a second and the server's processor time a call, both beside the echo's; latency at half the rate."""
    async with AsyncExitStack() as stack:
        around = await stack.enter_async_context(surroundings())
        place = await stack.enter_async_context(service(around, await migrated(around, "entitlements")))
        check, answer = await hold(place)
        yard = await stack.enter_async_context(echo(check, answer))
        await load(check, seconds=1)
        await load(yard, seconds=1)
        echoes, checks = [], []
        for _ in range(ROUNDS):
            echoes.append(await load(yard, seconds=SECONDS))
            checks.append(await load(check, seconds=SECONDS))
        rate = median(one.rate for one in checks)
        calm = await load(check, seconds=SECONDS, rate=rate / 2)
        calm_echo = await load(yard, seconds=SECONDS, rate=rate / 2)
    pairs = list(zip(checks, echoes, strict=True))
    latency = f"p50 {calm.p50:,.0f} µs, p99 {calm.p99:,.0f} µs (echo {calm_echo.p50:,.0f}, {calm_echo.p99:,.0f})"
    return [
        Measurement(
            NAME,
            rate,
            "calls/s",
            "bare grpc.aio echo",
            median(one.rate for one in echoes),
            median(one.rate / yard.rate for one, yard in pairs),
            f"full answer of {len(answer)} bytes; at half the rate {latency}; by {generator()}",
            Aim(0, ratio=0.75),
        ),
        Measurement(
            f"{NAME}_cpu",
            median(one.cpu for one in checks),
            "µs of server CPU a call",
            "bare grpc.aio echo",
            median(one.cpu for one in echoes),
            median(one.cpu / yard.cpu for one, yard in pairs),
            "less is better",
        ),
    ]


async def hold(place: Place) -> tuple[Target, bytes]:
    """Loads customers into the service; checks of them, and one answer."""
    start = place.world.clock.now() - timedelta(days=3)
    requests = []
    response = CheckEntitlementResponse()
    for number in range(CUSTOMERS):
        customer_id = f"customer-{number:04}"
        await place.world.customer(customer_id, announced=False)
        await place.world.subscribe(customer_id, "carrier", start=start, announced=False)
        request = CheckEntitlementRequest(customer_id=customer_id, feature_id="calls")
        response = await call(place.world.api.CheckEntitlement, request, limit=30)
        assert response.decision.granted
        requests.append(request.SerializeToString())
    answer = response.SerializeToString()
    return Target(place.address, METHOD, requests, len(answer), place.process), answer
