"""A renewal whose payment fails keeps its access while the payment is tried again, until the configured end."""

from datetime import UTC, datetime
from typing import Any

import pytest

from billing.domain.collection import FinalAction
from tests.integration.billing.collection.shop import Shop, state
from tests.integration.billing.plans import departures, gates, plan
from tests.integration.billing.world import at
from tollkeeper.billing.v1 import invoice_pb2

DECLINING = "pm_card_chargeCustomerFail"
FEBRUARY = datetime(2013, 2, 15, 12, tzinfo=UTC)


async def subscribed(shop: Shop, method_from_then_on: str) -> None:
    """UA with a paid first month, whose payment method changes, at the moment of its first renewal."""
    shop.world.catalog.publish(plan("airline", gates(), departures()))
    await shop.customer("UA")
    await shop.world.provision("UA", "airline", commitments={"gates": "20"}, subscription_id="ua")
    await shop.attach("UA", method_from_then_on)
    shop.world.real_time.time = FEBRUARY


async def renewal(shop: Shop) -> invoice_pb2.Invoice:
    return (await shop.world.invoices_of("UA"))[1]


async def test_a_renewal_is_collected_by_a_worker(shop: Shop) -> None:
    await subscribed(shop, "pm_card_visa")
    assert await shop.crossing.cross_batch()
    assert state(await renewal(shop)) == "OPEN"
    assert state(await shop.world.subscription("ua")) == "ACTIVE", "nobody waits for it"
    shop.later(seconds=5)
    assert await shop.due.collect_batch()
    assert state(await renewal(shop)) == "PAID"
    assert not await shop.due.collect_batch()
    assert shop.taken() == 2 * 29_800


async def test_a_declined_renewal_is_tried_again_by_the_schedule_and_then_the_subscription_ends(shop: Shop) -> None:
    await subscribed(shop, DECLINING)
    await shop.work()
    shop.later(seconds=5)
    await shop.work()
    first_failure = shop.world.real_time.time
    for number, days in enumerate((1, 3, 5, 7), start=1):
        subscription, invoice = await shop.world.subscription("ua"), await renewal(shop)
        assert (state(subscription), state(invoice)) == ("PAST_DUE", "OPEN")
        assert subscription.HasField("access_period")
        assert len(await shop.attempts(invoice.id)) == number
        due = at(invoice.next_attempt_time)
        assert (due - first_failure).days == days
        shop.world.real_time.time = due.replace(microsecond=0)
        shop.later(seconds=-1)
        await shop.work()
        assert len(await shop.attempts(invoice.id)) == number, "not before its time"
        shop.later(seconds=1)
        shop.world.real_time.time = due
        await shop.work()
    attempts = await shop.attempts(invoice.id)
    assert [state(one) for one in attempts] == ["FAILED"] * 5
    ended = await shop.world.subscription("ua")
    assert state(ended) == "CANCELED"
    assert at(ended.end_time) == shop.world.real_time.time
    unpaid = await renewal(shop)
    assert (state(unpaid), unpaid.HasField("next_attempt_time")) == ("OPEN", False)
    # Its last usage is billed, and asked for in its turn.
    final = (await shop.world.invoices_of("UA"))[2]
    assert invoice_pb2.InvoiceReason.Name(final.reason) == "INVOICE_REASON_FINAL"
    assert [line.amount.amount for line in final.lines] == ["0.00"]
    await shop.announced(
        "customer.created",
        "customer.updated",
        "subscription.provisioned",
        "invoice.finalized",
        "payment_attempt.succeeded",
        "invoice.paid",
        "subscription.activated",
        "customer.updated",
        "subscription.renewed",
        "invoice.finalized",
        "subscription.past_due",
        *(["payment_attempt.failed"] * 4),
        "subscription.updated",
        "payment_attempt.failed",
        "subscription.canceled",
        "invoice.finalized",
        "invoice.paid",
    )


async def test_a_retry_by_another_card_brings_the_subscription_back(shop: Shop) -> None:
    await subscribed(shop, DECLINING)
    await shop.work()
    shop.later(seconds=5)
    await shop.work()
    assert state(await shop.world.subscription("ua")) == "PAST_DUE"
    await shop.attach("UA", "pm_card_visa")
    shop.later(days=1)
    await shop.work()
    assert state(await shop.world.subscription("ua")) == "ACTIVE"
    assert [state(one) for one in await shop.attempts((await renewal(shop)).id)] == ["FAILED", "SUCCEEDED"]
    assert shop.taken() == 2 * 29_800
    shop.later(days=10)
    await shop.work()
    assert shop.taken() == 2 * 29_800


