"""How invoices are settled and given up, as values: what money does, and what is given back."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from billing.domain.invoice import BillTo, Invoice, InvoiceReason, InvoiceState, Settlement
from billing.domain.invoice_ending import credit_for, mark_uncollectible, receive, returned, void
from kernel.errors import TollkeeperError
from kernel.money import USD, Money

NOON = datetime(2013, 1, 15, 12, tzinfo=UTC)
LATER = datetime(2013, 1, 16, 12, tzinfo=UTC)


def usd(amount: str) -> Money:
    return Money(Decimal(amount), USD)


def invoice(state: InvoiceState = InvoiceState.OPEN, *, paid: str = "0", credited: str = "0") -> Invoice:
    """An invoice of 100 dollars, of which credit paid 30."""
    return Invoice(
        id="inv_1",
        number=17,
        customer_id="acme",
        subscription_id=None,
        period_number=0,
        reason=InvoiceReason.MANUAL,
        lines=(),
        settlement=Settlement(usd("100"), usd("30"), usd("0"), usd("70")),
        state=state,
        bill_to=BillTo("Acme", "", ""),
        create_time=NOON,
        finalize_time=NOON,
        paid_time=None,
        revision=1,
        amount_paid=usd(paid),
        amount_credited=usd(credited),
        next_attempt_time=LATER if state is InvoiceState.OPEN else None,
    )


@pytest.mark.parametrize("state", [InvoiceState.OPEN, InvoiceState.UNCOLLECTIBLE])
@pytest.mark.parametrize(
    ("credited", "money", "excess"),
    [("0", "70", "0"), ("20", "50", "0"), ("20", "70", "20"), ("0", "70.01", "0.01")],
)
def test_money_pays_what_is_left_and_the_rest_is_told(
    state: InvoiceState, credited: str, money: str, excess: str
) -> None:
    after, more = receive(invoice(state, credited=credited), usd(money), now=LATER, revision=2)
    assert (after.state, after.paid_time, after.revision) == (InvoiceState.PAID, LATER, 2)
    assert (after.amount_remaining, more) == (usd("0"), usd(excess))
    assert after.amount_paid == usd(money) - usd(excess)
    assert (after.next_attempt_time, after.close_time) == (None, None)


def test_less_money_leaves_the_rest_open() -> None:
    after, more = receive(invoice(), usd("69.99"), now=LATER, revision=2)
    assert (after.state, after.amount_remaining, more) == (InvoiceState.OPEN, usd("0.01"), usd("0"))
    assert after.next_attempt_time == LATER


@pytest.mark.parametrize("state", [InvoiceState.PAID, InvoiceState.VOID, InvoiceState.DRAFT])
def test_an_invoice_that_asks_for_nothing_takes_no_money(state: InvoiceState) -> None:
    before = invoice(state)
    assert receive(before, usd("70"), now=LATER, revision=2) == (before, usd("70"))


@pytest.mark.parametrize("state", [InvoiceState.OPEN, InvoiceState.UNCOLLECTIBLE])
def test_a_void_invoice_asks_for_nothing_and_gives_back_what_came(state: InvoiceState) -> None:
    after = void(invoice(state, paid="5"), now=LATER, revision=2)
    assert (after.state, after.close_time, after.next_attempt_time) == (InvoiceState.VOID, LATER, None)
    assert (after.amount_remaining, returned(after)) == (usd("0"), usd("35"))
    assert void(after, now=LATER, revision=3) is after


def test_what_notes_took_off_is_not_given_twice() -> None:
    assert returned(invoice(credited="20")) == usd("30")


def test_only_an_open_invoice_is_given_up() -> None:
    after = mark_uncollectible(invoice(), now=LATER, revision=2)
    assert (after.state, after.close_time, after.next_attempt_time) == (InvoiceState.UNCOLLECTIBLE, LATER, None)
    assert after.amount_remaining == usd("70")
    assert mark_uncollectible(after, now=LATER, revision=3) is after


@pytest.mark.parametrize(
    ("end", "state"),
    [
        (void, InvoiceState.DRAFT),
        (void, InvoiceState.PAID),
        (mark_uncollectible, InvoiceState.DRAFT),
        (mark_uncollectible, InvoiceState.PAID),
        (mark_uncollectible, InvoiceState.VOID),
    ],
)
def test_what_is_settled_cannot_be_ended(end: object, state: InvoiceState) -> None:
    assert callable(end)
    with pytest.raises(TollkeeperError) as caught:
        end(invoice(state), now=LATER, revision=2)
    assert (caught.value.reason, caught.value.metadata["state"]) == ("INVOICE_NOT_OPEN", state)


def test_credit_that_it_leaves_says_why() -> None:
    entry = credit_for(invoice(), usd("5"), "taken back", id="cre_1", now=LATER, revision=9)
    assert entry is not None
    assert (entry.amount, entry.description, entry.invoice_id) == (usd("5"), "Invoice TK-000017: taken back", "inv_1")
    assert credit_for(invoice(), usd("0"), "taken back", id="cre_1", now=LATER, revision=9) is None
