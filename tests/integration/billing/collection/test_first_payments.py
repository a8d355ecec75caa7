"""A new subscription gets nothing until it is paid; then everything."""

from typing import Any

import pytest

from tests.integration.billing.collection.shop import Shop, state
from tests.integration.billing.plans import departures, gates, plan
from tests.integration.billing.world import refused
from tollkeeper.billing.v1 import subscription_service_pb2

DECLINING = "pm_card_chargeCustomerFail"
BANK_DEBIT = "pm_usBankAccount_success"


@pytest.fixture(autouse=True)
def _offers(shop: Shop) -> None:
    shop.world.catalog.publish(plan("airline", gates(), departures()))


async def provision(
    shop: Shop, customer_id: str = "UA", **more: Any
) -> subscription_service_pb2.ProvisionSubscriptionResponse:
    return await shop.world.provision(customer_id, "airline", commitments={"gates": "20"}, subscription_id="ua", **more)


async def test_a_first_payment_activates_at_once(shop: Shop) -> None:
    customer = await shop.customer("UA")
    assert customer.payment_method_id.startswith("pm_")
    begun = await provision(shop)
    assert (state(begun.subscription), state(begun.invoice)) == ("ACTIVE", "PAID")
    assert begun.subscription.HasField("access_period")
    [attempt] = await shop.attempts(begun.invoice.id)
    assert (state(attempt), attempt.amount.amount, attempt.provider) == ("SUCCEEDED", "298.00", "stripe")
    [intent] = shop.stripe.intents.values()
    assert (intent["id"], intent["amount"]) == (attempt.provider_payment_id, 29_800)
    assert intent["description"] == begun.invoice.number == "TK-000001"
    await shop.announced(
        "customer.created",
        "customer.updated",
        "subscription.provisioned",
        "invoice.finalized",
        "payment_attempt.succeeded",
        "invoice.paid",
        "subscription.activated",
    )


async def test_a_repeated_request_answers_the_paid_subscription_and_charges_once(shop: Shop) -> None:
    await shop.customer("UA")
    first = await provision(shop, request_id="r1")
    assert await provision(shop, request_id="r1") == first
    assert state(first.subscription) == "ACTIVE"
    assert shop.taken() == 29_800


async def test_without_a_payment_method_nothing_begins(shop: Shop) -> None:
    await shop.customer("UA", "")
    assert (await refused(provision(shop))).reason == "PAYMENT_METHOD_MISSING"
    assert await shop.world.invoices_of("UA") == []


async def test_a_declined_first_payment_gives_nothing_and_can_be_paid_by_another_card(shop: Shop) -> None:
    await shop.customer("UA", DECLINING)
    begun = await provision(shop)
    assert (state(begun.subscription), state(begun.invoice)) == ("PENDING_PAYMENT", "OPEN")
    assert not begun.subscription.HasField("access_period")
    assert not begun.invoice.HasField("next_attempt_time"), "a first payment is not tried again by itself"
    [failed] = await shop.attempts(begun.invoice.id)
    assert (state(failed), failed.failure_code) == ("FAILED", "card_declined")
    assert failed.failure_message == "Your card was declined."
    again = await shop.pay(begun.invoice.id)
    assert (state(again.invoice), state(again.payment_attempt)) == ("OPEN", "FAILED")

    await shop.attach("UA", "pm_card_visa")
    paid = await shop.pay(begun.invoice.id)
    assert (state(paid.invoice), state(paid.payment_attempt)) == ("PAID", "SUCCEEDED")
    assert state(await shop.world.subscription("ua")) == "ACTIVE"
    assert [state(one) for one in await shop.attempts(begun.invoice.id)] == ["FAILED", "FAILED", "SUCCEEDED"]
    assert shop.taken() == 29_800


