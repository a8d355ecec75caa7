"""``EventService``."""

from kernel.ids import check_id
from kernel.token import Token
from kit.db import Database
from kit.paging import page_of, page_of_messages
from kit.rpc import Context
from metering import queries
from metering.commands.find_feature import FindFeature
from metering.commands.report_events import ReportEvents
from metering.commands.retract_events import RetractEvents
from metering.domain.tracker import microseconds
from metering.messages.event import (
    event_filter_from_proto,
    event_keys_from_proto,
    event_to_proto,
    filter_texts,
    retraction_to_proto,
)
from metering.messages.event_batch import event_batch_from_proto
from tollkeeper.metering.v1 import event_service_pb2 as pb
from tollkeeper.metering.v1 import event_service_pb2_grpc as grpc_api


class EventServicer(grpc_api.EventServiceServicer):
    """Converts, calls, converts."""

    def __init__(
        self, database: Database, find_feature: FindFeature, *, report: ReportEvents, retract: RetractEvents
    ) -> None:
        self._database = database
        self._find_feature = find_feature
        self._report = report
        self._retract = retract

    async def ReportEvents(self, request: pb.ReportEventsRequest, _context: Context) -> pb.ReportEventsResponse:
        reported = await self._report(event_batch_from_proto(request))
        token = Token(usage=reported.revision).encode()
        return pb.ReportEventsResponse(new_count=reported.new, duplicate_count=reported.duplicates, token=token)

    async def ListEvents(self, request: pb.ListEventsRequest, _context: Context) -> pb.ListEventsResponse:
        wanted = event_filter_from_proto(request)
        page = page_of(request.page_size, request.page_token, filters=filter_texts(wanted))
        feature = await self._find_feature(wanted.feature_id) if wanted.feature_id else None
        events = await queries.list_events(self._database, wanted, feature, page)
        messages, token = page_of_messages(
            events,
            page,
            convert=event_to_proto,
            key=lambda event: (str(microseconds(event.time)), event.idempotency_key),
        )
        return pb.ListEventsResponse(events=messages, next_page_token=token)

    async def RetractEvents(self, request: pb.RetractEventsRequest, _context: Context) -> pb.RetractEventsResponse:
        retracted = await self._retract(event_keys_from_proto(request), request.reason)
        return pb.RetractEventsResponse(
            retracted_count=retracted.counted,
            pending_count=retracted.pending,
            repeated_count=retracted.repeated,
            token=Token(usage=retracted.revision).encode(),
        )

    async def ListRetractions(
        self, request: pb.ListRetractionsRequest, _context: Context
    ) -> pb.ListRetractionsResponse:
        customer_id = check_id(request.customer_id, "customer_id")
        page = page_of(request.page_size, request.page_token, filters=("retractions", customer_id))
        retractions = await queries.list_retractions(self._database, customer_id, page)
        messages, token = page_of_messages(
            retractions,
            page,
            convert=retraction_to_proto,
            key=lambda retraction: (str(microseconds(retraction.time)), retraction.idempotency_key),
        )
        return pb.ListRetractionsResponse(retractions=messages, next_page_token=token)
