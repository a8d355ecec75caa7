"""``EventService``."""

from kernel.token import Token
from kit.db import Database
from kit.paging import page_of, page_of_messages
from kit.rpc import Context
from metering import queries
from metering.commands.report_events import ReportEvents
from metering.domain.tracker import microseconds
from metering.messages.event import event_filter_from_proto, event_to_proto
from metering.messages.event_batch import event_batch_from_proto
from tollkeeper.metering.v1 import event_service_pb2 as pb
from tollkeeper.metering.v1 import event_service_pb2_grpc as grpc_api


class EventServicer(grpc_api.EventServiceServicer):
    """Converts, calls, converts."""

    def __init__(self, database: Database, report: ReportEvents) -> None:
        self._database = database
        self._report = report

    async def ReportEvents(self, request: pb.ReportEventsRequest, _context: Context) -> pb.ReportEventsResponse:
        reported = await self._report(event_batch_from_proto(request))
        token = Token(usage=reported.revision).encode()
        return pb.ReportEventsResponse(new_count=reported.new, duplicate_count=reported.duplicates, token=token)

    async def ListEvents(self, request: pb.ListEventsRequest, _context: Context) -> pb.ListEventsResponse:
        wanted = event_filter_from_proto(request)
        filters = (wanted.customer_id, wanted.event_name, str(wanted.start), str(wanted.end))
        page = page_of(request.page_size, request.page_token, filters=filters)
        events = await queries.list_events(self._database, wanted, page)
        messages, token = page_of_messages(
            events,
            page,
            convert=event_to_proto,
            key=lambda event: (str(microseconds(event.time)), event.idempotency_key),
        )
        return pb.ListEventsResponse(events=messages, next_page_token=token)
