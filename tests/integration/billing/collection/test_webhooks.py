"""Stripe's messages over HTTP to billing's listener: signed as Stripe documents it, by code that is not the client's."""

import asyncio
import json
from typing import Any

import aiohttp
import pytest

from billing.clients.stripe_events import StripeEvents
from billing.clients.stripe_provider import StripeProvider
from billing.consumers.payment_webhooks import MAX_BODY_BYTES, PATH, PaymentWebhooks
from billing.domain.collection import Canceled, Failed, Succeeded
from kernel.errors import ErrorKind, TollkeeperError
from tests.integration.billing.collection.told import Told, charge_by
from tests.integration.billing.stripe_imitation import WEBHOOK_SECRET, StripeImitation


def event(kind: str = "payment_intent.succeeded", **intent: Any) -> dict[str, Any]:
    payment = {"id": "pi_1", "object": "payment_intent", "metadata": {"tollkeeper_attempt_id": "pay_1"}} | intent
    return {"id": "evt_1", "object": "event", "type": kind, "data": {"object": payment}}


async def test_a_message_comes_before_the_reply(stripe: StripeImitation, provider: StripeProvider, told: Told) -> None:
    stripe.deliver_at_once = True
    outcome = await provider.charge(await charge_by(provider))
    assert told.outcomes == [("pay_0001", outcome)]


async def test_decisions_are_told(stripe: StripeImitation, told: Told) -> None:
    error = {"type": "card_error", "code": "insufficient_funds", "message": "No money."}
    assert await stripe.deliver(event()) == 200
    assert await stripe.deliver(event("payment_intent.payment_failed", last_payment_error=error)) == 200
    assert await stripe.deliver(event("payment_intent.payment_failed")) == 200
    assert await stripe.deliver(event("payment_intent.canceled")) == 200
    assert told.outcomes == [
        ("pay_1", Succeeded("pi_1")),
        ("pay_1", Failed("pi_1", "insufficient_funds", "No money.")),
        ("pay_1", Failed("pi_1", "payment_failed", "The payment failed.")),
        ("pay_1", Canceled("pi_1")),
    ]


async def test_a_message_that_comes_twice_is_told_twice_and_applied_by_state(
    stripe: StripeImitation, told: Told
) -> None:
    message = event()
    assert [await stripe.deliver(message), await stripe.deliver(message)] == [200, 200]
    assert told.outcomes == [("pay_1", Succeeded("pi_1"))] * 2


@pytest.mark.parametrize(
    "message",
    [
        event("customer.created"),
        event("payment_intent.processing"),
        event("invented.by.stripe"),
        event(metadata={}),
        event(metadata=None),
        event(metadata={"tollkeeper_attempt_id": "\u0000"}),
        {"id": "evt_2", "object": "event", "type": "payment_intent.succeeded", "data": {}},
    ],
)
async def test_what_does_not_concern_us_is_taken_and_ignored(
    stripe: StripeImitation, told: Told, message: dict[str, Any]
) -> None:
    assert await stripe.deliver(message) == 200
    assert told.outcomes == []


async def test_forged_old_and_broken_messages_are_refused(stripe: StripeImitation, told: Told) -> None:
    assert await stripe.deliver(event(), secret="whsec_other") == 400  # noqa: S106 - of nobody.
    assert await stripe.deliver(event(), age=301) == 400
    assert await stripe.deliver(event(), age=290) == 200
    assert await stripe.deliver({}, body=b"not json") == 400
    assert await stripe.deliver({}, body=b"\xff\xfe") == 400
    assert await stripe.deliver({}, body=b"[]") == 400
    assert await stripe.deliver({}, body=b'{"object": "v2.core.event"}') == 400
    assert len(told.outcomes) == 1


@pytest.mark.parametrize("header", [None, "", "t=1", "v1=ab", "t=x,v1=y", "t=1,v1=", "nonsense", "t=1,v0=aa"])
async def test_a_header_that_is_no_signature_is_refused(
    stripe: StripeImitation, told: Told, header: str | None
) -> None:
    headers = {} if header is None else {"Stripe-Signature": header}
    data = json.dumps(event())
    async with aiohttp.ClientSession() as session, session.post(stripe.endpoint, data=data, headers=headers) as answer:
        assert answer.status == 400
        assert "whsec" not in await answer.text()
    assert told.outcomes == []


async def test_the_body_is_bounded(stripe: StripeImitation, told: Told) -> None:
    padded = json.dumps(event()).encode()
    assert await stripe.deliver({}, body=padded + b" " * (MAX_BODY_BYTES - len(padded))) == 200
    assert await stripe.deliver({}, body=padded + b" " * (MAX_BODY_BYTES - len(padded) + 1)) == 413

    async def endless() -> Any:
        for _ in range(100):
            yield b" " * 65_536

    async with aiohttp.ClientSession() as session, session.post(stripe.endpoint, data=endless()) as answer:
        assert answer.status == 413
    assert len(told.outcomes) == 1


async def test_other_addresses_and_methods_are_refused(stripe: StripeImitation, told: Told) -> None:
    async with aiohttp.ClientSession() as session:
        async with session.get(stripe.endpoint) as answer:
            assert answer.status == 405
        async with session.post(stripe.endpoint + "/more") as answer:
            assert answer.status == 404


async def test_what_cannot_be_applied_now_is_sent_again(stripe: StripeImitation, told: Told) -> None:
    told.error = TollkeeperError(ErrorKind.UNAVAILABLE, "DEPENDENCY_UNAVAILABLE", "The store is away.")
    assert await stripe.deliver(event()) == 503
    told.error = RuntimeError("a fault of ours")
    assert await stripe.deliver(event()) == 500
    told.error = None
    assert await stripe.deliver(event()) == 200
    assert told.outcomes == [("pay_1", Succeeded("pi_1"))]


async def test_too_many_at_once_are_sent_again(stripe: StripeImitation, told: Told) -> None:
    told.release = asyncio.Event()
    running = [asyncio.create_task(stripe.deliver(event())) for _ in range(21)]
    done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
    assert [task.result() for task in done] == [503]
    told.release.set()
    assert sorted(await asyncio.gather(*running)) == [200] * 20 + [503]


async def test_stopping_lets_a_running_message_end_and_frees_the_port(stripe: StripeImitation) -> None:
    receiver = Told()
    receiver.release = asyncio.Event()
    webhooks = PaymentWebhooks("127.0.0.1:0", StripeEvents(WEBHOOK_SECRET), receiver)
    listening = asyncio.create_task(webhooks.run())
    port = await webhooks.port()
    stripe.endpoint = f"http://127.0.0.1:{port}{PATH}"
    delivering = asyncio.create_task(stripe.deliver(event()))
    await receiver.entered.wait()
    listening.cancel()
    await asyncio.wait([listening], timeout=0.05)
    listening.cancel()  # whoever stops a service says it again and again.
    await asyncio.wait([listening], timeout=0.05)
    assert not listening.done(), "it waits for the message"
    receiver.release.set()
    assert await delivering == 200
    await asyncio.wait([listening])
    assert listening.cancelled()
    with pytest.raises(aiohttp.ClientConnectionError):
        await stripe.deliver(event())


async def test_a_taken_port_is_an_error(stripe: StripeImitation, told: Told) -> None:
    port = stripe.endpoint.removeprefix("http://127.0.0.1:").removesuffix(PATH)
    second = PaymentWebhooks(f"127.0.0.1:{port}", StripeEvents(WEBHOOK_SECRET), told)
    with pytest.raises(OSError, match="address already in use"):
        await second.run()
