"""Billing, put together: from settings to servicers."""

from contextlib import AsyncExitStack
from functools import partial

from billing.api.customer_servicer import CustomerServicer
from billing.api.invoice_servicer import InvoiceServicer
from billing.api.subscription_servicer import SubscriptionCommands, SubscriptionServicer
from billing.api.test_clock_servicer import TestClockServicer
from billing.clients.catalog import Catalog
from billing.clients.metering import Metering
from billing.collection_wiring import wire_collection
from billing.commands.advance_test_clock import AdvanceTestClock
from billing.commands.boundaries import Boundaries
from billing.commands.cancel_subscription import CancelSubscription, ResumeSubscription
from billing.commands.change_subscription import ChangeSubscription
from billing.commands.collecting import Collecting
from billing.commands.create_customer import CreateCustomer
from billing.commands.create_test_clock import CreateTestClock
from billing.commands.cross_boundaries import CrossBoundaries
from billing.commands.grant_credit import GrantCredit
from billing.commands.migrate_subscriptions import MigrateSubscriptions
from billing.commands.plans import Plans
from billing.commands.preview_renewal import PreviewRenewal
from billing.commands.provision_subscription import ProvisionSubscription
from billing.commands.register_trackers import RegisterTrackers
from billing.commands.test_clock_runner import TestClockRunner
from billing.commands.update_customer import UpdateCustomer
from billing.commands.update_subscription import UpdateSubscription
from billing.invoice_wiring import wire_invoices
from billing.settings import BillingSettings
from billing.store import tables
from kernel.clock import Clock, SystemClock
from kit import broker
from kit.client import open_channel
from kit.db import Database
from kit.outbox import Outbox, Relay
from kit.rpc import Registration
from kit.service import Parts
from tollkeeper.billing.v1 import customer_service_pb2_grpc as customer_grpc
from tollkeeper.billing.v1 import invoice_service_pb2_grpc as invoice_grpc
from tollkeeper.billing.v1 import subscription_service_pb2_grpc as subscription_grpc
from tollkeeper.billing.v1 import test_clock_service_pb2_grpc as test_clock_grpc


async def wire(settings: BillingSettings, resources: AsyncExitStack) -> Parts:
    """Builds the parts; what must be closed goes on the stack."""
    return await wire_by(SystemClock(), settings, resources)


async def wire_by(clock: Clock, settings: BillingSettings, resources: AsyncExitStack) -> Parts:
    """Builds the parts for customers whose real time another clock tells."""
    database = Database(settings.database_url, pool_size=settings.pool_size)
    resources.push_async_callback(database.close)
    nats = await broker.connect(settings.nats_url, "billing")
    resources.push_async_callback(nats.close)
    outbox = Outbox("billing", tables.outbox)
    catalog = Catalog(await resources.enter_async_context(open_channel(settings.catalog_address)))
    metering = Metering(await resources.enter_async_context(open_channel(settings.metering_address)))

    plans = Plans()
    collecting = wire_collection(settings, database, outbox, plans=plans, clock=clock, resources=resources)
    collection = collecting.collecting
    boundaries = Boundaries(database, outbox, metering=metering, plans=plans, collection=collection)
    crossing = CrossBoundaries(database, boundaries, clock=clock, poll_seconds=settings.renewal_poll_seconds)
    trackers = RegisterTrackers(database, metering, plans=plans, poll_seconds=settings.recovery_poll_seconds)
    runner = TestClockRunner(
        database, outbox, boundaries=boundaries, collection=collection, poll_seconds=settings.recovery_poll_seconds
    )
    customers = CustomerServicer(
        database,
        create=CreateCustomer(database, outbox, clock=clock),
        update=UpdateCustomer(database, outbox, clock=clock),
        attach=collecting.attach,
        grant=GrantCredit(database, outbox, clock=clock),
    )
    commands = _subscription_commands(
        database,
        outbox,
        clock=clock,
        plans=plans,
        catalog=catalog,
        metering=metering,
        boundaries=boundaries,
        collection=collection,
        trackers=trackers,
    )
    subscriptions = SubscriptionServicer(database, plans, commands=commands)
    invoices = wire_invoices(
        settings, database, outbox, plans=plans, clock=clock, collecting=collecting, resources=resources
    )
    clocks = TestClockServicer(
        database, create=CreateTestClock(database, outbox), advance=AdvanceTestClock(database, outbox, runner=runner)
    )
    return Parts(
        registrations=_registrations(customers, subscriptions, invoices=invoices, clocks=clocks),
        workers=[
            Relay("billing", database, nats, table=tables.outbox, refused=tables.outbox_refused),
            crossing,
            trackers,
            runner,
            *collecting.workers,
        ],
    )


def _subscription_commands(
    database: Database,
    outbox: Outbox,
    *,
    clock: Clock,
    plans: Plans,
    catalog: Catalog,
    metering: Metering,
    boundaries: Boundaries,
    collection: Collecting,
    trackers: RegisterTrackers,
) -> SubscriptionCommands:
    change = ChangeSubscription(
        database,
        outbox,
        clock=clock,
        plans=plans,
        metering=metering,
        boundaries=boundaries,
        collection=collection,
        trackers=trackers,
    )
    provision = ProvisionSubscription(
        database,
        outbox,
        clock=clock,
        catalog=catalog,
        boundaries=boundaries,
        collection=collection,
        trackers=trackers,
    )
    update = UpdateSubscription(change, catalog=catalog)
    preview_renewal = PreviewRenewal(database, clock=clock, plans=plans, metering=metering, boundaries=boundaries)
    return SubscriptionCommands(
        provision=provision,
        update=update,
        cancel=CancelSubscription(change),
        resume=ResumeSubscription(change),
        migrate=MigrateSubscriptions(database, catalog=catalog, update=update),
        preview_renewal=preview_renewal,
    )


def _registrations(
    customers: CustomerServicer,
    subscriptions: SubscriptionServicer,
    *,
    invoices: InvoiceServicer,
    clocks: TestClockServicer,
) -> list[Registration]:
    return [
        Registration(
            "tollkeeper.billing.v1.CustomerService",
            partial(customer_grpc.add_CustomerServiceServicer_to_server, customers),
        ),
        Registration(
            "tollkeeper.billing.v1.SubscriptionService",
            partial(subscription_grpc.add_SubscriptionServiceServicer_to_server, subscriptions),
        ),
        Registration(
            "tollkeeper.billing.v1.InvoiceService",
            partial(invoice_grpc.add_InvoiceServiceServicer_to_server, invoices),
        ),
        Registration(
            "tollkeeper.billing.v1.TestClockService",
            partial(test_clock_grpc.add_TestClockServiceServicer_to_server, clocks),
        ),
    ]
