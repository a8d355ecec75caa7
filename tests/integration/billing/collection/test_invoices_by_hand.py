"""Invoices by hand and credit notes of customers that the provider is asked for: collected, and called off."""

from tests.integration.billing.collection.shop import Shop, state
from tests.integration.billing.invoices.clerk import Clerk, manual
from tests.integration.billing.plans import gates, plan
from tests.integration.billing.world import refused


async def test_a_finalized_invoice_is_collected_at_once(shop: Shop) -> None:
    clerk = Clerk(shop.world)
    await shop.customer("UA")
    draft = await clerk.draft("UA", manual("De-icing", "20", "3"))
    assert shop.taken() == 0
    invoice = await clerk.finalize(draft.id)
    assert (state(invoice), invoice.amount_paid.amount, shop.taken()) == ("PAID", "60.00", 6_000)
    [attempt] = await shop.attempts(invoice.id)
    assert (state(attempt), attempt.amount.amount) == ("SUCCEEDED", "60.00")
    assert await clerk.finalize(draft.id) == invoice
    assert shop.taken() == 6_000


async def test_a_payment_that_fails_is_tried_again_for_what_a_note_left(shop: Shop) -> None:
    clerk = Clerk(shop.world)
    await shop.customer("UA", "pm_card_chargeCustomerFail")
    invoice = await clerk.finalize((await clerk.draft("UA", manual("Fee", "60"))).id)
    assert (state(invoice), invoice.HasField("next_attempt_time")) == ("OPEN", True)
    noted = await clerk.correct(invoice.id, {0: "25"})
    assert (state(noted.invoice), noted.invoice.next_attempt_time) == ("OPEN", invoice.next_attempt_time)
    await shop.attach("UA", "pm_card_visa")
    shop.later(days=1)
    await shop.work()
    paid = await shop.invoice(invoice.id)
    assert (state(paid), paid.amount_paid.amount, paid.amount_credited.amount) == ("PAID", "35.00", "25.00")
    assert shop.taken() == 3_500


async def test_what_a_note_settles_is_not_tried_again(shop: Shop) -> None:
    clerk = Clerk(shop.world)
    await shop.customer("UA", "pm_card_chargeCustomerFail")
    invoice = await clerk.finalize((await clerk.draft("UA", manual("Fee", "60"))).id)
    settled = (await clerk.correct(invoice.id, {0: "60"})).invoice
    assert (state(settled), settled.HasField("next_attempt_time")) == ("PAID", False)
    await shop.attach("UA", "pm_card_visa")
    shop.later(days=8)
    await shop.work()
    assert (len(await shop.attempts(invoice.id)), shop.taken()) == (1, 0)


async def test_money_that_was_under_way_when_the_note_came_becomes_credit(shop: Shop) -> None:
    clerk = Clerk(shop.world)
    await shop.customer("UA")
    draft = await clerk.draft("UA", manual("Fee", "60"))
    shop.stripe.faults.extend(["drop_after"] * 3)
    invoice = await clerk.finalize(draft.id)
    assert state(invoice) == "OPEN", "nobody knows yet that the money is there"
    assert state((await clerk.correct(invoice.id, {0: "25"})).invoice) == "OPEN"
    shop.later(minutes=2)
    await shop.work()
    paid = await shop.invoice(invoice.id)
    assert (state(paid), paid.amount_paid.amount, paid.amount_credited.amount) == ("PAID", "35.00", "25.00")
    assert await clerk.balances("UA") == {"USD": "25.00"}


async def test_a_note_begins_what_waited_for_its_payment(shop: Shop) -> None:
    clerk = Clerk(shop.world)
    shop.world.catalog.publish(plan("airline", gates()))
    await shop.customer("UA", "pm_card_chargeCustomerFail")
    begun = await shop.world.provision("UA", "airline", commitments={"gates": "20"}, subscription_id="ua")
    assert state(begun.subscription) == "PENDING_PAYMENT"
    await clerk.correct(begun.invoice.id, {0: "297.99"})
    assert state(await shop.world.subscription("ua")) == "PENDING_PAYMENT"
    answer = await clerk.correct(begun.invoice.id, {0: "0.01"})
    assert (state(answer.invoice), state(await shop.world.subscription("ua"))) == ("PAID", "ACTIVE")


async def test_without_a_payment_method_nothing_is_issued(shop: Shop) -> None:
    clerk = Clerk(shop.world)
    await shop.customer("UA", "")
    draft = await clerk.draft("UA", manual("Fee", "60"))
    before = await clerk.kept()
    assert (await refused(clerk.finalize(draft.id))).reason == "PAYMENT_METHOD_MISSING"
    assert await clerk.kept() == before
    await shop.attach("UA", "pm_card_visa")
    assert state(await clerk.finalize(draft.id)) == "PAID"
