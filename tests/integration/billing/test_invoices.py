"""Invoices: gapless, never edited, settled with credit, paid once."""

import asyncio
from datetime import UTC, datetime

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from kit.client import call
from tests.integration.billing.plans import charge, departures, gates, plan, price
from tests.integration.billing.world import World, refused, told
from tollkeeper.billing.v1 import invoice_pb2, invoice_service_pb2

JANUARY = datetime(2013, 1, 1, tzinfo=UTC)


@pytest.fixture
async def on_clock(world: World) -> World:
    """The airline's plans, and its customer UA on a clock that stands at the start of April 2013."""
    volume = gates(pricing="VOLUME")
    world.catalog.publish(plan("airline", gates(), departures()), plan("volume", volume, product_id="volume"))
    await world.clock("2013", JANUARY.replace(month=4))
    await world.customer("UA", "2013")
    return world


async def pay(world: World, invoice_id: str) -> invoice_pb2.Invoice:
    request = invoice_service_pb2.MarkInvoicePaidRequest(invoice_id=invoice_id)
    return (await call(world.invoices.MarkInvoicePaid, request)).invoice


async def test_an_invoice_is_open_until_it_is_paid(on_clock: World) -> None:
    invoice = (await on_clock.provision("UA", "airline")).invoice
    assert (invoice.state, invoice.HasField("paid_time")) == (invoice_pb2.INVOICE_STATE_OPEN, False)
    await on_clock.advance("2013", JANUARY.replace(month=4, day=10))
    paid = await pay(on_clock, invoice.id)
    assert paid.state == invoice_pb2.INVOICE_STATE_PAID
    assert paid.paid_time.ToDatetime(UTC) == JANUARY.replace(month=4, day=10)
    assert paid.revision > invoice.revision
    assert paid.finalize_time == invoice.finalize_time
    assert await pay(on_clock, invoice.id) == paid
    request = invoice_service_pb2.GetInvoiceRequest(invoice_id=invoice.id)
    assert (await call(on_clock.invoices.GetInvoice, request)).invoice == paid
    assert (await refused(pay(on_clock, "inv_unknown"))).reason == "INVOICE_NOT_FOUND"
    assert (await refused(pay(on_clock, "-"))).reason == "INVALID_FIELD"


async def test_racing_payments_record_one(on_clock: World) -> None:
    invoice = (await on_clock.provision("UA", "airline")).invoice
    paid = await asyncio.gather(*(pay(on_clock, invoice.id) for _ in range(6)))
    assert all(one == paid[0] for one in paid)


async def test_a_volume_price_that_falls_becomes_credit_and_pays_the_next_invoice(on_clock: World) -> None:
    begun = await on_clock.provision("UA", "volume", commitments={"gates": "10"})
    assert begun.invoice.total.amount == "158.00"
    await on_clock.advance("2013", datetime(2013, 4, 16, tzinfo=UTC))
    preview = await on_clock.raise_to(begun.subscription.id, {"gates": "11"}, validate_only=True)
    raised = (await on_clock.raise_to(begun.subscription.id, {"gates": "11"})).invoice
    for invoice in (preview.invoice, raised):
        assert told(invoice) == [("COMMITMENT_PRORATION", "11", "-21.50")]
        amounts = (invoice.total, invoice.credit_applied, invoice.credit_granted, invoice.amount_due)
        assert [amount.amount for amount in amounts] == ["-21.50", "0.00", "21.50", "0.00"]
    assert (raised.state, raised.paid_time) == (invoice_pb2.INVOICE_STATE_PAID, raised.finalize_time)
    customer = await on_clock.get_customer("UA")
    assert [(money.currency, money.amount) for money in customer.credit_balances] == [("USD", "21.50")]

    await on_clock.advance("2013", datetime(2013, 5, 1, tzinfo=UTC))
    renewal = (await on_clock.invoices_of("UA"))[-1]
    amounts = (renewal.total, renewal.credit_applied, renewal.credit_granted, renewal.amount_due)
    assert [amount.amount for amount in amounts] == ["115.00", "21.50", "0.00", "93.50"]
    assert list((await on_clock.get_customer("UA")).credit_balances) == []
    assert (await on_clock.get_customer("UA")).revision > customer.revision
    assert (
        await on_clock.rows(
            "SELECT customer_id FROM credit_balance b WHERE amount <>"
            " (SELECT sum(amount) FROM credit_entry e WHERE (e.customer_id, e.currency) = (b.customer_id, b.currency))"
        )
        == []
    )


async def test_credit_is_used_up_over_several_invoices_of_one_renewal(on_clock: World) -> None:
    for number in ("1", "2"):
        cheap = charge("fee", "FLAT_FEE", price("15"))
        on_clock.catalog.publish(plan(f"cheap-{number}", cheap, product_id=f"cheap-{number}"))
        await on_clock.provision("UA", f"cheap-{number}", subscription_id=f"cheap-{number}")
    begun = await on_clock.provision("UA", "volume", commitments={"gates": "10"})
    await on_clock.advance("2013", datetime(2013, 4, 16, tzinfo=UTC))
    await on_clock.raise_to(begun.subscription.id, {"gates": "11"})
    await on_clock.cancel(begun.subscription.id)
    await on_clock.advance("2013", datetime(2013, 5, 1, tzinfo=UTC))
    first, second = (await on_clock.invoices_of("UA"))[-2:]
    assert [first.credit_applied.amount, second.credit_applied.amount] == ["15.00", "6.50"]
    assert [first.state, second.state] == [invoice_pb2.INVOICE_STATE_PAID, invoice_pb2.INVOICE_STATE_OPEN]


