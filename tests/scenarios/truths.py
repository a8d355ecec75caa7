"""What is true after every story, whatever it tells: the books add up, nothing is charged twice, and the events say the same."""

from collections import defaultdict
from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal

from tests.scenarios.world import Books, World
from tollkeeper.billing.v1.customer_service_pb2 import ListCreditEntriesRequest
from tollkeeper.billing.v1.invoice_pb2 import (
    INVOICE_LINE_TYPE_ADD_ON,
    INVOICE_LINE_TYPE_ADD_ON_PRORATION,
    INVOICE_LINE_TYPE_COMMITMENT,
    INVOICE_LINE_TYPE_COMMITMENT_PRORATION,
    INVOICE_LINE_TYPE_FLAT_FEE,
    INVOICE_LINE_TYPE_FLAT_FEE_PRORATION,
    INVOICE_LINE_TYPE_LATE_USAGE,
    INVOICE_LINE_TYPE_MANUAL,
    INVOICE_LINE_TYPE_USAGE,
    INVOICE_STATE_OPEN,
    INVOICE_STATE_PAID,
    INVOICE_STATE_UNCOLLECTIBLE,
    INVOICE_STATE_VOID,
    TAX_BEHAVIOR_EXCLUSIVE,
    Invoice,
    InvoiceLine,
)

_DIGITS = {"JPY": 0, "KWD": 3}
_PRORATIONS = {
    INVOICE_LINE_TYPE_COMMITMENT_PRORATION,
    INVOICE_LINE_TYPE_FLAT_FEE_PRORATION,
    INVOICE_LINE_TYPE_ADD_ON_PRORATION,
}
_WHOLE = {
    INVOICE_LINE_TYPE_FLAT_FEE,
    INVOICE_LINE_TYPE_COMMITMENT,
    INVOICE_LINE_TYPE_ADD_ON,
    INVOICE_LINE_TYPE_USAGE,
}


async def check_truths(world: World) -> None:
    """Fails where the books of the story do not add up."""
    known, books = world.known, await world.books(credit=True)
    assert books == known, "the books changed beside what a step was about"
    for invoice in books.invoices.values():
        check_invoice(invoice)
    _check_accounts(books)
    await _check_credit(world, books)
    await _check_events(world, books)


def check_invoice(invoice: Invoice) -> None:
    """One invoice adds up, line by line, and is in the state that its sums say."""
    for line in invoice.lines:
        _check_line(line, invoice.currency)
    subtotal, total = (
        _sum(line.subtotal.amount for line in invoice.lines),
        _sum(line.amount.amount for line in invoice.lines),
    )
    assert subtotal == Decimal(invoice.subtotal.amount), invoice
    assert total == Decimal(invoice.total.amount), invoice
    off = _sum(discount.amount.amount for discount in invoice.discounts)
    assert subtotal - off == total, invoice
    by_coupon: defaultdict[str, Decimal] = defaultdict(Decimal)
    for line in invoice.lines:
        for discount in line.discounts:
            by_coupon[discount.coupon_id] += Decimal(discount.amount.amount)
    assert {key: value for key, value in by_coupon.items() if value} == {
        discount.coupon_id: Decimal(discount.amount.amount) for discount in invoice.discounts
    }, invoice
    _check_settlement(invoice, total)
    assert invoice.tax_behavior == TAX_BEHAVIOR_EXCLUSIVE, invoice


def _check_settlement(invoice: Invoice, total: Decimal) -> None:
    applied, granted = Decimal(invoice.credit_applied.amount or 0), Decimal(invoice.credit_granted.amount or 0)
    due = Decimal(invoice.amount_due.amount)
    assert due == max(total, Decimal(0)) - applied >= 0, invoice
    assert granted == max(-total, Decimal(0)), invoice
    paid, credited = Decimal(invoice.amount_paid.amount or 0), Decimal(invoice.amount_credited.amount or 0)
    void = invoice.state == INVOICE_STATE_VOID
    assert Decimal(invoice.amount_remaining.amount or 0) == (0 if void else due - paid - credited), invoice
    if not void and invoice.state != INVOICE_STATE_UNCOLLECTIBLE:
        settled = due - paid - credited == 0
        assert invoice.state == (INVOICE_STATE_PAID if settled else INVOICE_STATE_OPEN), invoice
    assert invoice.HasField("paid_time") == (invoice.state == INVOICE_STATE_PAID), invoice


