"""One way to call, for both kinds of client: within a deadline, again where that is safe, with errors that say what they are.

What is written here as ``async`` waits only through a `Line`. On a `BlockingLine` nothing ever waits for an event loop, so that
`blocking` can run the same code to its end without one: the synchronous clients are the asynchronous ones on another line.
"""

import asyncio
import functools
import random
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Concatenate, Final, ParamSpec, Protocol, TypeVar

import grpc

from tollkeeper.client.channel import MAX_ERROR_BYTES
from tollkeeper.client.errors import (
    ConflictError,
    DeadlineError,
    ExhaustedError,
    TollkeeperError,
    UnavailableError,
    error_of,
)

Response = TypeVar("Response")
Twin = TypeVar("Twin")
Parameters = ParamSpec("Parameters")

# Asks the services to name every mistake of a large batch instead of the first fifty.
_METADATA: Final = (("tollkeeper-error-bytes", str(MAX_ERROR_BYTES)),)


class Line(Protocol):
    """How calls travel, and how one waits."""

    async def invoke(self, method: Any, request: Any, *, timeout: float) -> Any:
        """One attempt."""

    async def pause(self, seconds: float) -> None:
        """Waits."""


class AsyncLine:
    """Waits by the running event loop."""

    async def invoke(self, method: Any, request: Any, *, timeout: float) -> Any:
        """One attempt."""
        return await method(request, timeout=timeout, metadata=_METADATA)

    async def pause(self, seconds: float) -> None:
        """Waits."""
        await asyncio.sleep(seconds)


class BlockingLine:
    """Waits by holding up the thread; its coroutines never suspend."""

    async def invoke(self, method: Any, request: Any, *, timeout: float) -> Any:
        """One attempt."""
        return method(request, timeout=timeout, metadata=_METADATA)

    async def pause(self, seconds: float) -> None:
        """Waits."""
        time.sleep(seconds)  # noqa: ASYNC251 - there is no event loop here: see the module.


@dataclass(frozen=True, slots=True)
class Retries:
    """How often and when a call that failed for a passing reason is made again; always within its deadline.

    Attributes:
        attempts: At most so many in all, 1: none is made again. Enough that the deadline decides: a service that restarts is back in seconds.
        first_pause: Seconds before the second attempt; doubled before each later one.
        greatest_pause: At most so many seconds. Each pause is up to half shorter or longer, so that callers who were cut off
            together do not come back together.
    """

    attempts: int = 30
    first_pause: float = 0.05
    greatest_pause: float = 1.0

    def pause(self, failures: int) -> float:
        """Seconds to wait after so many failures, at least one."""
        pause = min(self.first_pause * float(2 ** min(failures - 1, 30)), self.greatest_pause)
        return pause * random.uniform(0.5, 1.5)  # noqa: S311 - nobody guesses pauses.


class Calls:
    """Makes calls on a line."""

    def __init__(self, line: Line, *, timeout: float, retries: Retries) -> None:
        """`timeout` is the deadline in seconds of a call that names none, all its attempts together."""
        self._line = line
        self._timeout = timeout
        self._retries = retries

    async def __call__(
        self,
        method: "grpc.aio.UnaryUnaryMultiCallable[Any, Response]",
        request: Any,
        *,
        timeout: float | None = None,
        repeatable: bool = True,
    ) -> Response:
        """The answer.

        Args:
            method: Of a stub.
            request: What is sent.
            timeout: The deadline in seconds.
            repeatable: Whether it does no harm to make it twice: it only reads, or carries an idempotency key.

        Raises:
            TollkeeperError: It failed, for good or too often.
        """
        seconds = self._timeout if timeout is None else timeout
        deadline = time.monotonic() + seconds
        failures = 0
        while True:
            try:
                left = max(deadline - time.monotonic(), 0.0)
                answer: Response = await self._line.invoke(method, request, timeout=left)
            except grpc.RpcError as failed:
                failures += 1
                error = error_of(failed)
                pause = self._retries.pause(failures)
                again = repeatable and is_passing(error) and failures < self._retries.attempts
                if not again or time.monotonic() + pause >= deadline:
                    raise error from failed
            else:
                return answer
            await self._line.pause(pause)


def is_passing(error: TollkeeperError) -> bool:
    """Whether the same call may succeed a moment later."""
    match error:
        case UnavailableError() | DeadlineError():
            # Where it was the caller's time that ran out, nothing is left for another attempt.
            return True
        case ConflictError():
            return error.reason == "CONCURRENT_CHANGE"
        case ExhaustedError():
            return error.reason in ("OVERLOADED", "")
        case _:
            return False


class HasAsynchronous(Protocol):
    """A synchronous client: it holds the asynchronous one, on a line that blocks."""

    @property
    def _asynchronous(self) -> Any: ...


def blocking(
    method: Callable[Concatenate[Any, Parameters], Coroutine[Any, Any, Response]],
) -> Callable[Concatenate[Any, Parameters], Response]:
    """The synchronous twin of an asynchronous client's method."""
    return blocking_as(method, lambda response: response)


def blocking_as(
    method: Callable[Concatenate[Any, Parameters], Coroutine[Any, Any, Response]], kind: Callable[[Response], Twin]
) -> Callable[Concatenate[Any, Parameters], Twin]:
    """The same, where the response has a synchronous twin itself."""

    @functools.wraps(method)
    def run(client: HasAsynchronous, *args: Parameters.args, **kwargs: Parameters.kwargs) -> Twin:
        return kind(run_blocking(method(client._asynchronous, *args, **kwargs)))  # noqa: SLF001 - twins.

    return run  # type: ignore[return-value]  # `run` as the class sees it: the client is its `self`.


def run_blocking(coroutine: Coroutine[Any, Any, Response]) -> Response:
    """The result of a coroutine whose line blocks."""
    try:
        coroutine.send(None)
    except StopIteration as ended:
        result: Response = ended.value
        return result
    coroutine.close()
    raise RuntimeError("a blocking line never suspends")
