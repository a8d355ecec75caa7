"""Raises renewal workers quickly, to be killed: ``python -m tests.faults._renewal_nursery URL METERING_ADDRESS NOW SPEED``.

A line on standard input is ``start``, answered with the process id of a new worker, or ``kill`` and such an id, answered with the
signal that ended the worker. Workers are forked from this process, which has everything imported, and all of them end with it. Their
clock starts at NOW and runs so many times as fast as the machine's, so that what a killed one had leased is soon free.
"""

import asyncio
import os
import signal
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from billing.clients.metering import Metering
from billing.commands import cross_boundaries
from kit.client import open_channel
from kit.db import Database
from tests.bench._renewal_worker import renewals

# Small, so that there are many of them to be killed in.
BATCH = 20


@dataclass(frozen=True, slots=True)
class FastClock:
    """Tells a time that passes quickly, and is the same in every worker."""

    began: float
    start: datetime
    speed: int

    def now(self) -> datetime:
        """The present instant, in UTC."""
        return self.start + timedelta(seconds=(time.time() - self.began) * self.speed)


async def work(url: str, metering_address: str, clock: FastClock) -> None:
    """Renews until killed."""
    cross_boundaries.BATCH = BATCH  # type: ignore[attr-defined]  # it comes from `boundaries`, and is read here.
    async with open_channel(metering_address) as channel:
        await renewals(Database(url), Metering(channel), clock).run()


def main(url: str, metering_address: str, now: str, speed: str) -> None:
    """Obeys until standard input ends."""
    clock = FastClock(time.time(), datetime.fromisoformat(now).astimezone(UTC), int(speed))
    living: set[int] = set()
    print("ready", flush=True)
    for line in sys.stdin:
        match line.split():
            case ["start"]:
                child = os.fork()
                if child == 0:
                    sys.stdin.close()
                    asyncio.run(work(url, metering_address, clock))
                    os._exit(0)
                living.add(child)
                print(child, flush=True)
            case ["kill", given]:
                living.remove(int(given))
                print(_kill(int(given)), flush=True)
    for child in living:
        _kill(child)


def _kill(child: int) -> int:
    """The signal that ended our own child; its id cannot be anybody else's before it is waited for."""
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0


if __name__ == "__main__":
    main(*sys.argv[1:])
