"""Stands in for metering: ``python -m tests.bench._window_server`` prints its port and answers `BatchGetWindows` until it is
terminated. A fake, because it is renewals that are measured, and metering's own work is its own benchmark.

Every window has the same value, so that usage that was billed does not change; its period is a month in the benchmark's zone.
"""

import asyncio
from functools import cache

import grpc
from google.protobuf.timestamp_pb2 import Timestamp

from kernel.recurrence import Interval, Recurrence
from kit.proto import period_to_proto, timestamp_from_proto
from kit.rpc import Context
from tests.bench._renewal_population import JANUARY, ZONE
from tollkeeper.common.v1.period_pb2 import Period
from tollkeeper.metering.v1 import tracker_service_pb2 as pb
from tollkeeper.metering.v1.tracker_service_pb2_grpc import TrackerServiceServicer, add_TrackerServiceServicer_to_server

_MONTHS = Recurrence(Interval.MONTH, JANUARY, ZONE)


@cache
def _month(seconds: int) -> Period:
    period = _MONTHS.period_at(timestamp_from_proto(Timestamp(seconds=seconds), "time"))
    assert period is not None
    return period_to_proto(period)


class Windows(TrackerServiceServicer):
    """Answers the same value for every window."""

    async def BatchGetWindows(
        self, request: pb.BatchGetWindowsRequest, _context: Context
    ) -> pb.BatchGetWindowsResponse:
        response = pb.BatchGetWindowsResponse()
        for lookup in request.lookups:
            response.windows.add(
                series=lookup.tracker.series, period=_month(lookup.time.seconds), value="1234", revision=7
            )
        return response


async def serve() -> None:
    """Answers until canceled."""
    server = grpc.aio.server()
    windows = Windows()  # type: ignore[abstract]  # it answers what a renewal asks, and nothing else.
    add_TrackerServiceServicer_to_server(windows, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(port, flush=True)
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(serve())
