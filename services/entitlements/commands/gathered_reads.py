"""Readings that are wanted at the same moment become one: a thousand cold customers are a few questions, not thousands."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, TypeVar

from kit import deadline
from kit.errors import RemoteRefusal

Question = TypeVar("Question")
Answer = TypeVar("Answer")

# Questions of one reading: about ten milliseconds' work of the database, so that others get their turn.
MAX_TOGETHER: Final = 200
# Readings at the same time: beside them the pool has connections left for callers.
MAX_READINGS: Final = 4


class GatheredReads(Generic[Question, Answer]):
    """Asks together what was wanted while others asked. Every answer is of a reading that began after its question."""

    def __init__(self, read: Callable[[Sequence[Question]], Awaitable[Sequence[Answer]]]) -> None:
        self._read = read
        self._waiting: deque[tuple[Question, asyncio.Future[Answer]]] = deque()
        self._readings: set[asyncio.Task[None]] = set()

    async def __call__(self, question: Question) -> Answer:
        """The answer; raises whatever the reading raises."""
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, future))
        if len(self._readings) < MAX_READINGS:
            reading = asyncio.create_task(self._read_waiting())
            self._readings.add(reading)
            reading.add_done_callback(self._readings.discard)
        return await future

    async def close(self) -> None:
        """Ends what is being read."""
        readings = list(self._readings)
        for reading in readings:
            reading.cancel()
        if readings:
            await asyncio.wait(readings)

    async def _read_waiting(self) -> None:
        # On its own time, not on the deadline of whoever asked first.
        deadline.start(None)
        while self._waiting:
            asked = [self._waiting.popleft() for _ in range(min(MAX_TOGETHER, len(self._waiting)))]
            try:
                await self._read_together(asked)
            finally:
                for _, future in asked:
                    # Nobody waits for what was canceled.
                    future.cancel()

    async def _read_together(self, asked: "Sequence[tuple[Question, asyncio.Future[Answer]]]") -> None:
        try:
            answers = await self._read([question for question, _ in asked])
        except RemoteRefusal as refusal:
            if len(asked) == 1:
                _fail(asked, refusal)
                return
            # One question's fault is not another's.
            for each in asked:
                await self._read_together([each])
        except Exception as error:  # noqa: BLE001 - whatever it is, who asked must hear of it.
            _fail(asked, error)
        else:
            for (_, future), answer in zip(asked, answers, strict=True):
                if not future.done():
                    future.set_result(answer)


def _fail(asked: "Sequence[tuple[Question, asyncio.Future[Answer]]]", error: Exception) -> None:
    for _, future in asked:
        if not future.done():
            future.set_exception(error)
