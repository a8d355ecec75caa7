"""Reports with `ENFORCE` on one counter, each with a key of its own; h2load cannot do that, for it sends one body again and again.

``python -m tests.bench._enforce_load HOST:PORT SECONDS CONNECTIONS STREAMS CUSTOMER RUN`` prints one JSON object.
"""

import asyncio
import json
import sys
import time

from tests.bench._h2_load import Connection, request_headers
from tollkeeper.entitlements.v1 import entitlements_service_pb2 as pb

_METHOD = "/tollkeeper.entitlements.v1.EntitlementsService/ReportUsage"
# Calls a second that messages are made for before the clock starts; made on the way they would cost time that is measured.
_MOST = 8_000


async def load(
    address: str, *, seconds: float, connections: int, streams: int, customer: str, run: str
) -> dict[str, float]:
    """Calls a second, the latencies in microseconds, and calls without an answer."""
    host, _, port = address.rpartition(":")
    loop = asyncio.get_running_loop()
    opened: list[Connection] = []
    for number in range(connections):
        keys = (f"{run}-{number}-{index}" for index in range(int(_MOST * seconds) // connections))
        messages = [_report(customer, key) for key in keys]
        headers = request_headers(_METHOD, address)
        _, made = await loop.create_connection(lambda: Connection(headers, messages, streams=streams), host, int(port))  # noqa: B023 - called at once.
        opened.append(made)
    began = time.perf_counter()
    for connection in opened:
        connection.begin(streams)
    await asyncio.sleep(seconds)
    lasted = time.perf_counter() - began
    latencies = sorted(latency for connection in opened for latency in connection.latencies)
    answered = sum(connection.answered for connection in opened)
    return {
        "rate": len(latencies) / lasted,
        "calls": len(latencies),
        "p50": latencies[len(latencies) // 2] * 1e6,
        "p99": latencies[len(latencies) * 99 // 100] * 1e6,
        "failed": len(latencies) - answered + sum(connection.failed for connection in opened),
    }


def _report(customer: str, key: str) -> bytes:
    return pb.ReportUsageRequest(
        customer_id=customer,
        feature_id="gates",
        value="1",
        enforcement=pb.ENFORCEMENT_ENFORCE,
        idempotency_key=key,
    ).SerializeToString()


def main() -> None:
    """Runs as said above."""
    address, seconds, connections, streams, customer, run = sys.argv[1:]
    result = asyncio.run(
        load(
            address,
            seconds=float(seconds),
            connections=int(connections),
            streams=int(streams),
            customer=customer,
            run=run,
        )
    )
    print(json.dumps(result))


if __name__ == "__main__":
    main()
