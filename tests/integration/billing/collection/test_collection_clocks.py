"""Collection on test clocks: retries and lapses are boundaries like any other, and a provider that is away holds the clock."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.integration.billing.collection.shop import Shop, state
from tests.integration.billing.plans import gates, plan
from tests.integration.billing.world import at, refused

DECLINING = "pm_card_chargeCustomerFail"
START = datetime(2013, 1, 31, 9, tzinfo=UTC)
RENEWAL = datetime(2013, 2, 28, 9, tzinfo=UTC)


@pytest.fixture(autouse=True)
async def _clock(shop: Shop) -> None:
    shop.world.catalog.publish(plan("airline", gates()))
    await shop.world.clock("2013", START)


async def subscribed(shop: Shop) -> None:
    await shop.customer("UA", clock_id="2013")
    begun = await shop.world.provision("UA", "airline", commitments={"gates": "20"}, subscription_id="ua")
    assert state(begun.subscription) == "ACTIVE"


async def test_renewals_are_paid_on_the_way(shop: Shop) -> None:
    await subscribed(shop)
    await shop.world.advance("2013", datetime(2013, 5, 1, tzinfo=UTC))
    invoices = await shop.world.invoices_of("UA")
    assert [(state(one), at(one.paid_time)) for one in invoices] == [
        ("PAID", START),
        ("PAID", RENEWAL),
        ("PAID", datetime(2013, 3, 31, 9, tzinfo=UTC)),
        ("PAID", datetime(2013, 4, 30, 9, tzinfo=UTC)),
    ]
    assert shop.taken() == 4 * 29_800


async def test_retries_are_boundaries_until_the_subscription_ends(shop: Shop) -> None:
    await subscribed(shop)
    await shop.attach("UA", DECLINING)
    await shop.world.advance("2013", RENEWAL + timedelta(days=30))
    _, renewal = await shop.world.invoices_of("UA")
    attempts = await shop.attempts(renewal.id)
    assert [at(one.create_time) for one in attempts] == [RENEWAL + timedelta(days=days) for days in (0, 1, 3, 5, 7)]
    assert [state(one) for one in attempts] == ["FAILED"] * 5
    ended = await shop.world.subscription("ua")
    assert (state(ended), at(ended.end_time)) == ("CANCELED", RENEWAL + timedelta(days=7))


async def test_a_stop_between_retries_shows_when_the_next_comes(shop: Shop) -> None:
    await subscribed(shop)
    await shop.attach("UA", DECLINING)
    await shop.world.advance("2013", RENEWAL + timedelta(days=4))
    renewal = (await shop.world.invoices_of("UA"))[1]
    assert at(renewal.next_attempt_time) == RENEWAL + timedelta(days=5)
    assert state(await shop.world.subscription("ua")) == "PAST_DUE"
    await shop.attach("UA", "pm_card_visa")
    await shop.world.advance("2013", RENEWAL + timedelta(days=6))
    assert state(await shop.world.subscription("ua")) == "ACTIVE"
    paid = await shop.invoice(renewal.id)
    assert (state(paid), at(paid.paid_time)) == ("PAID", RENEWAL + timedelta(days=5))


async def test_a_first_payment_lapses_at_its_hour(shop: Shop) -> None:
    await shop.customer("UA", DECLINING, clock_id="2013")
    await shop.world.provision("UA", "airline", commitments={"gates": "20"}, subscription_id="ua")
    await shop.world.advance("2013", START + timedelta(hours=22, minutes=59))
    assert state(await shop.world.subscription("ua")) == "PENDING_PAYMENT"
    await shop.world.advance("2013", START + timedelta(days=60))
    expired = await shop.world.subscription("ua")
    assert (state(expired), at(expired.end_time)) == ("EXPIRED", START + timedelta(hours=23))
    [void] = await shop.world.invoices_of("UA")
    assert (state(void), at(void.close_time)) == ("VOID", START + timedelta(hours=23))


async def test_a_bank_debit_does_not_hold_the_clock(shop: Shop) -> None:
    await subscribed(shop)
    await shop.attach("UA", "pm_usBankAccount_success")
    await shop.world.advance("2013", RENEWAL + timedelta(days=2))
    [attempt] = await shop.attempts((await shop.world.invoices_of("UA"))[1].id)
    assert state(attempt) == "OPEN"
    await shop.stripe.decide(attempt.provider_payment_id, "insufficient_funds")
    await shop.stripe.deliver(shop.stripe.events[-1])
    [failed] = await shop.attempts(attempt.invoice_id)
    assert (state(failed), at(failed.end_time)) == ("FAILED", RENEWAL + timedelta(days=2))
    invoice = await shop.invoice(attempt.invoice_id)
    assert at(invoice.next_attempt_time) == RENEWAL + timedelta(days=3)


async def test_a_provider_that_is_away_holds_the_clock_which_goes_on_by_itself(shop: Shop) -> None:
    await subscribed(shop)
    shop.stripe.faults.extend(["500_before"] * 3)
    assert (await refused(shop.world.advance("2013", RENEWAL + timedelta(days=1)))).reason == "DEPENDENCY_UNAVAILABLE"
    [(standing, current)] = await shop.world.rows("SELECT state, time FROM test_clock")
    assert (standing, current) == ("ADVANCING", RENEWAL)
    shop.later(minutes=2)
    assert await shop.due.ask_batch() is False, "a clock on its way is left to who carries it"
    arrived = await shop.world.advance("2013", RENEWAL + timedelta(days=1))
    assert at(arrived.test_clock.time) == RENEWAL + timedelta(days=1)
    renewal = (await shop.world.invoices_of("UA"))[1]
    assert (state(renewal), at(renewal.paid_time)) == ("PAID", RENEWAL)
    assert shop.taken() == 2 * 29_800


async def test_a_message_while_the_clock_is_on_its_way_is_sent_again(shop: Shop) -> None:
    await subscribed(shop)
    await shop.attach("UA", "pm_usBankAccount_success")
    await shop.world.advance("2013", RENEWAL)
    [attempt] = await shop.attempts((await shop.world.invoices_of("UA"))[1].id)
    await shop.stripe.decide(attempt.provider_payment_id)
    async with shop.world.database.write() as connection:
        await connection.exec_driver_sql("UPDATE test_clock SET state = 'ADVANCING', target_time = '2013-03-02T00:00Z'")
    assert await shop.stripe.deliver(shop.stripe.events[-1]) == 503
    await shop.world.advance("2013", datetime(2013, 3, 2, tzinfo=UTC))
    assert await shop.stripe.deliver(shop.stripe.events[-1]) == 200
    assert state(await shop.invoice(attempt.invoice_id)) == "PAID"


async def test_two_customers_on_a_clock_and_one_declines(shop: Shop) -> None:
    await subscribed(shop)
    await shop.customer("AA", clock_id="2013")
    await shop.world.provision("AA", "airline", commitments={"gates": "5"}, subscription_id="aa")
    await shop.attach("AA", DECLINING)
    await shop.world.advance("2013", RENEWAL + timedelta(days=2))
    assert [state(await shop.world.subscription(name)) for name in ("ua", "aa")] == ["ACTIVE", "PAST_DUE"]