def _check_line(line: InvoiceLine, currency: str) -> None:
    amount, subtotal = Decimal(line.amount.amount), Decimal(line.subtotal.amount)
    digits = _DIGITS.get(currency, 2)
    for money in (line.amount, line.subtotal):
        assert money.currency == currency, line
        assert -int(Decimal(money.amount).as_tuple().exponent) == digits, line
    assert subtotal - _sum(discount.amount.amount for discount in line.discounts) == amount, line
    assert amount * subtotal >= 0, line
    assert abs(amount) <= abs(subtotal), line
    assert line.description, line
    steps = _sum(step.amount for step in line.derivation)
    if line.type in _PRORATIONS or line.type == INVOICE_LINE_TYPE_LATE_USAGE:
        assert steps == subtotal, line
    else:
        assert steps.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP) == subtotal, line
    if line.type in _PRORATIONS:
        assert 0 <= line.proration.charged_microseconds <= line.proration.period_microseconds > 0, line


def _check_accounts(books: Books) -> None:
    """Of one charge in one period: charged whole at most once, and never more given back than was charged."""
    wholes: set[tuple[str, ...]] = set()
    balances: defaultdict[tuple[str, ...], Decimal] = defaultdict(Decimal)
    for invoice in books.invoices.values():
        if invoice.state == INVOICE_STATE_VOID:
            continue
        for line in invoice.lines:
            if line.type == INVOICE_LINE_TYPE_MANUAL:
                continue
            charge = (invoice.subscription_id, line.source_id, line.charge_id)
            if line.type in _WHOLE:
                whole = (*charge, line.period.start_time.ToJsonString(), line.period.end_time.ToJsonString())
                assert whole not in wholes, f"a period is charged twice: {line}"
                wholes.add(whole)
            balances[*charge, line.period.end_time.ToJsonString()] += Decimal(line.amount.amount)
    assert all(balance >= 0 for balance in balances.values()), balances


async def _check_credit(world: World, books: Books) -> None:
    """A customer's balance is what its entries say."""
    moved = {
        one.customer_id
        for one in books.invoices.values()
        if Decimal(one.credit_applied.amount or 0) or Decimal(one.credit_granted.amount or 0)
    }
    for customer_id, customer in books.customers.items():
        if customer_id not in moved and not customer.credit_balances:
            continue
        request = ListCreditEntriesRequest(customer_id=customer_id, page_size=1_000)
        entries = (await world.stubs.customers.ListCreditEntries(request)).credit_entries
        by_currency: defaultdict[str, Decimal] = defaultdict(Decimal)
        for entry in entries:
            by_currency[entry.amount.currency] += Decimal(entry.amount.amount)
        held = {balance.currency: Decimal(balance.amount) for balance in customer.credit_balances}
        assert {key: value for key, value in by_currency.items() if value} == held, (customer, entries)
        assert all(balance > 0 for balance in held.values()), customer


async def _check_events(world: World, books: Books) -> None:
    """Each invoice was announced once as finalized; what was announced of one thing only grows newer, and ends with what it is."""
    await world.caught_up()
    finalized: list[str] = []
    newest: dict[tuple[str, str], int] = {}
    for customer_id in world.customers.values():
        for event in world.installation.events.of(customer_id):
            state = event.state
            if event.name == "invoice.finalized":
                finalized.append(state.id)
            for told in event.states:
                thing = type(told).__name__, told.id
                assert told.revision >= newest.get(thing, 0), event
                newest[thing] = told.revision
    assert sorted(finalized) == sorted(books.invoices), finalized
    for stored in (books.subscriptions, books.customers, books.invoices):
        for one in stored.values():
            assert newest[type(one).__name__, one.id] == one.revision, one


def _sum(amounts: Iterable[str]) -> Decimal:
    return sum((Decimal(amount or 0) for amount in amounts), Decimal(0))