async def test_a_first_payment_that_never_comes_expires_the_subscription(shop: Shop) -> None:
    await shop.customer("UA", DECLINING)
    begun = await provision(shop)
    shop.later(hours=22, minutes=59)
    await shop.work()
    assert state(await shop.world.subscription("ua")) == "PENDING_PAYMENT"
    shop.later(minutes=1)
    await shop.work()
    assert state(await shop.world.subscription("ua")) == "EXPIRED"
    void = await shop.invoice(begun.invoice.id)
    assert (state(void), void.amount_remaining.amount, void.number) == ("VOID", "0.00", "TK-000001")
    assert shop.stripe.charged((await shop.attempts(void.id))[0].id) == []
    await shop.announced(
        "customer.created",
        "customer.updated",
        "subscription.provisioned",
        "invoice.finalized",
        "payment_attempt.failed",
        "invoice.voided",
        "subscription.expired",
    )
    await shop.attach("UA", "pm_card_visa")
    anew = await shop.world.provision("UA", "airline", commitments={"gates": "20"})
    assert state(anew.subscription) == "ACTIVE"


async def test_voiding_the_invoice_of_a_first_payment_expires_the_subscription(shop: Shop) -> None:
    await shop.customer("UA", DECLINING)
    begun = await provision(shop)
    assert (await refused(shop.give_up(begun.invoice.id))).reason == "CHANGE_PENDING"
    assert state(await shop.void(begun.invoice.id)) == "VOID"
    assert state(await shop.void(begun.invoice.id)) == "VOID"
    assert state(await shop.world.subscription("ua")) == "EXPIRED"
    assert (await refused(shop.pay(begun.invoice.id))).reason == "INVOICE_NOT_OPEN"
    assert (await refused(shop.mark_paid(begun.invoice.id))).reason == "INVOICE_NOT_OPEN"


async def test_canceling_a_subscription_that_waits_takes_its_invoice_back(shop: Shop) -> None:
    await shop.customer("UA", BANK_DEBIT)
    begun = await provision(shop)
    assert state(begun.subscription) == "PENDING_PAYMENT"
    assert state(await shop.world.cancel("ua")) == "CANCELED"
    assert state(await shop.invoice(begun.invoice.id)) == "VOID"
    shop.later(days=2)
    await shop.work()
    assert state(await shop.world.subscription("ua")) == "CANCELED"
    [attempt] = await shop.attempts(begun.invoice.id)
    assert state(attempt) == "OPEN", "a bank that decides cannot be called off"


async def test_marking_the_invoice_of_a_first_payment_paid_activates_the_subscription(shop: Shop) -> None:
    await shop.customer("UA", DECLINING)
    begun = await provision(shop)
    assert state(await shop.mark_paid(begun.invoice.id)) == "PAID"
    assert state(await shop.world.subscription("ua")) == "ACTIVE"
    shop.later(days=2)
    await shop.work()
    assert state(await shop.world.subscription("ua")) == "ACTIVE"
    assert shop.taken() == 0


async def test_a_bank_debit_is_told_by_its_message_once(shop: Shop) -> None:
    await shop.customer("UA", BANK_DEBIT)
    begun = await provision(shop)
    assert state(begun.subscription) == "PENDING_PAYMENT"
    [attempt] = await shop.attempts(begun.invoice.id)
    assert (state(attempt), attempt.provider_payment_id[:3]) == ("OPEN", "pi_")
    again = await shop.pay(begun.invoice.id)
    assert again.payment_attempt.id == attempt.id, "one attempt at a time"

    shop.stripe.deliver_at_once = True
    await shop.stripe.decide(attempt.provider_payment_id)
    after = await shop.world.subscription("ua")
    assert state(after) == "ACTIVE"
    [event] = shop.stripe.events
    assert await shop.stripe.deliver(event) == 200
    late_failure = event | {"type": "payment_intent.payment_failed"}
    assert await shop.stripe.deliver(late_failure) == 200
    assert await shop.world.subscription("ua") == after
    assert [state(one) for one in await shop.attempts(begun.invoice.id)] == ["SUCCEEDED"]
    assert shop.taken() == 29_800