async def test_paying_by_hand_does_not_move_the_schedule(shop: Shop) -> None:
    await subscribed(shop, DECLINING)
    await shop.work()
    shop.later(seconds=5)
    await shop.work()
    before = await renewal(shop)
    shop.later(hours=2)
    tried = await shop.pay(before.id)
    assert (state(tried.payment_attempt), state(tried.invoice)) == ("FAILED", "OPEN")
    assert tried.invoice.next_attempt_time == before.next_attempt_time
    await shop.attach("UA", "pm_card_visa")
    paid = await shop.pay(before.id)
    assert (state(paid.invoice), paid.invoice.HasField("next_attempt_time")) == ("PAID", False)
    assert state(await shop.world.subscription("ua")) == "ACTIVE"


async def test_marking_it_paid_ends_the_retries(shop: Shop) -> None:
    await subscribed(shop, DECLINING)
    await shop.work()
    shop.later(seconds=5)
    await shop.work()
    await shop.mark_paid((await renewal(shop)).id)
    assert state(await shop.world.subscription("ua")) == "ACTIVE"
    await shop.attach("UA", "pm_card_visa")
    shop.later(days=1)
    await shop.work()
    assert shop.taken() == 29_800


async def test_who_pays_otherwise_by_then_is_not_charged_again(shop: Shop) -> None:
    await subscribed(shop, DECLINING)
    await shop.work()
    shop.later(seconds=5)
    await shop.work()
    await shop.collect_by_hand("UA")
    await shop.attach("UA", "pm_card_visa")
    shop.later(days=1)
    await shop.work()
    invoice = await renewal(shop)
    assert (len(await shop.attempts(invoice.id)), invoice.HasField("next_attempt_time")) == (1, False)


async def test_without_a_payment_method_a_renewal_fails_without_asking(shop: Shop) -> None:
    shop.world.catalog.publish(plan("airline", gates()))
    await shop.world.customer("UA")
    await shop.world.provision("UA", "airline", commitments={"gates": "20"}, subscription_id="ua")
    await shop.collect_automatically("UA")
    shop.world.real_time.time = FEBRUARY
    await shop.work()
    shop.later(seconds=5)
    await shop.work()
    [attempt] = await shop.attempts((await renewal(shop)).id)
    assert (state(attempt), attempt.failure_code) == ("FAILED", "payment_method_missing")
    assert state(await shop.world.subscription("ua")) == "PAST_DUE"
    assert shop.stripe.requests == []


@pytest.mark.parametrize(
    "overrides", [{"payment_retry_days": (), "payment_final_action": FinalAction.MARK_UNCOLLECTIBLE}]
)
async def test_an_end_that_gives_the_invoice_up(shop: Shop, overrides: dict[str, Any]) -> None:
    await subscribed(shop, DECLINING)
    await shop.work()
    shop.later(seconds=5)
    await shop.work()
    assert state(await renewal(shop)) == "UNCOLLECTIBLE"
    assert state(await shop.world.subscription("ua")) == "ACTIVE"
    paid = await shop.mark_paid((await renewal(shop)).id)
    assert (state(paid), paid.HasField("close_time")) == ("PAID", False)


@pytest.mark.parametrize(
    "overrides", [{"payment_retry_days": (1,), "payment_final_action": FinalAction.LEAVE_PAST_DUE}]
)
async def test_an_end_that_leaves_it_past_due(shop: Shop, overrides: dict[str, Any]) -> None:
    await subscribed(shop, DECLINING)
    await shop.work()
    shop.later(seconds=5)
    await shop.work()
    shop.later(days=1)
    await shop.work()
    shop.later(days=20)
    await shop.work()
    invoice = await renewal(shop)
    assert (state(invoice), len(await shop.attempts(invoice.id))) == ("OPEN", 2)
    assert state(await shop.world.subscription("ua")) == "PAST_DUE"
    # Two renewals failed: paying one is not enough.
    shop.world.real_time.time = FEBRUARY.replace(month=3, day=16)
    await shop.work()
    shop.later(seconds=5)
    await shop.work()
    await shop.mark_paid(invoice.id)
    assert state(await shop.world.subscription("ua")) == "PAST_DUE"
    await shop.mark_paid((await shop.world.invoices_of("UA"))[2].id)
    assert state(await shop.world.subscription("ua")) == "ACTIVE"


async def test_a_bank_debit_for_a_renewal_holds_nothing_up(shop: Shop) -> None:
    await subscribed(shop, "pm_usBankAccount_success")
    await shop.work()
    shop.later(seconds=5)
    await shop.work()
    assert state(await shop.world.subscription("ua")) == "ACTIVE"
    [attempt] = await shop.attempts((await renewal(shop)).id)
    shop.stripe.deliver_at_once = True
    await shop.stripe.decide(attempt.provider_payment_id, "insufficient_funds")
    assert state(await shop.world.subscription("ua")) == "PAST_DUE"
    assert (await shop.attempts((await renewal(shop)).id))[0].failure_code == "insufficient_funds"
