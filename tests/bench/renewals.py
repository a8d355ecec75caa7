"""Renewals a second, without usage and with, at 1,000 and at 100,000 subscriptions that are all due; beside a plain insert of the
same rows.

Every renewal charges a fixed fee and a commitment in advance, and with usage what was used in the month that ended; it asks again
for the month before. Workers are processes of their own; so is what stands in for metering.
"""

import asyncio
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from statistics import median

import psycopg

from billing.commands.boundaries import BATCH
from cli.embedded.postgres import EmbeddedPostgres
from tests.bench._renewal_copy import read_rows, write_rows
from tests.bench._renewal_population import MARCH, Population, populate
from tests.bench.yardstick import Aim, Measurement

NAME = "renewals"

FEW, MANY = 1_000, 100_000
# Renewed in one round, of either size.
RENEWALS = 3_000
ROUNDS = 5
# Two cores; while one worker waits for PostgreSQL, or for the numbers of invoices, another one computes.
WORKERS = 2


@dataclass(slots=True)
class _Case:
    """One of the four benchmarks, and what its rounds found."""

    population: Population
    rates: list[float] = field(default_factory=list)
    yards: list[float] = field(default_factory=list)

    @property
    def name(self) -> str:
        usage = "_usage" if self.population.usage else ""
        return NAME + usage + ("" if self.population.count == MANY else f"_{self.population.count}")


async def run() -> list[Measurement]:
    """Four rates beside their yardsticks, and how the cost grows with the number of subscriptions."""
    async with AsyncExitStack() as stack:
        postgres = stack.enter_context(EmbeddedPostgres())
        cases = [
            _Case(await asyncio.to_thread(populate, postgres, usage=usage, count=count))
            for usage in (False, True)
            for count in (MANY, FEW)
        ]
        workers = await stack.enter_async_context(_workers())
        for case in cases:
            await _round(case, workers, renewals=FEW)
        for case in cases:
            case.rates.clear()
            case.yards.clear()
        for _ in range(ROUNDS):
            for case in cases:
                await _round(case, workers, renewals=RENEWALS)
    fixed, usage = cases[:2], cases[2:]
    growth = _growth("renewal_growth", *fixed, aim=Aim(value=1.2, less=True))
    return [*(_measurement(case) for case in cases), growth, _growth("renewal_usage_growth", *usage)]


async def _round(case: _Case, workers: list[Process], *, renewals: int) -> None:
    population = case.population
    took, renewed, copied = 0.0, 0, 0.0
    while renewed < renewals:
        before = await asyncio.to_thread(_invoices, population.conninfo)
        share = -(-min(renewals, population.count) // (BATCH * WORKERS))
        took += await _renew(
            population.url, workers, batches=share if population.count > renewals else population.count
        )
        after = await asyncio.to_thread(_invoices, population.conninfo)
        chunks = await asyncio.to_thread(
            read_rows, population.conninfo, seeded=population.count, before=before, size=BATCH
        )
        assert sum(chunk.count for chunk in chunks) == after - before > 0
        rate = await asyncio.to_thread(write_rows, population.plain, chunks)
        copied += (after - before) / rate
        renewed += after - before
        if population.count == FEW:
            await asyncio.to_thread(population.rewind)
    case.rates.append(renewed / took)
    case.yards.append(renewed / copied)


async def _renew(url: str, workers: list[Process], *, batches: int) -> float:
    began = time.perf_counter()
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write(f"{url} {MARCH.isoformat()} {batches}\n".encode())
    for worker in workers:
        assert worker.stdout is not None
        assert await asyncio.wait_for(worker.stdout.readline(), 60) == b"done\n"
    return time.perf_counter() - began


def _invoices(conninfo: str) -> int:
    with psycopg.connect(conninfo) as connection:
        row = connection.execute("SELECT max(number) FROM invoice").fetchone()
    assert row is not None
    return int(row[0])


def _measurement(case: _Case) -> Measurement:
    lines = "fixed fee, commitment" + (" and usage" if case.population.usage else "")
    ratios = [rate / yard for rate, yard in zip(case.rates, case.yards, strict=True)]
    return Measurement(
        name=case.name,
        value=median(case.rates),
        unit="renewals/s",
        yardstick="COPY of the same rows",
        yardstick_value=median(case.yards),
        ratio=median(ratios),
        note=f"{case.population.count:,} subscriptions due: {lines}; {WORKERS} workers",
        aim=Aim(value=1_000, ratio=0.2) if case.name == NAME else None,
    )


def _growth(name: str, many: _Case, few: _Case, *, aim: Aim | None = None) -> Measurement:
    growth = [small / large for small, large in zip(few.rates, many.rates, strict=True)]
    return Measurement(
        name=name,
        value=median(growth),
        unit="times the cost",
        yardstick=f"renewals at {few.population.count:,} subscriptions",
        note=f"at {many.population.count:,} subscriptions; less is better",
        aim=aim,
    )


@asynccontextmanager
async def _workers() -> AsyncIterator[list[Process]]:
    started: list[Process] = []
    try:
        metering = await asyncio.create_subprocess_exec(sys.executable, "-m", "tests.bench._window_server", stdout=PIPE)
        started.append(metering)
        assert metering.stdout is not None
        address = f"127.0.0.1:{int(await metering.stdout.readline())}"
        for _ in range(WORKERS):
            arguments = ("-m", "tests.bench._renewal_worker", address)
            started.append(await asyncio.create_subprocess_exec(sys.executable, *arguments, stdin=PIPE, stdout=PIPE))
        yield started[1:]
    finally:
        for process in started:
            process.terminate()
            await process.wait()
