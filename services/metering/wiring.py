"""Metering, put together: from settings to servicers."""

import asyncio
from contextlib import AsyncExitStack
from functools import partial

from kernel.clock import SystemClock
from kit import broker
from kit.client import open_channel
from kit.db import Database
from kit.outbox import Relay
from kit.rpc import Registration
from kit.service import Parts
from metering.api.event_servicer import EventServicer
from metering.api.tracker_servicer import TrackerServicer
from metering.api.usage_servicer import UsageServicer
from metering.clients.billing import Billing
from metering.clients.catalog import Catalog
from metering.commands.announce_crossings import AnnounceCrossings
from metering.commands.customer_clocks import CustomerClocks
from metering.commands.end_lapsed import EndLapsed
from metering.commands.find_feature import FindFeature
from metering.commands.let_events_go import LetEventsGo
from metering.commands.meters import Meters
from metering.commands.publish_frames import PublishFrames
from metering.commands.register_trackers import RegisterTrackers
from metering.commands.report_events import ReportEvents
from metering.commands.report_usage import ReportUsage
from metering.commands.retract_events import RetractEvents
from metering.commands.set_limits import SetLimits
from metering.commands.settle_reservations import SettleReservations
from metering.commands.settle_times import SettleTimes
from metering.commands.store_feature import StoreFeature
from metering.commands.write_usage import WriteUsage
from metering.consumers.billing import billing_consumer
from metering.consumers.catalog import catalog_consumer
from metering.domain.customer import EventHorizon
from metering.queries import Windows
from metering.settings import MeteringSettings
from metering.store import tables
from metering.store.events import STAGING
from metering.store.known_series import KnownSeries
from metering.store.known_trackers import KnownTrackers
from metering.store.line import Line
from tollkeeper.metering.v1 import event_service_pb2_grpc as event_grpc
from tollkeeper.metering.v1 import tracker_service_pb2_grpc as tracker_grpc
from tollkeeper.metering.v1 import usage_service_pb2_grpc as usage_grpc

EVENT_SERVICE = "tollkeeper.metering.v1.EventService"
USAGE_SERVICE = "tollkeeper.metering.v1.UsageService"
TRACKER_SERVICE = "tollkeeper.metering.v1.TrackerService"


async def wire(settings: MeteringSettings, resources: AsyncExitStack) -> Parts:
    """Builds the parts; what must be closed goes on the stack."""
    database = Database(settings.database_url, pool_size=settings.pool_size)
    resources.push_async_callback(database.close)
    event_line, report_line = Line(settings.database_url, on_connect=STAGING), Line(settings.database_url)
    resources.push_async_callback(event_line.close)
    resources.push_async_callback(report_line.close)
    nats = await broker.connect(settings.nats_url, "metering")
    resources.push_async_callback(nats.close)
    catalog = Catalog(await resources.enter_async_context(open_channel(settings.catalog_address)))
    billing = Billing(await resources.enter_async_context(open_channel(settings.billing_address)))

    store_feature = StoreFeature(database)
    find_feature = FindFeature(database, catalog, store_feature)
    clocks = CustomerClocks(database, billing)
    known = KnownTrackers(database)
    frames = PublishFrames(nats)
    horizon = EventHorizon(settings.event_retention_days)
    settle = SettleTimes(clocks, horizon, clock=SystemClock())
    let_events_go = LetEventsGo(database, clocks, horizon, clock=SystemClock())
    meters = Meters()
    announce = AnnounceCrossings()
    report_events = ReportEvents(event_line, meters, KnownSeries(), settle=settle, announce=announce, frames=frames)
    retract_events = RetractEvents(database, meters, announce=announce, frames=frames, clock=SystemClock())
    register = RegisterTrackers(database, find_feature, known)
    write_usage = WriteUsage(report_line, frames, announce=announce)
    report_usage = ReportUsage(write_usage, find_feature, known_trackers=known, register=register)
    settle_reservations = SettleReservations(database, write_usage)
    set_limits = SetLimits(database, known, announce=announce)
    relay = Relay("metering", database, nats, table=tables.outbox, refused=tables.outbox_refused)
    consumers = [catalog_consumer(nats, database, store_feature), billing_consumer(nats, database, clocks)]

    async def ready() -> None:
        await asyncio.gather(*(consumer.caught_up.wait() for consumer in consumers))

    windows = Windows(database, known)
    trackers = TrackerServicer(
        database,
        find_feature,
        register=register,
        windows=windows,
        report=report_usage,
        settle=settle_reservations,
        set_limits=set_limits,
    )
    return Parts(
        registrations=[
            _events(EventServicer(database, find_feature, report=report_events, retract=retract_events)),
            _usage(UsageServicer(database, find_feature)),
            _trackers(trackers),
        ],
        workers=[
            report_events.gatherer,
            let_events_go,
            EndLapsed(database, write_usage),
            write_usage.gatherer,
            set_limits,
            relay,
            *consumers,
            frames,
        ],
        ready=ready,
    )


def _events(servicer: EventServicer) -> Registration:
    # The one loop over a batch looks for U+0000 itself.
    trusted = frozenset({f"/{EVENT_SERVICE}/ReportEvents"})
    return Registration(EVENT_SERVICE, partial(event_grpc.add_EventServiceServicer_to_server, servicer), trusted)


def _usage(servicer: UsageServicer) -> Registration:
    return Registration(USAGE_SERVICE, partial(usage_grpc.add_UsageServiceServicer_to_server, servicer))


def _trackers(servicer: TrackerServicer) -> Registration:
    # Every text of these is an id, a zone, a number or a key that is looked at.
    methods = (
        "RegisterTrackers",
        "SetLimits",
        "BatchGetWindows",
        "BatchMeasureUsage",
        "BatchReportUsage",
        "BatchSettleReservations",
    )
    trusted = frozenset(f"/{TRACKER_SERVICE}/{method}" for method in methods)
    return Registration(TRACKER_SERVICE, partial(tracker_grpc.add_TrackerServiceServicer_to_server, servicer), trusted)
