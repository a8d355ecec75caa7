"""Entitlements, put together: from settings to servicers."""

import asyncio
from contextlib import AsyncExitStack
from functools import partial

from entitlements.api.entitlements_servicer import EntitlementsServicer
from entitlements.clients.billing import BillingClient
from entitlements.clients.catalog import CatalogClient
from entitlements.clients.metering import MeteringClient
from entitlements.commands.apply_customer import ApplyCustomer
from entitlements.commands.apply_features import ApplyFeatures
from entitlements.commands.apply_plan import ApplyPlan
from entitlements.commands.apply_subscription import ApplySubscription
from entitlements.commands.apply_test_clock import ApplyTestClock
from entitlements.commands.batch_check import BatchCheck
from entitlements.commands.check_entitlement import CheckEntitlement
from entitlements.commands.doubt_customer import DoubtCustomer
from entitlements.commands.fetch_plan_version import FetchPlanVersion
from entitlements.commands.find_feature import FindFeature
from entitlements.commands.fresh_entry import FreshEntry
from entitlements.commands.gather_reports import GatherReports, GatherSettlements
from entitlements.commands.keep_fresh import KeepFresh
from entitlements.commands.list_entitlements import ListEntitlements
from entitlements.commands.load_customer import LoadCustomer
from entitlements.commands.report_usage import ReportUsage
from entitlements.commands.settle_reservation import SettleReservation
from entitlements.commands.shadow_counts import ShadowCounts
from entitlements.commands.tell_limits import TellLimits
from entitlements.commands.watch_entitlements import WatchEntitlements
from entitlements.commands.watch_hub import WatchHub
from entitlements.consumers.billing_events import billing_consumer
from entitlements.consumers.catalog_events import catalog_consumer
from entitlements.consumers.control_coverage import ControlCoverage
from entitlements.consumers.notices import Notices
from entitlements.consumers.usage_frames import UsageFrames
from entitlements.domain.memory import Memory
from entitlements.grants_wiring import grant_registrations
from entitlements.settings import EntitlementsSettings
from entitlements.store import tables
from entitlements.store.control import ControlStore
from kernel.clock import Clock, SystemClock
from kit import broker
from kit.client import open_channel
from kit.db import Database
from kit.outbox import Relay
from kit.rpc import Registration
from kit.service import Parts
from tollkeeper.entitlements.v1 import entitlements_service_pb2_grpc as entitlements_grpc


async def wire(settings: EntitlementsSettings, resources: AsyncExitStack) -> Parts:
    """Builds the parts, by the machine's clock; what must be closed goes on the stack."""
    return await wire_by(SystemClock(), settings, resources)


async def wire_by(clock: Clock, settings: EntitlementsSettings, resources: AsyncExitStack) -> Parts:
    """Builds the parts, by this clock."""
    database = Database(settings.database_url, pool_size=settings.pool_size)
    resources.push_async_callback(database.close)
    nats = await broker.connect(settings.nats_url, "entitlements")
    resources.push_async_callback(nats.close)
    catalog = CatalogClient(await resources.enter_async_context(open_channel(settings.catalog_address)))
    metering = MeteringClient(await resources.enter_async_context(open_channel(settings.metering_address)))
    billing = BillingClient(await resources.enter_async_context(open_channel(settings.billing_address)))

    apply_customer = ApplyCustomer(database)
    apply_test_clock = ApplyTestClock(database)
    apply_features = ApplyFeatures(database)
    fetch = FetchPlanVersion(database, catalog, apply_features=apply_features)
    apply_plan = ApplyPlan(database, fetch)
    control = ControlStore(database, clock=clock)
    apply_subscription = ApplySubscription(database, control, fetch=fetch, apply_plan=apply_plan, metering=metering)

    memory = Memory(max_customers=settings.max_held_customers)
    load = LoadCustomer(
        memory,
        control,
        billing=billing,
        metering=metering,
        catalog=catalog,
        apply_customer=apply_customer,
        apply_plan=apply_plan,
        apply_subscription=apply_subscription,
        apply_test_clock=apply_test_clock,
        clock=clock,
    )
    fresh = FreshEntry(
        memory,
        load,
        database=database,
        billing=billing,
        apply_subscription=apply_subscription,
        apply_test_clock=apply_test_clock,
        clock=clock,
    )
    find_feature = FindFeature(database, catalog, apply_features=apply_features, clock=clock)
    for sharing in (load, fresh, find_feature):
        # Before the database: what is still being read holds its connections.
        resources.push_async_callback(sharing.close)
    shadow = ShadowCounts(database, clock=clock)
    keep_fresh = KeepFresh(memory, load, control=control, metering=metering, clock=clock)
    gather, gather_settlements = GatherReports(metering), GatherSettlements(metering)

    check = CheckEntitlement(
        memory, fresh, find_feature=find_feature, keep_fresh=keep_fresh, shadow=shadow, clock=clock
    )
    list_all = ListEntitlements(fresh, check, clock=clock)
    settle = SettleReservation(memory, gather_settlements, load=load, clock=clock)
    report = ReportUsage(memory, fresh, load=load, find_feature=find_feature, gather=gather, shadow=shadow, clock=clock)
    watch_hub = WatchHub(memory, load, keep_fresh=keep_fresh, clock=clock)
    batch = BatchCheck(memory, fresh, check=check, clock=clock)
    servicer = EntitlementsServicer(
        check,
        list_all,
        batch=batch,
        report=report,
        settle=settle,
        watch=WatchEntitlements(watch_hub),
        database=database,
        clock=clock,
    )

    features = catalog_consumer(nats, database, apply_features=apply_features, apply_plan=apply_plan)
    customers = billing_consumer(
        nats,
        database,
        apply_customer=apply_customer,
        apply_test_clock=apply_test_clock,
        apply_subscription=apply_subscription,
        doubt_customer=DoubtCustomer(database),
    )
    notices = Notices(database, memory, find_feature=find_feature, keep_fresh=keep_fresh)
    frames = UsageFrames(nats, memory, keep_fresh=keep_fresh, clock=clock)

    tell_limits = TellLimits(database, control, metering=metering, clock=clock)
    relay = Relay("entitlements", database, nats, table=tables.outbox, refused=tables.outbox_refused)
    coverage = ControlCoverage(nats, memory, durable="entitlements", clock=clock)

    async def ready() -> None:
        await asyncio.gather(features.caught_up.wait(), customers.caught_up.wait(), notices.covered.wait())

    return Parts(
        registrations=[
            Registration(
                "tollkeeper.entitlements.v1.EntitlementsService",
                partial(entitlements_grpc.add_EntitlementsServiceServicer_to_server, servicer),
                at_once={"CheckEntitlement": servicer.check_at_once},
            ),
            *grant_registrations(database, fresh, find_feature=find_feature, metering=metering, clock=clock),
        ],
        workers=[
            relay,
            shadow,
            tell_limits,
            notices,
            frames,
            features,
            customers,
            coverage,
            keep_fresh,
            gather,
            gather_settlements,
            watch_hub,
        ],
        ready=ready,
    )
