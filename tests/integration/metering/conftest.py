"""Metering as a running service, in this process, on real parts; its neighbours are fakes."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime

import grpc
import pytest

from cli.embedded.nats import EmbeddedNats
from kit.broker import Broker
from kit.client import call, open_channel
from kit.db import Database
from kit.proto import timestamp_to_proto
from kit.service import running
from metering.settings import MeteringSettings
from metering.wiring import wire
from tests.conftest import MakeDatabase
from tests.integration.metering.fakes import Neighbours, neighbours_running
from tollkeeper.metering.v1 import event_pb2, tracker_pb2
from tollkeeper.metering.v1 import event_service_pb2 as event_api
from tollkeeper.metering.v1 import tracker_service_pb2 as tracker_api
from tollkeeper.metering.v1.event_service_pb2_grpc import EventServiceStub
from tollkeeper.metering.v1.tracker_service_pb2_grpc import TrackerServiceStub


class Metering:
    """A client of the service, and the way to its database."""

    def __init__(self, channel: grpc.aio.Channel, settings: MeteringSettings, database: Database) -> None:
        self.channel = channel
        self.settings = settings
        self.database = database
        self.events = EventServiceStub(channel)
        self.trackers = TrackerServiceStub(channel)

    async def send(self, *events: event_pb2.Event) -> event_api.ReportEventsResponse:
        """Reports events in one batch."""
        return await call(self.events.ReportEvents, event_api.ReportEventsRequest(events=events))

    async def register(self, *trackers: tracker_pb2.Tracker) -> Sequence[tracker_pb2.Tracker]:
        """Registers trackers."""
        request = tracker_api.RegisterTrackersRequest(trackers=trackers)
        return (await call(self.trackers.RegisterTrackers, request)).trackers

    async def windows(self, *trackers: tracker_pb2.Tracker, at: datetime) -> Sequence[tracker_pb2.Window]:
        """The windows of trackers at one instant."""
        time = timestamp_to_proto(at)
        lookups = [tracker_api.WindowLookup(tracker=tracker, time=time) for tracker in trackers]
        return (await call(self.trackers.BatchGetWindows, tracker_api.BatchGetWindowsRequest(lookups=lookups))).windows

    async def value(self, tracker: tracker_pb2.Tracker, at: datetime) -> str:
        """The usage in the window of a tracker at an instant."""
        (window,) = await self.windows(tracker, at=at)
        return window.value

    async def report(self, *reports: tracker_api.UsageReport) -> Sequence[tracker_api.UsageReportOutcome]:
        """Reports calculated usage in one batch."""
        request = tracker_api.BatchReportUsageRequest(reports=reports)
        return (await call(self.trackers.BatchReportUsage, request)).outcomes

    async def settle(self, *settlements: tracker_api.ReservationSettlement) -> Sequence[tracker_api.SettlementOutcome]:
        """Ends reservations in one batch."""
        request = tracker_api.BatchSettleReservationsRequest(settlements=settlements)
        return (await call(self.trackers.BatchSettleReservations, request)).outcomes


@pytest.fixture
async def neighbours() -> AsyncIterator[Neighbours]:
    """The catalog and billing that metering asks."""
    async with neighbours_running() as running_neighbours:
        yield running_neighbours


@pytest.fixture
def metering_settings(
    make_database: MakeDatabase, nats_server: EmbeddedNats, broker: Broker, neighbours: Neighbours
) -> MeteringSettings:
    """Settings over an empty database and empty streams."""
    return MeteringSettings(
        database_url=make_database("metering"),
        nats_url=nats_server.url,
        listen="127.0.0.1:0",
        drain_seconds=1,
        catalog_address=neighbours.address,
        billing_address=neighbours.address,
    )


@pytest.fixture
async def metering(metering_settings: MeteringSettings) -> AsyncIterator[Metering]:
    """The service."""
    database = Database(metering_settings.database_url, pool_size=2)
    async with (
        running("metering", metering_settings, wire) as port,
        open_channel(f"127.0.0.1:{port}") as channel,
    ):
        yield Metering(channel, metering_settings, database)
        await database.close()
