"""A change that must be paid for happens when it is paid; until then, and if it never is, all stays as it was."""

import pytest

from kit.client import call
from tests.integration.billing.collection.shop import Shop, state
from tests.integration.billing.plans import gates, plan
from tests.integration.billing.world import refused
from tollkeeper.billing.v1 import invoice_pb2, subscription_service_pb2

DECLINING = "pm_card_chargeCustomerFail"
BANK_DEBIT = "pm_usBankAccount_success"


@pytest.fixture(autouse=True)
async def _subscribed(shop: Shop) -> None:
    """UA holds 10 gates, paid."""
    shop.world.catalog.publish(plan("airline", gates(pricing="VOLUME")))
    await shop.customer("UA")
    begun = await shop.world.provision("UA", "airline", commitments={"gates": "10"}, subscription_id="ua")
    assert state(begun.subscription) == "ACTIVE"
    shop.stripe.requests.clear()


async def committed(shop: Shop) -> str:
    [one] = (await shop.world.subscription("ua")).commitments
    return one.quantity


async def test_a_change_that_is_paid_at_once_has_happened_when_the_reply_comes(shop: Shop) -> None:
    before = shop.taken()
    raised = await shop.world.raise_to("ua", {"gates": "50"})
    assert ([one.quantity for one in raised.subscription.commitments], state(raised.invoice)) == (["50"], "PAID")
    assert not raised.subscription.HasField("pending_change")
    assert shop.taken() - before == int(raised.invoice.amount_due.amount.replace(".", ""))


async def test_a_declined_change_leaves_everything_as_it_was(shop: Shop) -> None:
    # Volume prices can fall when the quantity rises: that leaves credit.
    await shop.world.raise_to("ua", {"gates": "11"})
    [held] = (await shop.world.get_customer("UA")).credit_balances
    await shop.attach("UA", DECLINING)
    before = await shop.world.subscription("ua")
    raised = await shop.world.raise_to("ua", {"gates": "50"})
    after = await shop.world.subscription("ua")
    assert await committed(shop) == "11"
    assert not after.HasField("pending_change")
    assert (after.access_period, after.current_period, state(after)) == (
        before.access_period,
        before.current_period,
        "ACTIVE",
    )
    void = await shop.invoice(raised.invoice.id)
    assert (state(void), void.credit_applied) == ("VOID", held)
    assert list((await shop.world.get_customer("UA")).credit_balances) == [held], "credit that it used is given back"
    [attempt] = await shop.attempts(void.id)
    assert (state(attempt), attempt.failure_code) == ("FAILED", "card_declined")
    shop.later(days=8)
    await shop.work()
    assert len(await shop.attempts(void.id)) == 1, "it is not tried again"
    # The next change is priced as if it had never been asked for.
    await shop.attach("UA", "pm_card_visa")
    taken = shop.taken()
    again = await shop.world.raise_to("ua", {"gates": "50"})
    assert (state(again.invoice), again.invoice.credit_applied) == ("PAID", held)
    assert await committed(shop) == "50"
    assert shop.taken() - taken == int(again.invoice.amount_due.amount.replace(".", ""))


async def test_an_undecided_change_waits_and_others_wait_for_it(shop: Shop) -> None:
    await shop.attach("UA", BANK_DEBIT)
    raised = await shop.world.raise_to("ua", {"gates": "50"})
    assert raised.subscription.pending_change.invoice_id == raised.invoice.id
    assert await committed(shop) == "10"
    refusal = await refused(shop.world.raise_to("ua", {"gates": "60"}))
    assert (refusal.reason, refusal.metadata["invoice_id"]) == ("CHANGE_PENDING", raised.invoice.id)
    assert (await refused(shop.give_up(raised.invoice.id))).reason == "CHANGE_PENDING"

    [attempt] = await shop.attempts(raised.invoice.id)
    shop.stripe.deliver_at_once = True
    await shop.stripe.decide(attempt.provider_payment_id)
    assert await committed(shop) == "50"
    after = await shop.world.subscription("ua")
    assert not after.HasField("pending_change")
    assert state(await shop.invoice(raised.invoice.id)) == "PAID"
    await shop.announced(
        "customer.created",
        "customer.updated",
        "subscription.provisioned",
        "invoice.finalized",
        "payment_attempt.succeeded",
        "invoice.paid",
        "subscription.activated",
        "customer.updated",
        "subscription.updated",
        "invoice.finalized",
        "payment_attempt.succeeded",
        "invoice.paid",
        "subscription.updated",
    )


