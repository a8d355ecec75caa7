"""Renewal workers killed by SIGKILL at random moments, again and again: no double and no missing invoice."""

import asyncio
import os
import random
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Any

import psycopg
import pytest

from kit.rpc import Registration, Server
from tests.bench._renewal_population import Population
from tests.bench._window_server import Windows
from tests.conftest import MakeDatabase
from tollkeeper.billing.v1 import billing_events_pb2 as events
from tollkeeper.metering.v1.tracker_service_pb2_grpc import add_TrackerServiceServicer_to_server

pytestmark = pytest.mark.timeout(60)

SUBSCRIPTIONS = 240
# Of each, from 1 March to 1 July: the clock starts on 2 July and does not reach August.
RENEWALS = 5
JULY = datetime(2013, 7, 2, 5, tzinfo=UTC)
# A lease of 30 seconds lasts half a second: a worker is still busy with what another one takes over.
SPEED = 60
WORKERS = 3
KILLS = 30


@pytest.fixture
async def metering(resources: AsyncExitStack) -> str:
    """The address of a fake, because it is billing that is killed here; every window tells the same usage."""
    windows = Windows()  # type: ignore[abstract]  # it answers what a renewal asks, and nothing else.
    add = partial(add_TrackerServiceServicer_to_server, windows)
    registrations = [Registration("tollkeeper.metering.v1.TrackerService", add)]
    server = Server("metering", "127.0.0.1:0", registrations, max_concurrent=100)
    await server.start()
    resources.push_async_callback(server.stop, 0)
    return f"127.0.0.1:{server.port}"


@pytest.fixture
def population(make_database: MakeDatabase) -> Population:
    """Subscriptions in February, with a fixed fee, a commitment and usage."""
    made = Population(usage=True, count=SUBSCRIPTIONS, url=make_database("billing"), plain="")
    made.fill()
    return made


class Nursery:
    """Workers that can be killed."""

    def __init__(self, process: Process) -> None:
        self._process = process

    async def start(self) -> str:
        """A new worker's id."""
        return await self.ask("start")

    async def kill(self, worker: str) -> None:
        """Kills a worker, which was alive."""
        assert await self.ask(f"kill {worker}") == str(signal.SIGKILL.value)

    async def ask(self, line: str) -> str:
        """What is answered."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{line}\n".encode())
        return (await asyncio.wait_for(self._process.stdout.readline(), 20)).decode().strip()


@asynccontextmanager
async def nursery(population: Population, metering: str) -> AsyncIterator[Nursery]:
    arguments = ("-m", "tests.faults._renewal_nursery", population.url, metering, JULY.isoformat(), str(SPEED))
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, stdin=PIPE, stdout=PIPE, env=os.environ | {"GRPC_VERBOSITY": "NONE"}
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        assert await asyncio.wait_for(process.stdout.readline(), 20) == b"ready\n"
        yield Nursery(process)
    finally:
        process.stdin.close()
        await process.wait()


async def test_workers_that_are_killed_at_any_moment(population: Population, metering: str) -> None:
    moments = random.Random(8)
    busy = 0
    async with nursery(population, metering) as workers:
        living = [await workers.start() for _ in range(WORKERS)]
        for _ in range(KILLS):
            await asyncio.sleep(moments.uniform(0.02, 0.25))
            await workers.kill(living.pop(moments.randrange(WORKERS)))
            busy += _invoices(population) < SUBSCRIPTIONS * (1 + RENEWALS)
            living.append(await workers.start())
        while _due(population):  # noqa: ASYNC110 - only the database tells what other processes do.
            await asyncio.sleep(0.05)
    # Most of them died while there was work.
    assert busy >= KILLS / 2
    assert_renewed_once(population)
    assert_announced_once(population)


def assert_renewed_once(population: Population) -> None:
    """One invoice for each period, its lines adding up, numbers without gaps, subscriptions where their invoices are."""
    invoices = _rows(population, "SELECT subscription_id, period_number, reason, total FROM invoice")
    assert Counter((row[0], row[1]) for row in invoices) == {
        (f"{row[0]}", number): 1
        for row in _rows(population, "SELECT id FROM subscription")
        for number in range(RENEWALS + 1)
    }
    assert {(row[2], row[3]) for row in invoices} == {("RENEWAL", Decimal(357))}
    assert _rows(population, "SELECT min(number), max(number), count(DISTINCT number) FROM invoice") == [
        (1, len(invoices), len(invoices))
    ]
    assert _rows(population, "SELECT last FROM document_counter WHERE kind = 'INVOICE'") == [(len(invoices),)]
    assert not _rows(
        population,
        """
        SELECT invoice.id FROM invoice LEFT JOIN invoice_line ON invoice_id = invoice.id
        GROUP BY invoice.id HAVING sum(amount) IS DISTINCT FROM total OR count(*) <> 3
        """,
    )
    assert _rows(population, "SELECT DISTINCT period_number, state FROM subscription") == [(RENEWALS + 1, "ACTIVE")]


def assert_announced_once(population: Population) -> None:
    """An event for each invoice and each renewal, and the last one of a subscription tells how it is."""
    told = _rows(population, "SELECT type, payload FROM outbox ORDER BY id")
    finalized = [events.InvoiceFinalized.FromString(row[1]).invoice for row in told if row[0].endswith("Finalized")]
    renewed = [events.SubscriptionRenewed.FromString(row[1]).subscription for row in told if row[0].endswith("Renewed")]
    assert len(told) == len(finalized) + len(renewed)
    stored = _rows(population, f"SELECT id, number FROM invoice WHERE number > {SUBSCRIPTIONS}")
    assert sorted((one.id, one.number) for one in finalized) == sorted((row[0], f"TK-{row[1]:06}") for row in stored)
    last = {one.id: one.revision for one in renewed}
    assert len(renewed) == SUBSCRIPTIONS * RENEWALS
    assert sorted(last.items()) == sorted(_rows(population, "SELECT id, revision FROM subscription"))
    assert len({one.revision for one in renewed}) == len(renewed)


def _due(population: Population) -> bool:
    [(due,)] = _rows(population, f"SELECT count(*) FROM subscription WHERE boundary_time <= '{JULY.isoformat()}'")
    return bool(due)


def _invoices(population: Population) -> int:
    [(count,)] = _rows(population, "SELECT count(*) FROM invoice")
    return int(count)


def _rows(population: Population, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(population.conninfo) as connection:
        return connection.execute(query.encode()).fetchall()
