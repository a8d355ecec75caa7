"""Single flight: of many who want the same work at the same time, one does it, and all get its outcome."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from kernel.errors import ErrorKind, TollkeeperError
from kit import deadline

T = TypeVar("T")


class SharedRuns(Generic[T]):
    """Runs of work by key, one at a time for each key.

    Work runs on its own time, not on the deadline of whoever asked first; each caller waits as long as its own allows.
    """

    def __init__(self) -> None:
        self._running: dict[str, asyncio.Task[T]] = {}
        self._waiting: dict[str, asyncio.Task[T]] = {}

    async def fresh(self, key: str, work: Callable[[], Awaitable[T]]) -> T:
        """The outcome of a run that begins after this call.

        Raises:
            TollkeeperError: `DEPENDENCY_UNAVAILABLE`: the caller's time ran out first. And whatever the work raises.
        """
        task = self._waiting.get(key)
        if task is None:
            task = self._waiting[key] = asyncio.create_task(self._run(key, work))
            task.add_done_callback(_retrieve)
        return await _outcome(task)

    async def joined(self, key: str, work: Callable[[], Awaitable[T]]) -> T:
        """The outcome of the run that is under way, or else of a new one; raises as `fresh` does."""
        running = self._running.get(key)
        return await (_outcome(running) if running is not None else self.fresh(key, work))

    async def close(self) -> None:
        """Ends what runs; nobody waits for it any more."""
        tasks = [*self._running.values(), *self._waiting.values()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _run(self, key: str, work: Callable[[], Awaitable[T]]) -> T:
        deadline.start(None)
        task = self._waiting[key]
        try:
            before = self._running.get(key)
            if before is not None:
                await asyncio.wait([before])
        finally:
            del self._waiting[key]
        self._running[key] = task
        try:
            return await work()
        finally:
            if self._running.get(key) is task:
                del self._running[key]


async def _outcome(task: "asyncio.Task[T]") -> T:
    done, _ = await asyncio.wait([task], timeout=deadline.remaining())
    if not done:
        message = "What this answer needs was not known in time. Retry with backoff."
        raise TollkeeperError(ErrorKind.UNAVAILABLE, "DEPENDENCY_UNAVAILABLE", message)
    return task.result()


def _retrieve(task: "asyncio.Task[T]") -> None:
    # Everybody who waited may have left: an outcome that nobody takes is no fault.
    if not task.cancelled():
        task.exception()
