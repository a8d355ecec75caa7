"""Invariant 2: whatever callers of several replicas do at once, a hard limit is never passed, and what is written equals a recount."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from random import Random

import pytest
from sqlalchemy import text

from kernel.errors import TollkeeperError
from kit.client import open_channel
from kit.service import running
from metering.settings import MeteringSettings
from metering.wiring import wire
from tests.integration.metering.conftest import Metering
from tests.integration.metering.fakes import Neighbours
from tests.integration.metering.samples import ENDLESS, JANUARY, SET, calculated, monthly, report, tracker
from tollkeeper.metering.v1 import tracker_pb2
from tollkeeper.metering.v1 import tracker_service_pb2 as pb

LIMIT = Decimal(40)
CALLERS, STEPS = 24, 25
RESOURCES = ("", "JFK", "EWR")


@pytest.fixture
async def replicas(metering: Metering, metering_settings: MeteringSettings) -> AsyncIterator[Sequence[Metering]]:
    """Three processes' worth of metering over one store."""
    async with AsyncExitStack() as stack:
        several = [metering]
        for _ in range(2):
            port = await stack.enter_async_context(running("metering", metering_settings, wire))
            channel = await stack.enter_async_context(open_channel(f"127.0.0.1:{port}"))
            several.append(Metering(channel, metering_settings, metering.database))
        yield several


@dataclass
class Seen:
    """What callers were told, to be counted again."""

    written: list[tuple[str, Decimal]] = field(default_factory=list)
    windows: list[tracker_pb2.Window] = field(default_factory=list)
    verdicts: set[int] = field(default_factory=set)
    settled: set[int] = field(default_factory=set)
    held: dict[str, tuple[str, Decimal]] = field(default_factory=dict)


class Caller:
    """Does whatever comes to mind, on whatever replica."""

    def __init__(self, replicas: Sequence[Metering], seen: Seen, number: int) -> None:
        self._replicas = replicas
        self._seen = seen
        self._random = Random(number)
        self._name = f"caller-{number}"
        self._mine: list[str] = []

    async def run(self) -> None:
        """So many steps."""
        for step in range(STEPS):
            if self._mine and self._random.random() < 0.35:
                await self._settle(self._mine.pop(self._random.randrange(len(self._mine))))
            else:
                await self._report(f"{self._name}-{step}")

    async def _report(self, key: str) -> None:
        random = self._random
        kind = random.choice(["enforce", "partial", "reserve", "reserve", "lower", "set"])
        amount = str(-random.randint(1, 5) if kind == "lower" else random.randint(1, 9))
        resource = random.choice(RESOURCES)
        sent = report(key, amount, resource=resource, limit=str(LIMIT), partial=kind == "partial")
        if kind == "set":
            sent.update_behavior = SET
        if kind == "reserve":
            # Some lapse meanwhile.
            sent.reserve_for.FromTimedelta(timedelta(seconds=random.choice([1, 600])))
            sent.partial = random.random() < 0.5
        # Repeated on another replica, as after a lost reply.
        (first,) = await random.choice(self._replicas).report(sent)
        (again,) = await random.choice(self._replicas).report(sent)
        for outcome in (first, again):
            self._seen.windows.append(outcome.window)
            self._seen.verdicts.add(outcome.verdict)
        if first.verdict in {pb.REPORT_VERDICT_WRITTEN, pb.REPORT_VERDICT_RESERVED}:
            assert (again.verdict, again.window, again.written_value) == (
                pb.REPORT_VERDICT_REPEATED,
                first.window,
                first.written_value,
            )
        for outcome in (first, again):
            value = Decimal(outcome.written_value or "0")
            if outcome.verdict == pb.REPORT_VERDICT_WRITTEN:
                self._seen.written.append((resource, value))
            if outcome.verdict == pb.REPORT_VERDICT_RESERVED:
                self._seen.held[outcome.reservation.id] = (resource, value)
                self._mine.append(outcome.reservation.id)

    async def _settle(self, name: str) -> None:
        resource, value = self._seen.held[name]
        settlement = pb.ReservationSettlement(customer_id="UA", reservation_id=name)
        if self._random.random() < 0.5:
            settlement.release = True
        else:
            settlement.commit = str(self._random.randint(1, int(value)))
        both = await asyncio.gather(*(self._random.choice(self._replicas).settle(settlement) for _ in range(2)))
        (first,), (again,) = both
        assert (first.verdict, first.written_value) == (again.verdict, again.written_value)
        self._seen.settled.add(first.verdict)
        self._seen.windows += [first.window, again.window]
        del self._seen.held[name]
        if first.verdict == pb.SETTLEMENT_VERDICT_COMMITTED:
            self._seen.written.append((resource, Decimal(first.written_value)))


async def test_no_mix_of_callers_passes_a_limit(replicas: Sequence[Metering], neighbours: Neighbours) -> None:
    neighbours.features["gates"] = calculated("gates")
    trackers = [tracker("gates", periods, resource=one) for one in RESOURCES for periods in (ENDLESS, monthly())]
    await replicas[0].register(*trackers)
    seen = Seen()
    await asyncio.gather(*(Caller(replicas, seen, number).run() for number in range(CALLERS)))

    # Every change was told to somebody: so these are all the moments there were.
    for window in seen.windows:
        assert 0 <= Decimal(window.value) <= LIMIT
        assert Decimal(window.value) + Decimal(window.reserved or "0") <= LIMIT
    assert {pb.REPORT_VERDICT_WRITTEN, pb.REPORT_VERDICT_RESERVED, pb.REPORT_VERDICT_LIMIT_EXCEEDED} <= seen.verdicts
    assert {pb.SETTLEMENT_VERDICT_COMMITTED, pb.SETTLEMENT_VERDICT_RELEASED} <= seen.settled

    # What is still held is released; what lapsed already is the same then.
    for name in seen.held:
        await replicas[0].settle(pb.ReservationSettlement(customer_id="UA", reservation_id=name, release=True))
    windows = await replicas[1].windows(*trackers, at=JANUARY)
    async with replicas[0].database.read() as connection:
        stored = (await connection.execute(text("SELECT resource_id, delta FROM measurement"))).all()
    for one, window in zip(trackers, windows, strict=True):
        resource = one.series.resource_id
        told = sum(value for name, value in seen.written if resource in {"", name})
        kept = sum(delta for name, delta in stored if resource in {"", name})
        assert (Decimal(window.value), window.reserved) == (told, "")
        assert told == kept


_CUT = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND query ~ 'FROM series|measurement|COMMIT|BEGIN'
"""


async def test_a_connection_lost_in_the_middle_counts_nothing_twice(metering: Metering, neighbours: Neighbours) -> None:
    neighbours.features["gates"] = calculated("gates")

    async def send(number: int) -> None:
        while True:
            with contextlib.suppress(TollkeeperError):
                (outcome,) = await metering.report(report(f"{number}", "1", limit="1000"))
                assert outcome.verdict in {pb.REPORT_VERDICT_WRITTEN, pb.REPORT_VERDICT_REPEATED}
                return

    async def cut() -> None:
        for _ in range(15):
            async with metering.database.write() as connection:
                await connection.execute(text(_CUT))

    for start in range(0, 300, 50):
        await asyncio.gather(*(send(number) for number in range(start, start + 50)), cut())
    assert await metering.value(tracker("gates", ENDLESS), JANUARY) == "300"