async def test_an_undecided_change_is_dropped_in_the_end_and_money_that_comes_is_credit(shop: Shop) -> None:
    await shop.attach("UA", BANK_DEBIT)
    raised = await shop.world.raise_to("ua", {"gates": "50"})
    shop.later(hours=22, minutes=59)
    await shop.work()
    assert (await shop.world.subscription("ua")).HasField("pending_change")
    shop.later(minutes=1)
    await shop.work()
    assert not (await shop.world.subscription("ua")).HasField("pending_change")
    assert state(await shop.invoice(raised.invoice.id)) == "VOID"
    [attempt] = await shop.attempts(raised.invoice.id)
    shop.stripe.deliver_at_once = True
    await shop.stripe.decide(attempt.provider_payment_id)
    [credit] = (await shop.world.get_customer("UA")).credit_balances
    assert credit == raised.invoice.amount_due
    assert await committed(shop) == "10"


async def test_voiding_the_invoice_drops_the_change_and_calls_its_payment_off(shop: Shop) -> None:
    await shop.attach("UA", "pm_usBankAccount_microdeposits")
    raised = await shop.world.raise_to("ua", {"gates": "50"})
    assert raised.subscription.HasField("pending_change")
    assert state(await shop.void(raised.invoice.id)) == "VOID"
    assert not (await shop.world.subscription("ua")).HasField("pending_change")
    shop.later(hours=1)
    await shop.work()
    [attempt] = await shop.attempts(raised.invoice.id)
    assert state(attempt) == "CANCELED"
    assert shop.stripe.intents[attempt.provider_payment_id]["status"] == "canceled"


async def test_marking_the_invoice_paid_makes_the_change_happen(shop: Shop) -> None:
    await shop.attach("UA", BANK_DEBIT)
    raised = await shop.world.raise_to("ua", {"gates": "50"})
    await shop.mark_paid(raised.invoice.id)
    assert await committed(shop) == "50"
    # The money comes twice then: the second time it is credit.
    [attempt] = await shop.attempts(raised.invoice.id)
    shop.stripe.deliver_at_once = True
    await shop.stripe.decide(attempt.provider_payment_id)
    [credit] = (await shop.world.get_customer("UA")).credit_balances
    assert credit == raised.invoice.amount_due


async def test_an_amount_below_the_providers_least_drops_the_change(shop: Shop) -> None:
    shop.later(days=30, hours=23, minutes=30)
    raised = await shop.world.raise_to("ua", {"gates": "50"})
    assert raised.invoice.amount_due.amount == "0.23"
    assert (state(raised.invoice), await committed(shop)) == ("VOID", "10")
    [attempt] = await shop.attempts(raised.invoice.id)
    assert attempt.failure_code == "amount_too_small"


async def test_a_change_that_costs_nothing_asks_for_nothing(shop: Shop) -> None:
    await shop.attach("UA", DECLINING)
    shop.stripe.requests.clear()
    lowered = await shop.world.raise_to("ua", {"gates": "5"})
    assert lowered.subscription.HasField("scheduled_change")
    # Here the price falls when the quantity rises.
    raised = await shop.world.raise_to("ua", {"gates": "11"})
    assert state(raised.invoice) == "PAID"
    assert await committed(shop) == "11"
    assert shop.stripe.requests == []


async def test_a_renewal_while_a_change_waits_comes_after_it(shop: Shop) -> None:
    shop.later(days=30, hours=12)
    await shop.attach("UA", BANK_DEBIT)
    raised = await shop.world.raise_to("ua", {"gates": "50"})
    shop.later(hours=13)
    await shop.work()
    assert len(await shop.world.invoices_of("UA")) == 2, "it waits for the change"
    [attempt] = await shop.attempts(raised.invoice.id)
    shop.stripe.deliver_at_once = True
    await shop.stripe.decide(attempt.provider_payment_id)
    await shop.work()
    renewal = (await shop.world.invoices_of("UA"))[2]
    assert [line.quantity for line in renewal.lines] == ["50"]


async def test_a_trial_that_is_ended_early_goes_on_until_its_first_period_is_paid(shop: Shop) -> None:
    shop.world.catalog.publish(plan("airline", gates(), trial_days=14))
    await shop.customer("DL", BANK_DEBIT)
    begun = await shop.world.provision("DL", "airline", commitments={"gates": "10"}, subscription_id="dl")
    assert state(begun.subscription) == "TRIALING"
    request = subscription_service_pb2.UpdateSubscriptionRequest(subscription_id="dl", end_trial=True)
    ended = await call(shop.world.subscriptions.UpdateSubscription, request)
    assert (state(ended.subscription), ended.subscription.pending_change.invoice_id) == ("TRIALING", ended.invoice.id)
    assert ended.invoice.reason == invoice_pb2.INVOICE_REASON_TRIAL_END
    await shop.mark_paid(ended.invoice.id)
    assert state(await shop.world.subscription("dl")) == "ACTIVE"
    # The fourteenth and last: two customers, a subscription that was paid for, and this one.
    assert (await shop.subjects(14))[-2:] == ["invoice.paid", "subscription.trial_ended"]
