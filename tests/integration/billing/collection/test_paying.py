"""Paying, attaching, listing attempts: what is refused, what is an answer, and what races."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import SecretStr

from kit.client import call
from tests.integration.billing.collection.shop import Shop, state
from tests.integration.billing.plans import gates, plan, price
from tests.integration.billing.world import refused
from tollkeeper.billing.v1 import customer_service_pb2, invoice_service_pb2

FEBRUARY = datetime(2013, 2, 15, 12, tzinfo=UTC)
WITHOUT_PROVIDER = {"stripe_secret_key": SecretStr(""), "stripe_webhook_secret": SecretStr("")}


@pytest.fixture(autouse=True)
def _offers(shop: Shop) -> None:
    shop.world.catalog.publish(plan("airline", gates()))


async def by_hand(shop: Shop, customer_id: str = "UA") -> str:
    """The open invoice of a customer that pays outside Tollkeeper."""
    await shop.world.customer(customer_id)
    begun = await shop.world.provision(customer_id, "airline", commitments={"gates": "20"})
    assert (state(begun.subscription), state(begun.invoice)) == ("ACTIVE", "OPEN")
    assert list(await shop.attempts(begun.invoice.id)) == []
    return begun.invoice.id


async def test_a_manual_customer_may_pay_by_the_provider_when_it_is_asked_to(shop: Shop) -> None:
    invoice_id = await by_hand(shop)
    shop.later(days=10)
    await shop.work()
    assert shop.stripe.requests == [], "nobody is asked by itself"
    assert (await refused(shop.pay(invoice_id))).reason == "PAYMENT_METHOD_MISSING"
    await shop.attach("UA", "pm_card_chargeCustomerFail")
    declined = await shop.pay(invoice_id)
    assert (state(declined.invoice), state(declined.payment_attempt)) == ("OPEN", "FAILED")
    assert not declined.invoice.HasField("next_attempt_time")
    await shop.attach("UA", "pm_card_visa")
    paid = await shop.pay(invoice_id)
    assert (state(paid.invoice), paid.invoice.amount_remaining.amount) == ("PAID", "0.00")
    again = await shop.pay(invoice_id)
    assert (again.invoice, again.HasField("payment_attempt")) == (paid.invoice, False)
    assert shop.taken() == 29_800


async def test_what_cannot_be_paid(shop: Shop) -> None:
    await shop.customer("AA")
    assert (await refused(shop.pay("inv_none"))).reason == "INVOICE_NOT_FOUND"
    assert (await refused(shop.pay("no id"))).reason == "INVALID_FIELD"
    assert (await refused(shop.attempts("inv_none"))).reason == "INVOICE_NOT_FOUND"
    invoice_id = await by_hand(shop)
    await shop.give_up(invoice_id)
    refusal = await refused(shop.pay(invoice_id))
    assert (refusal.reason, refusal.metadata["state"]) == ("INVOICE_NOT_OPEN", "UNCOLLECTIBLE")
    assert state(await shop.give_up(invoice_id)) == "UNCOLLECTIBLE"
    assert state(await shop.void(invoice_id)) == "VOID"
    assert (await refused(shop.give_up(invoice_id))).reason == "INVOICE_NOT_OPEN"


async def test_payment_methods_that_are_refused_change_nothing(shop: Shop) -> None:
    before = await shop.customer("UA")
    for method, reason, code in [
        ("pm_card_visa_chargeDeclined", "PAYMENT_METHOD_REFUSED", "card_declined"),
        ("pm_unknown", "PAYMENT_METHOD_REFUSED", "resource_missing"),
    ]:
        refusal = await refused(shop.attach("UA", method))
        assert (refusal.reason, refusal.metadata["failure_code"]) == (reason, code)
    for method in ("", "p" * 257, "pm\n1"):
        refusal = await refused(shop.attach("UA", method))
        assert refusal.reason == "INVALID_FIELD"
        assert "payment_method_id" in refusal.message
    assert (await refused(shop.attach("nobody", "pm_card_visa"))).reason == "CUSTOMER_NOT_FOUND"
    assert await shop.world.get_customer("UA") == before
    assert len(shop.stripe.customers) == 1


async def test_attaching_the_same_again_changes_nothing(shop: Shop) -> None:
    before = await shop.customer("UA")
    request = customer_service_pb2.AttachPaymentMethodRequest(
        customer_id="UA", payment_method_id=before.payment_method_id
    )
    again = await call(shop.world.customers.AttachPaymentMethod, request)
    assert again.customer == before
    assert again.token


async def test_a_provider_that_is_away_refuses_to_attach(shop: Shop) -> None:
    await shop.customer("UA", "")
    shop.stripe.away = True
    assert (await refused(shop.attach("UA", "pm_card_visa"))).reason == "DEPENDENCY_UNAVAILABLE"
    shop.stripe.away = False
    assert (await shop.attach("UA", "pm_card_visa")).payment_method_id
    assert len(shop.stripe.customers) == 1


@pytest.mark.parametrize("overrides", [WITHOUT_PROVIDER])
async def test_without_a_provider(shop: Shop, overrides: dict[str, Any]) -> None:
    invoice_id = await by_hand(shop)
    assert (await refused(shop.pay(invoice_id))).reason == "PROVIDER_NOT_CONFIGURED"
    assert (await refused(shop.attach("UA", "pm_card_visa"))).reason == "PROVIDER_NOT_CONFIGURED"
    assert list(await shop.attempts(invoice_id)) == []
    paid = await shop.mark_paid(invoice_id)
    assert (state(paid), paid.amount_paid.amount) == ("PAID", "298.00")
    assert (await shop.pay(invoice_id)).invoice == paid
    await shop.customer("AA", "")
    refusal = await refused(shop.world.provision("AA", "airline", commitments={"gates": "1"}))
    assert refusal.reason == "PROVIDER_NOT_CONFIGURED"


async def test_attempts_are_listed_in_pages(shop: Shop) -> None:
    invoice_id = await by_hand(shop)
    await shop.attach("UA", "pm_card_chargeCustomerFail")
    made = [(await shop.pay(invoice_id)).payment_attempt.id for _ in range(5)]
    found, token = [], ""
    while True:
        request = invoice_service_pb2.ListPaymentAttemptsRequest(invoice_id=invoice_id, page_size=2, page_token=token)
        page = await call(shop.world.invoices.ListPaymentAttempts, request)
        found += [one.id for one in page.payment_attempts]
        token = page.next_page_token
        if not token:
            break
    assert found == made


async def test_everybody_pays_at_once_and_one_charge_is_made(shop: Shop) -> None:
    invoice_id = await by_hand(shop)
    await shop.attach("UA", "pm_card_visa")
    shop.stripe.deliver_at_once = True
    answers = await asyncio.gather(*(shop.pay(invoice_id) for _ in range(8)), shop.due.collect_batch())
    assert answers
    assert state(await shop.invoice(invoice_id)) == "PAID"
    assert [state(one) for one in await shop.attempts(invoice_id)] == ["SUCCEEDED"]
    assert shop.taken() == 29_800


async def test_many_workers_collect_many_renewals_once_each(shop: Shop) -> None:
    names = [f"C{number:02d}" for number in range(8)]
    for name in names:
        await shop.customer(name)
        await shop.world.provision(name, "airline", commitments={"gates": "1"}, subscription_id=name.lower())
    before = shop.taken()
    shop.world.real_time.time = FEBRUARY
    while await shop.crossing.cross_batch():
        pass
    shop.later(seconds=5)
    await asyncio.gather(*(shop.due.collect_batch() for _ in range(4)))
    await shop.work()
    assert shop.taken() - before == 8 * 3_000
    invoices = [(await shop.world.invoices_of(name))[1] for name in names]
    assert {state(one) for one in invoices} == {"PAID"}
    assert {len(await shop.attempts(one.id)) for one in invoices} == {1}


async def test_a_payment_taken_back_while_it_is_made_becomes_credit(shop: Shop) -> None:
    invoice_id = await by_hand(shop)
    await shop.attach("UA", "pm_card_visa")
    shop.stripe.faults.extend(["drop_after"] * 3)
    tried = await shop.pay(invoice_id)
    assert state(tried.payment_attempt) == "OPEN", "nobody knows yet that the money is there"
    await shop.void(invoice_id)
    shop.later(minutes=2)
    await shop.work()
    [attempt] = await shop.attempts(invoice_id)
    assert state(attempt) == "SUCCEEDED"
    [credit] = (await shop.world.get_customer("UA")).credit_balances
    assert credit.amount == "298.00"


async def test_a_payment_taken_back_before_it_was_made_is_called_off(shop: Shop) -> None:
    invoice_id = await by_hand(shop)
    await shop.attach("UA", "pm_card_visa")
    shop.stripe.faults.extend(["drop_before"] * 3)
    assert state((await shop.pay(invoice_id)).payment_attempt) == "OPEN"
    await shop.void(invoice_id)
    shop.later(minutes=2)
    await shop.work()
    assert state((await shop.attempts(invoice_id))[0]) == "OPEN", "the request may still be under way"
    for _ in range(7):
        shop.later(minutes=2)
        await shop.work()
    [attempt] = await shop.attempts(invoice_id)
    assert (state(attempt), attempt.failure_code) == ("CANCELED", "")
    assert shop.taken() == 0


async def test_what_was_never_answered_fails_after_a_day_and_is_charged_never(shop: Shop) -> None:
    invoice_id = await by_hand(shop)
    await shop.attach("UA", "pm_card_visa")
    shop.stripe.faults.extend(["drop_before"] * 3)
    await shop.pay(invoice_id)
    shop.later(hours=23)
    await shop.work()
    [attempt] = await shop.attempts(invoice_id)
    assert (state(attempt), attempt.failure_code) == ("FAILED", "payment_not_found")
    assert shop.taken() == 0


@pytest.mark.parametrize("currency", ["JPY", "KWD"])
async def test_other_currencies(shop: Shop, currency: str) -> None:
    amount = {"JPY": "500", "KWD": "5.124"}[currency]
    shop.world.catalog.publish(plan("other", gates(price(amount, currency=currency), pricing="FLAT_RATE")))
    await shop.customer("UA", currency=currency)
    begun = await shop.world.provision("UA", "other", commitments={"gates": "1"})
    [attempt] = await shop.attempts(begun.invoice.id)
    if currency == "JPY":
        assert shop.taken() == 500
        assert state(begun.invoice) == "PAID"
    else:
        assert (state(attempt), attempt.failure_code) == ("FAILED", "amount_not_chargeable")
        assert "in steps of 0.010" in attempt.failure_message
