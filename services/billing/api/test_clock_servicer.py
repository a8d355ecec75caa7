"""``TestClockService``."""

from billing import queries
from billing.api.pages import page_asked
from billing.commands.advance_test_clock import AdvanceTestClock
from billing.commands.create_test_clock import CreateTestClock
from billing.messages.test_clock import clock_spec_from_proto, clock_to_proto
from kernel.errors import Mistakes
from kernel.ids import check_id
from kit.db import Database
from kit.paging import page_of_messages
from kit.proto import timestamp_from_proto
from kit.rpc import Context
from tollkeeper.billing.v1 import test_clock_service_pb2 as pb
from tollkeeper.billing.v1 import test_clock_service_pb2_grpc as grpc_api


class TestClockServicer(grpc_api.TestClockServiceServicer):
    """Converts, calls, converts."""

    __test__ = False  # pytest would take the class for a test.

    def __init__(self, database: Database, *, create: CreateTestClock, advance: AdvanceTestClock) -> None:
        self._database = database
        self._create = create
        self._advance = advance

    async def CreateTestClock(
        self, request: pb.CreateTestClockRequest, _context: Context
    ) -> pb.CreateTestClockResponse:
        clock, token = await self._create(clock_spec_from_proto(request.test_clock, "test_clock"))
        return pb.CreateTestClockResponse(test_clock=clock_to_proto(clock), token=token)

    async def GetTestClock(self, request: pb.GetTestClockRequest, _context: Context) -> pb.GetTestClockResponse:
        clock = await queries.get_test_clock(self._database, check_id(request.test_clock_id, "test_clock_id"))
        return pb.GetTestClockResponse(test_clock=clock_to_proto(clock))

    async def ListTestClocks(self, request: pb.ListTestClocksRequest, _context: Context) -> pb.ListTestClocksResponse:
        page = page_asked(request, "test_clocks")
        found = await queries.list_test_clocks(self._database, page)
        clocks, token = page_of_messages(found, page, convert=clock_to_proto, key=lambda clock: (clock.id,))
        return pb.ListTestClocksResponse(test_clocks=clocks, next_page_token=token)

    async def AdvanceTestClock(
        self, request: pb.AdvanceTestClockRequest, _context: Context
    ) -> pb.AdvanceTestClockResponse:
        mistakes = Mistakes()
        mistakes.attempt(check_id, request.test_clock_id, "test_clock_id")
        if not request.HasField("target_time"):
            mistakes.add("target_time", "must be given: the time that the clock shall show")
        target = mistakes.attempt(timestamp_from_proto, request.target_time, "target_time")
        mistakes.check()
        assert target is not None  # noqa: S101 - `check` has raised otherwise.
        clock, token = await self._advance(request.test_clock_id, target)
        return pb.AdvanceTestClockResponse(test_clock=clock_to_proto(clock), token=token)
