"""Billing's Stripe client against a running imitation of Stripe over HTTP, and Stripe's messages to a running listener."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from aiohttp import web

from billing.clients import stripe_provider
from billing.clients.stripe_events import StripeEvents
from billing.clients.stripe_provider import StripeProvider
from billing.consumers.payment_webhooks import PATH, PaymentWebhooks
from tests.integration.billing.collection.told import Told
from tests.integration.billing.stripe_imitation import WEBHOOK_SECRET, StripeImitation
from tests.integration.billing.stripe_wire import SECRET_KEY


@pytest.fixture
async def stripe(resources: AsyncExitStack) -> StripeImitation:
    """The imitation, listening."""
    imitation = StripeImitation()
    runner = web.AppRunner(imitation.app(), access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    resources.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    imitation.base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    return imitation


@pytest.fixture
async def provider(stripe: StripeImitation, resources: AsyncExitStack) -> StripeProvider:
    """Billing's client, which tries only once: what trying again does is the official client's, and has its own test."""
    made = StripeProvider(SECRET_KEY, api_base=stripe.base, retries=0)
    resources.push_async_callback(made.close)
    return made


@pytest.fixture
async def told(stripe: StripeImitation) -> AsyncIterator[Told]:
    """What Stripe's messages told: the listener's receiver."""
    receiver = Told()
    webhooks = PaymentWebhooks("127.0.0.1:0", StripeEvents(WEBHOOK_SECRET), receiver)
    listening = asyncio.create_task(webhooks.run())
    port = await webhooks.port()
    stripe.endpoint = f"http://127.0.0.1:{port}{PATH}"
    yield receiver
    while not listening.done():
        listening.cancel()
        await asyncio.wait([listening], timeout=0.5)


@pytest.fixture
def short_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that hangs is given up after half a second instead of a minute."""
    monkeypatch.setattr(stripe_provider, "_CALL_SECONDS", 0.5)
