"""A service's life: the start, and the ordered drain.

SIGTERM → health NOT_SERVING → running calls end → workers end → pools and connections close.
"""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Protocol, TypeVar

import structlog

from kit.rpc import Registration, Server
from kit.settings import ServiceSettings

log = structlog.get_logger()

S = TypeVar("S", bound=ServiceSettings)

# A worker that ended with an error is started again after this, doubled up to the greatest.
_RESTART_SECONDS = 0.2
_RESTART_GREATEST_SECONDS = 1.0


class Worker(Protocol):
    """Something that runs beside the server until it is canceled, such as a relay or a consumer."""

    async def run(self) -> None:
        """Works until canceled."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What a service's wiring makes.

    Attributes:
        registrations: The servicers.
        workers: Started in this order, stopped in this order after the server.
        ready: Waits until the first catch-up: only then is the service SERVING.
    """

    registrations: Sequence[Registration]
    workers: Sequence[Worker]
    ready: Callable[[], Awaitable[None]] | None = None


Wire = Callable[[S, AsyncExitStack], Awaitable[Parts]]


@asynccontextmanager
async def running(name: str, settings: S, wire: Wire[S], *, stop: asyncio.Event | None = None) -> AsyncIterator[int]:
    """Runs a service inside the block, and drains it at the end; gives the port it listens on.

    `stop`, once set, ends the wait for the first catch-up.
    """
    async with AsyncExitStack() as resources:
        parts = await wire(settings, resources)
        server = Server(name, settings.listen, parts.registrations, max_concurrent=settings.max_concurrent_rpcs)
        await server.start()
        tasks = [asyncio.create_task(_keep_running(worker), name=type(worker).__name__) for worker in parts.workers]
        try:
            await _first_of(parts.ready, stop)
            await server.set_serving(serving=True)
            log.info("serving", port=server.port)
            yield server.port
        finally:
            await server.set_serving(serving=False)
            await server.stop(settings.drain_seconds)
            for task in tasks:
                await _end(task)


async def _end(task: asyncio.Task[None]) -> None:
    # Before Python 3.12 `asyncio.wait_for` forgets a cancellation that meets the end of what it waits for.
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=0.5)


async def _first_of(ready: Callable[[], Awaitable[None]] | None, stop: asyncio.Event | None) -> None:
    waits = [asyncio.ensure_future(ready())] if ready is not None else []
    if not waits:
        return
    if stop is not None:
        waits.append(asyncio.ensure_future(stop.wait()))  # type: ignore[arg-type]  # only its end matters.
    _, pending = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for wait in pending:
        wait.cancel()


async def _keep_running(worker: Worker) -> None:
    loop = asyncio.get_running_loop()
    delay = _RESTART_SECONDS
    while True:
        started = loop.time()
        try:
            await worker.run()
        except Exception as error:  # noqa: BLE001 - a worker must outlive any fault; it is logged and started again.
            log.warning("worker_restarts", worker=type(worker).__name__, error=repr(error), delay=delay)
        await asyncio.sleep(delay)
        # One that worked for a while has earned a quick start; one that fails again and again has not.
        worked_well = loop.time() - started > _RESTART_GREATEST_SECONDS * 2
        delay = _RESTART_SECONDS if worked_well else min(delay * 2, _RESTART_GREATEST_SECONDS)


def serve(name: str, settings: S, wire: Wire[S]) -> None:
    """Serves until SIGTERM or SIGINT, and drains."""
    asyncio.run(_serve(name, settings, wire))


async def _serve(name: str, settings: S, wire: Wire[S]) -> None:
    stop = asyncio.Event()
    serving = asyncio.create_task(_serve_until(stop, name, settings, wire))

    def on_signal() -> None:
        # A second signal, or one before anything was built, does not wait for the drain.
        if stop.is_set():
            serving.cancel()
        stop.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal)
    await asyncio.wait([serving])
    if not serving.cancelled():
        serving.result()


async def _serve_until(stop: asyncio.Event, name: str, settings: S, wire: Wire[S]) -> None:
    async with running(name, settings, wire, stop=stop):
        await stop.wait()
        log.info("draining")
