"""One installation for all stories: the four services in this process, on a PostgreSQL and a NATS of its own.

In one process, because starting four costs more than all stories together; the end-to-end tests run them apart.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Self

import grpc
import psycopg

from billing.settings import BillingSettings
from billing.wiring import wire as wire_billing
from catalog.settings import CatalogSettings
from catalog.wiring import wire as wire_catalog
from cli import ports
from cli.embedded.nats import EmbeddedNats
from cli.embedded.postgres import EmbeddedPostgres
from entitlements.settings import EntitlementsSettings
from entitlements.wiring import wire as wire_entitlements
from kit.service import running
from metering.settings import MeteringSettings
from metering.wiring import wire as wire_metering
from tests.scenarios.events import EventLog
from tollkeeper.billing.v1.customer_service_pb2_grpc import CustomerServiceStub
from tollkeeper.billing.v1.invoice_service_pb2_grpc import InvoiceServiceStub
from tollkeeper.billing.v1.subscription_service_pb2_grpc import SubscriptionServiceStub
from tollkeeper.billing.v1.test_clock_service_pb2_grpc import TestClockServiceStub
from tollkeeper.catalog.v1.add_on_service_pb2_grpc import AddOnServiceStub
from tollkeeper.catalog.v1.catalog_service_pb2_grpc import CatalogServiceStub
from tollkeeper.catalog.v1.coupon_service_pb2_grpc import CouponServiceStub
from tollkeeper.catalog.v1.plan_service_pb2_grpc import PlanServiceStub
from tollkeeper.entitlements.v1.entitlements_service_pb2_grpc import EntitlementsServiceStub
from tollkeeper.metering.v1.event_service_pb2_grpc import EventServiceStub

SERVICES = ("catalog", "metering", "entitlements", "billing")
# Nothing here is billed by real time: the longest interval that the settings allow.
_NEVER_SECONDS = 3_600


@dataclass(frozen=True, slots=True)
class Stubs:
    """The services as an application calls them."""

    catalog: CatalogServiceStub
    plans: PlanServiceStub
    add_ons: AddOnServiceStub
    coupons: CouponServiceStub
    events: EventServiceStub
    entitlements: EntitlementsServiceStub
    customers: CustomerServiceStub
    subscriptions: SubscriptionServiceStub
    invoices: InvoiceServiceStub
    clocks: TestClockServiceStub

    @classmethod
    def over(cls, channels: dict[str, grpc.aio.Channel]) -> Self:
        """The stubs over a channel to each service."""
        catalog, metering, entitlements, billing = (channels[name] for name in SERVICES)
        return cls(
            CatalogServiceStub(catalog),
            PlanServiceStub(catalog),
            AddOnServiceStub(catalog),
            CouponServiceStub(catalog),
            EventServiceStub(metering),
            EntitlementsServiceStub(entitlements),
            CustomerServiceStub(billing),
            SubscriptionServiceStub(billing),
            InvoiceServiceStub(billing),
            TestClockServiceStub(billing),
        )


@dataclass(frozen=True, slots=True)
class Installation:
    """Running services and what they announce."""

    stubs: Stubs
    events: EventLog


@asynccontextmanager
async def installed(postgres: EmbeddedPostgres, template: Callable[[str], str]) -> AsyncIterator[Installation]:
    """Runs all four services inside the block; `template` names a migrated, empty database of a service."""
    async with AsyncExitStack() as resources:
        nats = resources.enter_context(EmbeddedNats())
        addresses = {name: f"{ports.LOOPBACK}:{ports.free_port()}" for name in SERVICES}
        common = {f"{name}_address": address for name, address in addresses.items()}
        settings = {
            name: {
                "database_url": _database(postgres, name, template=template(name), resources=resources),
                "nats_url": nats.url,
                "listen": addresses[name],
                "drain_seconds": 1,
                **common,
            }
            for name in SERVICES
        }
        billing = BillingSettings.model_validate(
            settings["billing"] | {"renewal_poll_seconds": _NEVER_SECONDS, "recovery_poll_seconds": _NEVER_SECONDS}
        )
        entitlements = EntitlementsSettings.model_validate(settings["entitlements"])
        metering = MeteringSettings.model_validate(settings["metering"])
        catalog = CatalogSettings.model_validate(settings["catalog"])
        # Who asks is stopped before whom it asks.
        for service in (
            running("catalog", catalog, wire_catalog),
            running("metering", metering, wire_metering),
            running("billing", billing, wire_billing),
            running("entitlements", entitlements, wire_entitlements),
        ):
            await resources.enter_async_context(service)
        channels = {
            name: await resources.enter_async_context(grpc.aio.insecure_channel(address))
            for name, address in addresses.items()
        }
        events = await resources.enter_async_context(EventLog.following(nats.url))
        yield Installation(Stubs.over(channels), events)


def _database(postgres: EmbeddedPostgres, service: str, *, template: str, resources: AsyncExitStack) -> str:
    name = f"scenarios_{service}"
    _administer(postgres, f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    resources.callback(_administer, postgres, f'DROP DATABASE "{name}" WITH (FORCE)')
    return postgres.url(name)


def _administer(postgres: EmbeddedPostgres, statement: str) -> None:
    url = postgres.url("postgres").replace("+psycopg", "")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)
