"""The way in: the clients of all services behind one set of addresses, deadlines and tokens."""

import weakref
from collections.abc import Iterable, Mapping
from functools import cached_property
from types import TracebackType
from typing import Any, Self, TypeVar

import grpc

from tollkeeper.client.calling import AsyncLine, BlockingLine, Calls, Line, Retries, blocking
from tollkeeper.client.channel import Address, Channels
from tollkeeper.client.consistency import Tokens
from tollkeeper.client.entitlements import AsyncEntitlements, Entitlements
from tollkeeper.client.grants import AsyncGrants, AsyncRevocations, Grants, Revocations
from tollkeeper.client.metering import AsyncMetering, Metering
from tollkeeper.client.own_usage import OwnUsage
from tollkeeper.client.projection.fallback import Fallback
from tollkeeper.client.projection.projection import (
    MAX_CUSTOMERS,
    EntitlementsProjection,
    OnChange,
    OnConnection,
)
from tollkeeper.client.reporter.queue import WhenFull
from tollkeeper.client.reporter.reporter import OnError, UsageReporter

Stub = TypeVar("Stub")
Response = TypeVar("Response")


class _Services:
    """What both kinds of client are made of."""

    _asynchronous_channels: bool

    def __init__(
        self,
        *,
        catalog: Address = "127.0.0.1:7401",
        metering: Address = "127.0.0.1:7402",
        entitlements: Address = "127.0.0.1:7403",
        billing: Address = "127.0.0.1:7404",
        timeout: float = 5.0,
        retries: Retries | None = None,
        credentials: grpc.ChannelCredentials | None = None,
    ) -> None:
        """Nothing is connected before the first call.

        Args:
            catalog: "host:port" of the service, or several IP addresses with ports, which take turns.
            metering: The same.
            entitlements: The same.
            billing: The same.
            timeout: The deadline in seconds of calls that name none, their retries included.
            retries: How often and when a call that failed for a passing reason is made again.
            credentials: Without them connections are not encrypted.

        Raises:
            ValueError: An address is none.
        """
        self._addresses = {"catalog": catalog, "metering": metering, "entitlements": entitlements, "billing": billing}
        self._credentials = credentials
        self._projections: weakref.WeakSet[EntitlementsProjection] = weakref.WeakSet()
        self._channels = Channels(self._addresses, credentials=credentials, asynchronous=self._asynchronous_channels)
        line: Line = AsyncLine() if self._asynchronous_channels else BlockingLine()
        self.calls = Calls(line, timeout=timeout, retries=retries or Retries())
        self.tokens = Tokens()

    def stub(self, kind: type[Stub]) -> Stub:
        """A generated stub on the channel of its service, for everything else that the contracts offer; see `call`."""
        return self._channels.stub(kind)

    def projection(
        self,
        *,
        customer_ids: Iterable[str] = (),
        fallback: Fallback | None = None,
        fallbacks: Mapping[str, Fallback] | None = None,
        max_customers: int = MAX_CUSTOMERS,
        on_change: OnChange | None = None,
        on_connection: OnConnection | None = None,
    ) -> EntitlementsProjection:
        """Checks in this process; what this client reports is in them at once. See `EntitlementsProjection`; the caller closes it."""
        projection = EntitlementsProjection(
            self._addresses["entitlements"],
            customer_ids=customer_ids,
            fallback=fallback,
            fallbacks=fallbacks,
            max_customers=max_customers,
            on_change=on_change,
            on_connection=on_connection,
            credentials=self._credentials,
        )
        self._projections.add(projection)
        return projection

    def reporter(
        self,
        *,
        flush_seconds: float = 1.0,
        flush_events: int = 1_000,
        max_events: int = 100_000,
        when_full: WhenFull = WhenFull.BLOCK,
        block_seconds: float = 5.0,
        close_seconds: float = 10.0,
        on_error: OnError | None = None,
    ) -> UsageReporter:
        """Raw events sent in the background; answers to this client include what it sent. See `UsageReporter`; the caller closes it."""
        return UsageReporter(
            self._addresses["metering"],
            flush_seconds=flush_seconds,
            flush_events=flush_events,
            max_events=max_events,
            when_full=when_full,
            block_seconds=block_seconds,
            close_seconds=close_seconds,
            on_error=on_error,
            credentials=self._credentials,
            tokens=self.tokens,
        )

    def _tell(self, usage: OwnUsage) -> None:
        for projection in list(self._projections):
            projection.tell(usage)


async def _call(
    services: _Services,
    method: "grpc.aio.UnaryUnaryMultiCallable[Any, Response]",
    request: Any,
    *,
    customer_id: str = "",
    timeout: float | None = None,
    repeatable: bool = False,
) -> Response:
    """Calls a method of a `stub`, with this client's deadline and errors.

    Args:
        services: This client.
        method: Of a stub.
        request: Its message.
        customer_id: Whose later answers include what it wrote, if it returns a token.
        timeout: The deadline in seconds.
        repeatable: Whether it may be sent again after a passing failure: it only reads, or carries a request id.

    Raises:
        TollkeeperError: It failed.
    """
    answer = await services.calls(method, request, timeout=timeout, repeatable=repeatable)
    token = getattr(answer, "token", "")
    if customer_id and token:
        services.tokens.remember(customer_id, token)
    return answer


class AsyncTollkeeper(_Services):
    """The services of one Tollkeeper, for `asyncio`: made once, and used by all tasks of one event loop.

    Attributes:
        tokens: What this client wrote, for its later answers to include; `tokens.remember` adds what was written elsewhere.
    """

    _asynchronous_channels = True
    call = _call

    @cached_property
    def entitlements(self) -> AsyncEntitlements:
        """Checks, reports, reservations."""
        return AsyncEntitlements(self.calls, self._channels, self.tokens, self._tell)

    @cached_property
    def metering(self) -> AsyncMetering:
        """Raw events and usage."""
        return AsyncMetering(self.calls, self._channels, self.tokens)

    @cached_property
    def grants(self) -> AsyncGrants:
        """Promotional grants."""
        return AsyncGrants(self.calls, self._channels, self.tokens)

    @cached_property
    def revocations(self) -> AsyncRevocations:
        """Features taken from customers."""
        return AsyncRevocations(self.calls, self._channels, self.tokens)

    async def close(self) -> None:
        """Closes the connections; a later call opens new ones."""
        for channel in self._channels.take():
            await channel.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.close()


class Tollkeeper(_Services):
    """The services of one Tollkeeper: made once, and used by all threads.

    Attributes:
        tokens: What this client wrote, for its later answers to include; `tokens.remember` adds what was written elsewhere.
    """

    _asynchronous_channels = False
    call = blocking(_call)

    @property
    def _asynchronous(self) -> Self:
        return self

    @cached_property
    def entitlements(self) -> Entitlements:
        """Checks, reports, reservations."""
        return Entitlements(AsyncEntitlements(self.calls, self._channels, self.tokens, self._tell))

    @cached_property
    def metering(self) -> Metering:
        """Raw events and usage."""
        return Metering(AsyncMetering(self.calls, self._channels, self.tokens))

    @cached_property
    def grants(self) -> Grants:
        """Promotional grants."""
        return Grants(AsyncGrants(self.calls, self._channels, self.tokens))

    @cached_property
    def revocations(self) -> Revocations:
        """Features taken from customers."""
        return Revocations(AsyncRevocations(self.calls, self._channels, self.tokens))

    def close(self) -> None:
        """Closes the connections; a later call opens new ones."""
        for channel in self._channels.take():
            channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()
