"""What waits travels to metering together, and commits together there."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, TypeVar

from entitlements.clients.metering import MAX_BATCH
from kernel.errors import ErrorKind, TollkeeperError
from kit import deadline
from kit.errors import RemoteRefusal

# What waits: a hundred times what travels together; whoever comes then is told to come back.
MAX_WAITING: Final = 20_000

# Where so many travelled together last time, many are on their way: for so long they are waited for, about as long as a call takes.
MANY: Final = 8
GATHERING_SECONDS: Final = 0.004

Item = TypeVar("Item")
Result = TypeVar("Result")

Send = Callable[[Sequence[Item]], Awaitable[Sequence[Result]]]
# What becomes of a thing that was refused alone.
Mend = Callable[[Item, RemoteRefusal], Awaitable[Result]]


class Gather(Generic[Item, Result]):
    """Sends what arrived while the call before was under way; where that were many, others may still come along for a moment. Each
    caller waits on its own deadline.
    """

    def __init__(self, send: Send[Item, Result], mend: Mend[Item, Result]) -> None:
        self._call = send
        self._mend = mend
        self._waiting: deque[tuple[Item, asyncio.Future[Result]]] = deque()
        self._wake = asyncio.Event()

    async def __call__(self, item: Item) -> Result:
        """What became of it.

        Raises:
            TollkeeperError: `DEADLINE_EXCEEDED` or `DEPENDENCY_UNAVAILABLE`: it may have been written or not, and is to be
                repeated as it is; `OVERLOADED`: it was not.
        """
        if len(self._waiting) >= MAX_WAITING:
            message = "Too many reports wait for metering. Retry with backoff."
            raise TollkeeperError(ErrorKind.RESOURCE_EXHAUSTED, "OVERLOADED", message)
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()
        self._waiting.append((item, future))
        self._wake.set()
        # Half the price of `asyncio.timeout`.
        timer = loop.call_later(deadline.remaining(), _give_up, future)
        try:
            return await future
        finally:
            timer.cancel()

    async def run(self) -> None:
        """Sends until canceled."""
        deadline.start(None)
        last = 0
        while True:
            await self._wake.wait()
            self._wake.clear()
            if last >= MANY:
                # Each call costs the three of us as much as ten reports do.
                await asyncio.sleep(GATHERING_SECONDS)
            while self._waiting:
                last = len(self._waiting)
                # A caller that left before its report did is not sent.
                batch = [self._waiting.popleft() for _ in range(min(MAX_BATCH, len(self._waiting)))]
                batch = [waiting for waiting in batch if not waiting[1].done()]
                if batch:
                    await self._send(batch)

    async def _send(self, batch: "Sequence[tuple[Item, asyncio.Future[Result]]]") -> None:
        try:
            results = await self._call([item for item, _ in batch])
        except RemoteRefusal as refusal:
            # Refused whole: one report's fault is not another's.
            if len(batch) > 1:
                for waiting in batch:
                    await self._send([waiting])
            else:
                await self._send_again(*batch[0], refusal)
        except Exception as error:  # noqa: BLE001 - whatever it is, its callers must hear of it.
            for _, future in batch:
                _fail(future, _unknown(error))
        else:
            for (_, future), result in zip(batch, results, strict=True):
                if not future.done():
                    future.set_result(result)

    async def _send_again(self, item: Item, future: "asyncio.Future[Result]", refusal: RemoteRefusal) -> None:
        try:
            result = await self._mend(item, refusal)
        except RemoteRefusal as error:
            _fail(future, error)
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller must hear of it.
            _fail(future, _unknown(error))
        else:
            if not future.done():
                future.set_result(result)


def _give_up(future: "asyncio.Future[Result]") -> None:
    message = (
        "Metering did not answer in time: it may have been written or not. "
        "Repeat it as it is, a report with the same idempotency key."
    )
    _fail(future, TollkeeperError(ErrorKind.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED", message))


def _fail(future: "asyncio.Future[Result]", error: Exception) -> None:
    if not future.done():
        future.set_exception(error)


def _unknown(error: Exception) -> Exception:
    if not isinstance(error, TollkeeperError):
        return error
    message = (
        "Metering cannot be reached: it may have been written or not. "
        "Repeat it as it is, a report with the same idempotency key."
    )
    return TollkeeperError(ErrorKind.UNAVAILABLE, "DEPENDENCY_UNAVAILABLE", message)
