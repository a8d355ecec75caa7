"""The client of the ingest benchmarks, a process of its own: ``python -m tests.bench._ingest_client ADDRESS RUN BATCHES RATE``.

It builds and sends batches of 500 events, several calls at a time, and prints how many events a second were acknowledged.
It sends no more than RATE events a second; 0 is as many as go.
"""

import asyncio
import itertools
import sys
import time

from kit.client import call, open_channel
from tests.bench._ingest_rows import BATCH, rows
from tollkeeper.metering.v1.event_service_pb2 import ReportEventsRequest
from tollkeeper.metering.v1.event_service_pb2_grpc import EventServiceStub

# Enough that the server always has the next batches while a transaction runs.
CALLERS = 16


async def main(address: str, run: str, batches: int, rate: float) -> None:
    """Sends everything and prints the rate."""
    numbers = itertools.count()
    async with open_channel(address) as channel:
        stub = EventServiceStub(channel)
        # Connected before the clock starts.
        await call(stub.ReportEvents, _request(run, batches))

        async def caller() -> None:
            while (number := next(numbers)) < batches:
                if rate:
                    await asyncio.sleep(started + number * BATCH / rate - time.perf_counter())
                response = await call(stub.ReportEvents, _request(run, number), limit=60)
                if response.new_count != BATCH:
                    raise AssertionError(response)

        started = time.perf_counter()
        await asyncio.gather(*(caller() for _ in range(CALLERS)))
        print(batches * BATCH / (time.perf_counter() - started))


def _request(run: str, number: int) -> ReportEventsRequest:
    request = ReportEventsRequest()
    add = request.events.add
    for row in rows(run, number):
        event = add(event_name="flight.departed", customer_id=row.customer_id, idempotency_key=row.key)
        event.timestamp.seconds = row.seconds
        dimensions = event.dimensions
        dimensions["miles"].number_value = row.miles
        dimensions["tail"].string_value = row.tail
        dimensions["origin"].string_value = row.origin
    return request


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])))
