"""Readings that are wanted at the same moment become one, and one question's fault is not another's."""

import asyncio
from collections.abc import Sequence

import grpc
import pytest

from entitlements.commands.gathered_reads import MAX_READINGS, MAX_TOGETHER, GatheredReads
from kernel.errors import ErrorKind, TollkeeperError
from kit.errors import RemoteRefusal


class _Reader:
    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.begun: asyncio.Queue[None] = asyncio.Queue()
        self.gate: asyncio.Event | None = None
        self.away = False

    async def __call__(self, questions: Sequence[int]) -> Sequence[int]:
        self.batches.append(list(questions))
        self.begun.put_nowait(None)
        if self.gate is not None:
            await self.gate.wait()
        if self.away:
            raise TollkeeperError(ErrorKind.UNAVAILABLE, "DEPENDENCY_UNAVAILABLE", "Away.")
        if -1 in questions:
            raise RemoteRefusal(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD", "One of them is wrong.", {})
        return [question * 2 for question in questions]


async def test_what_is_asked_at_the_same_moment_is_read_together() -> None:
    reader = _Reader()
    reads = GatheredReads(reader)
    count = MAX_TOGETHER + 50
    assert await asyncio.gather(*map(reads, range(count))) == [number * 2 for number in range(count)]
    assert [len(batch) for batch in reader.batches] == [MAX_TOGETHER, 50]


async def test_who_comes_while_all_read_waits_for_a_reading_of_its_own() -> None:
    reader = _Reader()
    reader.gate = asyncio.Event()
    reads = GatheredReads(reader)
    running = []
    for number in range(MAX_READINGS):
        running.append(asyncio.create_task(reads(number)))
        await reader.begun.get()
    late = [asyncio.create_task(reads(number)) for number in (100, 101)]
    await asyncio.sleep(0)
    assert len(reader.batches) == MAX_READINGS
    reader.gate.set()
    assert await asyncio.gather(*late) == [200, 202]
    assert [100, 101] in reader.batches
    await asyncio.gather(*running)


async def test_one_that_is_refused_is_refused_alone() -> None:
    reads = GatheredReads(_Reader())
    one, wrong, other = await asyncio.gather(reads(1), reads(-1), reads(2), return_exceptions=True)
    assert (one, other) == (2, 4)
    assert isinstance(wrong, RemoteRefusal)


async def test_whoever_asks_hears_that_nobody_answers() -> None:
    reader = _Reader()
    reader.away = True
    reads = GatheredReads(reader)
    outcomes = await asyncio.gather(reads(1), reads(2), return_exceptions=True)
    assert [isinstance(outcome, TollkeeperError) for outcome in outcomes] == [True, True]
    # An owner that is away is asked once, not once for each of them.
    assert len(reader.batches) == 1


async def test_what_is_being_read_ends_with_the_service() -> None:
    reader = _Reader()
    reader.gate = asyncio.Event()
    reads = GatheredReads(reader)
    waiting = asyncio.create_task(reads(1))
    await reader.begun.get()
    await reads.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting
