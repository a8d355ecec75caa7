"""A lean load generator for unary gRPC calls: HTTP/2 frames by hand, because a gRPC client in Python costs as much as the
server that it measures and would be the limit.

``python -m tests.bench._h2_load HOST:PORT /METHOD SECONDS CONNECTIONS STREAMS RATE`` reads request messages as lines of hex from
standard input, sends them in turn and prints one JSON object. RATE 0: as fast as answers come; else calls a second.
"""

import asyncio
import json
import struct
import sys
import time
from collections.abc import Sequence

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _RESET, _SETTINGS, _PING, _GOAWAY, _WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
_ACK = _END_STREAM = 1
_END_HEADERS = 4
_GREATEST_WINDOW = 2**31 - 1
# How often calls are begun at a fixed rate.
_TICK_SECONDS = 0.002


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def _text(value: str) -> bytes:
    return bytes([len(value)]) + value.encode()


def request_headers(method: str, authority: str) -> bytes:
    """The block of every request's headers."""
    # Literals without indexing, so that every request's block is the same bytes: `:method POST`, `:scheme http`, `:path`, …
    fields = b"\x83\x86\x04" + _text(method) + b"\x01" + _text(authority) + b"\x0f\x10" + _text("application/grpc")
    return fields + b"\x00" + _text("te") + _text("trailers")


class Connection(asyncio.Protocol):
    """One connection with calls in flight."""

    def __init__(self, headers: bytes, messages: Sequence[bytes], *, streams: int) -> None:
        self._headers = headers
        self._bodies = [b"\0" + struct.pack(">I", len(message)) + message for message in messages]
        self._streams = streams
        self._next = 1
        self._begun: dict[int, float] = {}
        self._buffer = b""
        self._transport: asyncio.Transport | None = None
        self.again = True
        self.latencies: list[float] = []
        self.answered = 0
        self.failed = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Opens both windows as far as they go."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        settings = _frame(_SETTINGS, 0, 0, struct.pack(">HI", 4, _GREATEST_WINDOW))
        window = _frame(_WINDOW_UPDATE, 0, 0, struct.pack(">I", _GREATEST_WINDOW - 65_535))
        transport.write(_PREFACE + settings + window)

    def begin(self, count: int) -> None:
        """Begins so many calls, as far as streams are free."""
        assert self._transport is not None
        out, now = [], time.perf_counter()
        for _ in range(min(count, self._streams - len(self._begun))):
            stream, self._next = self._next, self._next + 2
            body = self._bodies[stream // 2 % len(self._bodies)]
            out += [_frame(_HEADERS, _END_HEADERS, stream, self._headers), _frame(_DATA, _END_STREAM, stream, body)]
            self._begun[stream] = now
        self._transport.write(b"".join(out))

    def data_received(self, data: bytes) -> None:
        """Reads the frames that are whole."""
        assert self._transport is not None
        data = self._buffer + data
        at, ended = 0, 0
        while at + 9 <= len(data):
            length = int.from_bytes(data[at : at + 3], "big")
            end = at + 9 + length
            if end > len(data):
                break
            kind, flags, stream = struct.unpack_from(">BBI", data, at + 3)
            if kind == _DATA:
                self.answered += 1
            elif (kind == _HEADERS and flags & _END_STREAM) or kind == _RESET:
                ended += 1
                self.latencies.append(time.perf_counter() - self._begun.pop(stream))
            elif kind in {_PING, _SETTINGS} and not flags & _ACK:
                self._transport.write(_frame(kind, _ACK, 0, data[at + 9 : end] if kind == _PING else b""))
            elif kind == _GOAWAY:
                self.failed += 1
            at = end
        self._buffer = data[at:]
        if ended and self.again:
            self.begin(ended)


async def load(
    address: str, method: str, messages: Sequence[bytes], *, seconds: float, connections: int, streams: int, rate: float
) -> dict[str, float]:
    """Calls a second, the latencies at the median and the 99th percentile in microseconds, and calls without an answer."""
    host, _, port = address.rpartition(":")
    loop = asyncio.get_running_loop()
    opened: list[Connection] = []
    for _ in range(connections):
        headers = request_headers(method, address)
        _, made = await loop.create_connection(lambda: Connection(headers, messages, streams=streams), host, int(port))  # noqa: B023 - called at once.
        opened.append(made)
    began = time.perf_counter()
    if rate:
        await _at_rate(opened, rate, seconds)
    else:
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


async def _at_rate(opened: Sequence[Connection], rate: float, seconds: float) -> None:
    began, sent, turn = time.perf_counter(), 0, 0
    for connection in opened:
        connection.again = False
    while (passed := time.perf_counter() - began) < seconds:
        due = int(passed * rate) - sent
        for _ in range(due):
            opened[turn % len(opened)].begin(1)
            turn += 1
        sent += due
        await asyncio.sleep(_TICK_SECONDS)


def main() -> None:
    """Runs as said above."""
    address, method, seconds, connections, streams, rate = sys.argv[1:]
    messages = [bytes.fromhex(line) for line in sys.stdin.read().split()]
    result = asyncio.run(
        load(
            address,
            method,
            messages,
            seconds=float(seconds),
            connections=int(connections),
            streams=int(streams),
            rate=float(rate),
        )
    )
    print(json.dumps(result))


if __name__ == "__main__":
    main()