async def test_a_bank_debit_whose_message_is_lost_is_asked_for(shop: Shop) -> None:
    await shop.customer("UA", BANK_DEBIT)
    begun = await provision(shop)
    [attempt] = await shop.attempts(begun.invoice.id)
    await shop.stripe.decide(attempt.provider_payment_id)
    shop.later(minutes=59)
    await shop.work()
    assert state(await shop.world.subscription("ua")) == "PENDING_PAYMENT", "a bank is asked hourly"
    shop.later(minutes=1)
    await shop.work()
    assert state(await shop.world.subscription("ua")) == "ACTIVE"


async def test_money_that_comes_after_the_wait_becomes_credit(shop: Shop) -> None:
    await shop.customer("UA", BANK_DEBIT)
    begun = await provision(shop)
    [attempt] = await shop.attempts(begun.invoice.id)
    shop.later(hours=23)
    await shop.work()
    assert state(await shop.world.subscription("ua")) == "EXPIRED"
    [still] = await shop.attempts(begun.invoice.id)
    assert state(still) == "OPEN", "a bank that decides cannot be called off"
    await shop.stripe.decide(attempt.provider_payment_id)
    await shop.stripe.deliver(shop.stripe.events[-1])
    assert state((await shop.attempts(begun.invoice.id))[0]) == "SUCCEEDED"
    assert state(await shop.invoice(begun.invoice.id)) == "VOID"
    [credit] = (await shop.world.get_customer("UA")).credit_balances
    assert (credit.amount, credit.currency) == ("298.00", "USD")


async def test_a_payment_that_waits_for_an_absent_customer_is_called_off_in_the_end(shop: Shop) -> None:
    await shop.customer("UA", "pm_usBankAccount_microdeposits")
    begun = await provision(shop)
    assert state(begun.subscription) == "PENDING_PAYMENT"
    shop.later(hours=23)
    await shop.work()
    shop.later(minutes=10)
    await shop.work()
    [attempt] = await shop.attempts(begun.invoice.id)
    assert state(attempt) in {"CANCELED", "FAILED"}
    assert [one["status"] for one in shop.stripe.intents.values()] == ["canceled"]


@pytest.mark.parametrize("fault", ["drop_before", "drop_after", "500_after", "409", "html", "cut"])
async def test_a_provider_that_does_not_answer_is_asked_again(shop: Shop, fault: str) -> None:
    await shop.customer("UA")
    # The official client tries three times.
    shop.stripe.faults.extend([fault] * 3)
    begun = await provision(shop)
    shop.stripe.faults.clear()
    assert state(begun.subscription) == "PENDING_PAYMENT"
    shop.later(minutes=2)
    await shop.work()
    assert state(await shop.world.subscription("ua")) == "ACTIVE"
    assert shop.taken() == 29_800


async def test_a_message_before_the_reply_is_applied_once(shop: Shop) -> None:
    await shop.customer("UA")
    shop.stripe.deliver_at_once = True
    begun = await provision(shop)
    assert state(begun.subscription) == "ACTIVE"
    await shop.announced(
        "customer.created",
        "customer.updated",
        "subscription.provisioned",
        "invoice.finalized",
        "payment_attempt.succeeded",
        "invoice.paid",
        "subscription.activated",
    )


async def test_a_message_about_the_payment_of_another_installation_is_ignored(shop: Shop) -> None:
    payment = {"id": "pi_9", "object": "payment_intent", "metadata": {"tollkeeper_attempt_id": "pay_of_another"}}
    event = {"id": "evt_9", "object": "event", "type": "payment_intent.succeeded", "data": {"object": payment}}
    assert await shop.stripe.deliver(event) == 200


async def test_what_is_free_asks_for_no_payment(shop: Shop) -> None:
    await shop.customer("UA", "")
    shop.world.catalog.publish(plan("free"))
    begun = await shop.world.provision("UA", "free")
    assert state(begun.subscription) == "ACTIVE"
    assert shop.stripe.intents == {}
