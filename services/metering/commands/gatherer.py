"""Calls that arrive while a transaction runs wait, and go together in the next one: one commit serves many callers."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import structlog

from kernel.errors import ErrorKind, TollkeeperError

log = structlog.get_logger()

Call = TypeVar("Call")
Reply = TypeVar("Reply")

# Each call's reply, or the error that is its own and nobody else's.
Run = Callable[[Sequence[Call]], Awaitable[Sequence[Reply | TollkeeperError]]]


@dataclass(slots=True)
class _Waiting(Generic[Call, Reply]):
    call: Call
    weight: int
    reply: "asyncio.Future[Reply]"


class Gatherer(Generic[Call, Reply]):
    """Runs what waits, together, one transaction after another.

    If a transaction fails, it is run again call by call: one caller's fault is never another's.
    """

    def __init__(self, run: Run[Call, Reply], *, most_together: int, most_waiting: int) -> None:
        """`run` commits the calls it is given in one transaction; weights are the caller's measure, such as events."""
        self._run = run
        self._most_together = most_together
        self._most_waiting = most_waiting
        self._waiting: deque[_Waiting[Call, Reply]] = deque()
        self._weight = 0
        self._arrived = asyncio.Event()

    async def submit(self, call: Call, *, weight: int) -> Reply:
        """The reply to the call, once it is committed.

        Raises:
            TollkeeperError: Its own; or `OVERLOADED`: too much waits already.
        """
        if self._weight + weight > self._most_waiting and self._waiting:
            raise _overloaded()
        waiting = _Waiting[Call, Reply](call, weight, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        self._weight += weight
        self._arrived.set()
        return await waiting.reply

    async def run(self) -> None:
        """Works until canceled; whoever waits then is told that the service goes away."""
        gathered: list[_Waiting[Call, Reply]] = []
        try:
            while True:
                await self._arrived.wait()
                gathered = self._take()
                if gathered:
                    await self._settle(gathered)
                gathered = []
        finally:
            for waiting in (*gathered, *self._waiting):
                _refuse(waiting, _away())
            self._waiting.clear()
            self._weight = 0

    def _take(self) -> list[_Waiting[Call, Reply]]:
        taken: list[_Waiting[Call, Reply]] = []
        weight = 0
        while self._waiting and (not taken or weight + self._waiting[0].weight <= self._most_together):
            waiting = self._waiting.popleft()
            self._weight -= waiting.weight
            # Its caller may have gone away in the meantime.
            if not waiting.reply.done():
                taken.append(waiting)
                weight += waiting.weight
        if not self._waiting:
            self._arrived.clear()
        return taken

    async def _settle(self, gathered: Sequence[_Waiting[Call, Reply]]) -> None:
        try:
            outcomes = await self._run([waiting.call for waiting in gathered])
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the callers' answer and not the end of the worker.
            await self._settle_apart(gathered, error)
            return
        for waiting, outcome in zip(gathered, outcomes, strict=True):
            if isinstance(outcome, TollkeeperError):
                _refuse(waiting, outcome)
            elif not waiting.reply.done():
                waiting.reply.set_result(outcome)

    async def _settle_apart(self, gathered: Sequence[_Waiting[Call, Reply]], error: Exception) -> None:
        # Where the database is away, each call alone would only wait for it again.
        away = isinstance(error, TollkeeperError) and error.kind is ErrorKind.UNAVAILABLE
        if away or len(gathered) == 1:
            for waiting in gathered:
                _refuse(waiting, error)
            return
        log.warning("gathered_transaction_failed", calls=len(gathered), error=repr(error))
        for waiting in gathered:
            await self._settle([waiting])


def _refuse(waiting: _Waiting[Call, Reply], error: Exception) -> None:
    if not waiting.reply.done():
        waiting.reply.set_exception(error)


def _overloaded() -> TollkeeperError:
    return TollkeeperError(
        ErrorKind.RESOURCE_EXHAUSTED, "OVERLOADED", "Too many calls wait to be written. Retry with backoff."
    )


def _away() -> TollkeeperError:
    return TollkeeperError(
        ErrorKind.UNAVAILABLE,
        "DEPENDENCY_UNAVAILABLE",
        "The service is going away. Repeat the call with the same keys.",
    )
