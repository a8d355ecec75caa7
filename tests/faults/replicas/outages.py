"""Two ways of being away: dead, or there and silent, as behind a network that swallows everything."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass

import psutil

from cli.local_platform import Platform


@dataclass(slots=True)
class Outage:
    """One that is under way, or over.

    Attributes:
        left: When the first one went, by `time.time`.
        began: When everybody was away, likewise.
        returned: When everybody was back, by `time.monotonic`; 0 while it lasts.
    """

    left: float
    began: float
    returned: float = 0.0


@asynccontextmanager
async def dead(platform: Platform, children: Sequence[str]) -> AsyncIterator[Outage]:
    """Inside the block these are down; it ends when they are healthy again."""
    left = time.time()
    try:
        with ExitStack() as stack:
            await asyncio.gather(*(asyncio.to_thread(stack.enter_context, platform.away(child)) for child in children))
            outage = Outage(left, time.time())
            yield outage
    finally:
        await asyncio.to_thread(platform.wait_healthy)
    outage.returned = time.monotonic()


@asynccontextmanager
async def silent(platform: Platform, children: Sequence[str]) -> AsyncIterator[Outage]:
    """Inside the block these do nothing, and their connections stay."""
    left = time.time()
    with _stopped(platform, children):
        outage = Outage(left, time.time())
        yield outage
    outage.returned = time.monotonic()


@contextmanager
def _stopped(platform: Platform, children: Sequence[str]) -> Iterator[None]:
    processes = []
    for child in children:
        pid = platform.processes[child].pid
        assert pid is not None
        # The parent first: it must not replace a child that seems to hang. PostgreSQL has one for each connection.
        parent = psutil.Process(pid)
        _signal(parent, signal.SIGSTOP)
        processes += [parent, *parent.children(recursive=True)]
    try:
        for process in processes:
            _signal(process, signal.SIGSTOP)
        yield
    finally:
        for process in reversed(processes):
            _signal(process, signal.SIGCONT)


def _signal(process: psutil.Process, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(process.pid, number)