async def test_a_total_of_zero_is_paid_at_once_with_its_lines(on_clock: World) -> None:
    on_clock.catalog.publish(plan("zero", gates(price("0"), pricing="FLAT_RATE"), product_id="zero"))
    invoice = (await on_clock.provision("UA", "zero", commitments={"gates": "7"})).invoice
    assert told(invoice) == [("COMMITMENT", "7", "0.00")]
    assert (invoice.state, invoice.number) == (invoice_pb2.INVOICE_STATE_PAID, "TK-000001")


async def test_amounts_have_the_currencys_minor_digits(on_clock: World) -> None:
    prices = [
        price(amount, currency=currency) for currency, amount in (("JPY", "333"), ("KWD", "0.3335"), ("USD", "0.3335"))
    ]
    on_clock.catalog.publish(plan("abroad", gates(*prices, pricing="FLAT_RATE"), product_id="abroad"))
    for currency in ("JPY", "KWD", "USD"):
        await on_clock.customer(currency, "2013", currency)
        await on_clock.provision(currency, "abroad", commitments={"gates": "7"}, subscription_id=currency)
    await on_clock.advance("2013", datetime(2013, 4, 21, tzinfo=UTC))
    for currency, amounts in {"JPY": ["2331", "777"], "KWD": ["2.335", "0.778"], "USD": ["2.33", "0.78"]}.items():
        await on_clock.raise_to(currency, {"gates": "14"})
        invoices = await on_clock.invoices_of(currency)
        assert [invoice.total.amount for invoice in invoices] == amounts
        assert {invoice.currency for invoice in invoices} == {currency}


async def test_numbers_have_no_gaps_under_racing_commands_of_which_some_fail(world: World) -> None:
    world.catalog.publish(plan("airline", gates(maximum="20")))
    for number in range(20):
        await world.customer(f"c{number}")
    outcomes = await asyncio.gather(
        *(world.provision(f"c{i}", "airline", commitments={"gates": "21" if i % 4 == 0 else "2"}) for i in range(20)),
        *(world.provision(f"c{i}", "airline") for i in range(0, 20, 2)),
        return_exceptions=True,
    )
    made = [outcome for outcome in outcomes if not isinstance(outcome, Exception)]
    numbers = [invoice.number for invoice in await world.invoices_of()]
    assert len(made) == len(numbers) == 20
    assert numbers == [f"TK-{i:06}" for i in range(1, 21)]


CHANGES = (
    "UPDATE invoice SET total = total + 1",
    "UPDATE invoice SET number = number + 1, state = 'PAID', paid_time = now()",
    "UPDATE invoice SET finalize_time = now()",
    'UPDATE invoice SET bill_to = \'["", "", ""]\'',
    "DELETE FROM invoice",
    "TRUNCATE invoice CASCADE",
    "UPDATE invoice_line SET amount = amount + 1",
    "UPDATE invoice_line SET description = ''",
    "DELETE FROM invoice_line",
    "TRUNCATE invoice_line",
    "INSERT INTO invoice_line SELECT (jsonb_populate_record(l, '{\"position\": 99}')).* FROM invoice_line l",
)


async def test_an_issued_invoice_never_changes(on_clock: World) -> None:
    invoice = (await on_clock.provision("UA", "airline")).invoice
    for statement in CHANGES:
        with pytest.raises(DBAPIError, match="issued"):
            async with on_clock.database.write() as connection:
                await connection.execute(text(statement))
    assert await on_clock.invoices_of() == [invoice]


async def test_a_payment_is_never_taken_back(on_clock: World) -> None:
    await pay(on_clock, (await on_clock.provision("UA", "airline")).invoice.id)
    with pytest.raises(DBAPIError, match="issued"):
        async with on_clock.database.write() as connection:
            await connection.execute(text("UPDATE invoice SET state = 'OPEN', paid_time = NULL"))


async def test_invoices_are_listed_in_the_order_of_their_numbers(on_clock: World) -> None:
    await on_clock.customer("AA", "2013")
    ua = (await on_clock.provision("UA", "airline", commitments={"gates": "1"})).subscription.id
    await on_clock.provision("AA", "airline")
    for quantity in range(2, 5):
        await on_clock.raise_to(ua, {"gates": str(quantity)})
    listing = on_clock.invoices.ListInvoices
    request = invoice_service_pb2.ListInvoicesRequest(subscription_id=ua, page_size=3)
    first = await call(listing, request)
    assert [one.number for one in first.invoices] == ["TK-000001", "TK-000003", "TK-000004"]
    request.page_token = first.next_page_token
    second = await call(listing, request)
    assert ([one.number for one in second.invoices], second.next_page_token) == (["TK-000005"], "")
    request.customer_id = "UA"
    assert (await refused(call(listing, request))).reason == "INVALID_PAGE_TOKEN"
    assert [one.number for one in await on_clock.invoices_of("AA")] == ["TK-000002"]
    wrong = invoice_service_pb2.ListInvoicesRequest(subscription_id="-", customer_id=" ")
    refusal = await refused(call(listing, wrong))
    assert [violation.path for violation in refusal.violations] == ["customer_id", "subscription_id"]
