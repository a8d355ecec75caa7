"""How long after a raw event was sent a check sees it, while others send half of what the platform takes."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

from cli import apply_run
from cli.catalog_file import read_catalog_file
from cli.local_platform import Platform
from kit.client import call, open_channel
from tests.bench._ingest_rows import BATCH, CUSTOMERS
from tests.bench._ingest_service import BATCHES, Place, ingest
from tests.bench.yardstick import Aim, Measurement
from tests.integration.metering.samples import JANUARY, monthly, tracker
from tollkeeper.billing.v1.customer_pb2 import Customer
from tollkeeper.billing.v1.customer_service_pb2 import CreateCustomerRequest
from tollkeeper.billing.v1.customer_service_pb2_grpc import CustomerServiceStub
from tollkeeper.billing.v1.subscription_pb2 import Commitment
from tollkeeper.billing.v1.subscription_service_pb2 import ProvisionSubscriptionRequest
from tollkeeper.billing.v1.subscription_service_pb2_grpc import SubscriptionServiceStub
from tollkeeper.catalog.v1.charge_pb2 import BILLING_PERIOD_MONTHLY
from tollkeeper.entitlements.v1.entitlements_service_pb2 import CheckEntitlementRequest
from tollkeeper.entitlements.v1.entitlements_service_pb2_grpc import EntitlementsServiceStub
from tollkeeper.metering.v1.event_pb2 import Event
from tollkeeper.metering.v1.event_service_pb2 import ReportEventsRequest
from tollkeeper.metering.v1.event_service_pb2_grpc import EventServiceStub
from tollkeeper.metering.v1.tracker_service_pb2 import RegisterTrackersRequest
from tollkeeper.metering.v1.tracker_service_pb2_grpc import TrackerServiceStub

NAME = "freshness"

CATALOG = Path(__file__).resolve().parents[2] / "examples" / "airlines" / "catalog.yaml"
# Who sends one event after the other and looks for it; more would be a load of their own.
PROBES = 4
SECONDS = 15.0
# Between two looks: what is found is at most so much too late.
LOOK_EVERY_SECONDS = 0.005
# Beyond, something is broken.
PATIENCE_SECONDS = 20.0


async def run() -> list[Measurement]:
    """From before the call that sends the event to after the check that shows it; no token, no waiting in between."""
    with Platform() as platform:
        await _apply_catalog(platform)
        place = Place(platform.addresses["metering"], "")
        await _register_crowd(place)
        async with _stubs(platform) as api:
            probes = [await _customer(api, f"probe-{number}") for number in range(PROBES)]
            await ingest(place, batches=BATCHES // 4)
            most = median([await ingest(place) for _ in range(3)])
            ends = time.perf_counter() + SECONDS
            # Some more than fills the time, so that no probe is ever without company.
            batches = int(most / 2 * (SECONDS + 2) / BATCH)
            rate, found = await asyncio.gather(
                ingest(place, batches=batches, rate=most / 2),
                asyncio.gather(*(_probe(api, one, ends) for one in probes)),
            )
    waits = [wait for several in found for wait in several]
    percentiles = quantiles(waits, n=100)
    note = f"p50 {percentiles[49] * 1000:.0f} ms; {len(waits)} events beside {rate:,.0f} a second of {most:,.0f}"
    return [Measurement(NAME, percentiles[98] * 1000, "ms", note=note, aim=Aim(300, less=True))]


@dataclass(frozen=True, slots=True)
class _Stubs:
    """Of the platform's services."""

    customers: CustomerServiceStub
    subscriptions: SubscriptionServiceStub
    events: EventServiceStub
    entitlements: EntitlementsServiceStub


@asynccontextmanager
async def _stubs(platform: Platform) -> AsyncIterator[_Stubs]:
    async with AsyncExitStack() as stack:
        channels = {
            name: await stack.enter_async_context(open_channel(platform.addresses[name]))
            for name in ("billing", "metering", "entitlements")
        }
        yield _Stubs(
            CustomerServiceStub(channels["billing"]),
            SubscriptionServiceStub(channels["billing"]),
            EventServiceStub(channels["metering"]),
            EntitlementsServiceStub(channels["entitlements"]),
        )


async def _apply_catalog(platform: Platform) -> None:
    addresses = platform.addresses
    file = read_catalog_file(CATALOG)
    await apply_run.run(
        file, name=CATALOG.name, address=addresses["catalog"], billing=addresses["billing"], dry_run=False, ask=False
    )


async def _register_crowd(place: Place) -> None:
    """The customers whose events are the load are counted as well."""
    trackers = [
        tracker(feature, monthly(JANUARY), customer=f"carrier-{number}")
        for feature in ("departures", "miles")
        for number in range(CUSTOMERS)
    ]
    async with open_channel(place.address) as channel:
        await call(TrackerServiceStub(channel).RegisterTrackers, RegisterTrackersRequest(trackers=trackers), limit=30)


async def _customer(api: _Stubs, name: str) -> str:
    await call(api.customers.CreateCustomer, CreateCustomerRequest(customer=Customer(id=name, currency="USD")))
    request = ProvisionSubscriptionRequest(
        customer_id=name,
        plan_id="carrier",
        billing_period=BILLING_PERIOD_MONTHLY,
        commitments=[Commitment(feature_id="gates", quantity="1")],
        time_zone="UTC",
    )
    await call(api.subscriptions.ProvisionSubscription, request, limit=30)
    return name


async def _probe(api: _Stubs, customer: str, ends: float) -> list[float]:
    """Sends one event after the other; how long each was not seen."""
    waits = []
    numbers: Iterator[int] = itertools.count(1)
    while (sent := time.perf_counter()) < ends:
        number = next(numbers)
        event = Event(event_name="flight.departed", customer_id=customer, idempotency_key=f"{number}")
        await call(api.events.ReportEvents, ReportEventsRequest(events=[event]), limit=30)
        await _until_seen(api, customer, number)
        waits.append(time.perf_counter() - sent)
    return waits


async def _until_seen(api: _Stubs, customer: str, number: int) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        request = CheckEntitlementRequest(customer_id=customer, feature_id="departures")
        while (await call(api.entitlements.CheckEntitlement, request)).decision.usage != f"{number}":  # noqa: ASYNC110 - looking is what is measured.
            await asyncio.sleep(LOOK_EVERY_SECONDS)
