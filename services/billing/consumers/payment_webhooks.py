"""Stripe's messages over HTTP: how a payment was decided, told the moment it was.

They may come twice, late, in any order, before the answer to the call that made the payment, or never: an outcome is applied once
whoever tells it, and a worker asks for what was not told. So nothing is remembered of a message here.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog
from aiohttp import web

from billing.clients.stripe_events import ForgedEventError, StripeEvents
from billing.domain.collection import Outcome
from kernel.errors import TollkeeperError
from kit import deadline

log = structlog.get_logger()

T = TypeVar("T")

PATH = "/webhooks/stripe"
# Stripe's largest events of payments have about ten kilobytes.
MAX_BODY_BYTES = 256 * 1024
# Stripe sends a body in one go; who takes longer holds a connection for its own sake.
_BODY_SECONDS = 10.0
# Stripe waits for ten seconds and then sends the message again.
_APPLY_SECONDS = 9.0
# Messages at the same time: each may hold a database connection. Others are told to come back, which Stripe does.
_CONCURRENT = 20
# How long what is too large is still read, so that its sender hears the refusal.
_LINGER_SECONDS = 1.0
# Time for running messages to end when the service stops; what is cut off is sent again.
_DRAIN_SECONDS = 5.0

OnOutcome = Callable[[str, Outcome], Awaitable[None]]


class PaymentWebhooks:
    """A worker that listens for Stripe's messages and hands each outcome on."""

    def __init__(self, listen: str, events: StripeEvents, on_outcome: OnOutcome) -> None:
        host, _, port = listen.rpartition(":")
        self._host = host.strip("[]")
        self._port = int(port)
        self._events = events
        self._on_outcome = on_outcome
        self._free = _CONCURRENT
        self._listening: asyncio.Future[int] | None = None

    async def port(self) -> int:
        """The port it listens on, once it does."""
        return await self._announced()

    def _announced(self) -> "asyncio.Future[int]":
        if self._listening is None:
            self._listening = asyncio.get_running_loop().create_future()
        return self._listening

    async def run(self) -> None:
        """Listens until canceled, then lets running messages end."""
        app = web.Application(client_max_size=MAX_BODY_BYTES)
        app.router.add_post(PATH, self._receive)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=_DRAIN_SECONDS, lingering_time=_LINGER_SECONDS)
        try:
            await runner.setup()
            await web.TCPSite(runner, self._host, self._port).start()
            port = runner.addresses[0][1]
            log.info("webhooks_listen", port=port, path=PATH)
            if not self._announced().done():
                self._announced().set_result(port)
            await asyncio.Event().wait()
        finally:
            await _whole(runner.cleanup())

    async def _receive(self, request: web.Request) -> web.Response:
        if not self._free:
            return _answer(503, "Busy. Send it again.")
        self._free -= 1
        try:
            return await self._handle(request)
        finally:
            self._free += 1

    async def _handle(self, request: web.Request) -> web.Response:
        try:
            async with asyncio.timeout(_BODY_SECONDS):
                body = await request.read()
        except TimeoutError:
            return _answer(408, "The body took too long.")
        try:
            event = self._events.read(body, request.headers.get("Stripe-Signature", ""))
        except ForgedEventError as error:
            log.warning("webhook_refused", reason=str(error), remote=request.remote)
            return _answer(400, str(error))
        if event is None:
            return _answer(200, "Ignored.")
        try:
            deadline.start(_APPLY_SECONDS)
            async with asyncio.timeout(_APPLY_SECONDS):
                await self._on_outcome(event.attempt_id, event.outcome)
        except (TollkeeperError, TimeoutError) as error:
            # Nothing is lost: Stripe sends it again, and the worker asks.
            log.warning("webhook_waits", event_id=event.event_id, attempt_id=event.attempt_id, error=str(error))
            return _answer(503, "Not now. Send it again.")
        except Exception:
            log.exception("webhook_failed", event_id=event.event_id, attempt_id=event.attempt_id)
            return _answer(500, "Not applied. Send it again.")
        return _answer(200, "Applied.")


def _answer(status: int, text: str) -> web.Response:
    return web.Response(status=status, text=text + "\n")


async def _whole(ending: Awaitable[T]) -> T:
    """Awaits to the end, though whoever stops the worker cancels it again and again meanwhile."""
    task = asyncio.ensure_future(ending)
    while True:
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.done():
                raise
