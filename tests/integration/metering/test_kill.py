"""Killed in the middle: what was acknowledged is counted, exactly once."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import grpc

from cli import ports
from kernel.errors import TollkeeperError
from kit.client import open_channel
from kit.db import Database
from kit.errors import RemoteRefusal
from metering.settings import MeteringSettings
from tests.integration.metering.conftest import Metering
from tests.integration.metering.fakes import Neighbours
from tests.integration.metering.samples import (
    AVG,
    COUNT,
    ENDLESS,
    JANUARY,
    UNIQUE,
    calculated,
    event,
    metered,
    monthly,
    report,
    tracker,
)
from tests.integration.metering.windows import differing
from tollkeeper.metering.v1 import event_pb2

KILLS = 2
# Each of so many callers sends so many batches of ten events and as many reports.
CALLERS = 12
BATCHES = 30


class Process:
    """``python -m metering serve``, killed and started again on the same port."""

    def __init__(self, settings: MeteringSettings) -> None:
        address = f"127.0.0.1:{ports.free_port()}"
        said = settings.model_dump(exclude_none=True)
        given = {f"TOLLKEEPER_{name.upper()}": str(value) for name, value in said.items()}
        self._environment = {**os.environ, **given, "TOLLKEEPER_LISTEN": address, "TOLLKEEPER_LOG_LEVEL": "ERROR"}
        self.address = address
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Returns at once; calls fail until it serves."""
        command = (sys.executable, "-P", "-m", "metering", "serve")
        self._process = await asyncio.create_subprocess_exec(*command, env=self._environment)

    async def kill(self) -> None:
        """As an accident would."""
        if self._process is not None:
            self._process.kill()
            await self._process.wait()


@asynccontextmanager
async def serving(settings: MeteringSettings) -> AsyncIterator[tuple[Process, Metering]]:
    """The process and a client of it."""
    process = Process(settings)
    database = Database(settings.database_url, pool_size=2)
    await process.start()
    async with open_channel(process.address) as channel:
        await channel.channel_ready()
        yield process, Metering(channel, settings, database)
    await process.kill()
    await database.close()


async def test_acknowledged_events_and_reports_survive_being_killed(
    metering_settings: MeteringSettings, neighbours: Neighbours
) -> None:
    meters = (metered("departures", COUNT), metered("aircraft", UNIQUE, "tail"), metered("delay", AVG, "delay"))
    for feature in (*meters, calculated("gates")):
        neighbours.features[feature.id] = feature
    trackers = [*(tracker(meter.id, monthly()) for meter in meters), tracker("gates", ENDLESS)]
    acknowledged = asyncio.Semaphore(0)
    async with serving(metering_settings) as (process, metering):
        await metering.register(*trackers)

        async def caller(number: int) -> None:
            for batch in range(BATCHES):
                name = f"{number}-{batch}"
                events = [event(f"{name}-{n}", tail=f"N{number}-{n}", delay=n) for n in range(10)]
                await until_acknowledged(metering, events, name)
                acknowledged.release()

        async def killer() -> None:
            for _ in range(KILLS):
                for _ in range(CALLERS * BATCHES // (KILLS + 1)):
                    await acknowledged.acquire()
                await process.kill()
                await process.start()

        await asyncio.gather(killer(), *(caller(number) for number in range(CALLERS)))
        windows = await metering.windows(*trackers, at=JANUARY)
        assert await differing(metering.database, "UA") == 0
    batches = CALLERS * BATCHES
    assert [window.value for window in windows] == [f"{batches * 10}", f"{CALLERS * 10}", "4.5", f"{batches}"]


async def until_acknowledged(metering: Metering, events: Sequence[event_pb2.Event], name: str) -> None:
    """Sends events and a report again after every doubt, with the same keys."""
    while True:
        # Away, or cut off in the middle of a call.
        with contextlib.suppress(TollkeeperError, RemoteRefusal, grpc.aio.AioRpcError):
            await metering.send(*events)
            await metering.report(report(name, "1"))
            return
        await metering.channel.channel_ready()
