"""How a total is settled: credit first, nothing below zero, never edited after."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from billing.domain.customer import change_credit
from billing.domain.invoice import InvoiceLine, InvoiceState, LineType, finalize, mark_paid, number_text, settle
from billing.domain.invoicing import draft_invoice
from kernel.money import CURRENCIES, USD, Money
from kernel.period import Period
from tests.unit.billing.story import Story
from tests.unit.billing.terms import VOLUME, committed, customer, plan

NOW = datetime(2026, 4, 1, tzinfo=UTC)


def usd(amount: str) -> Money:
    return Money(Decimal(amount), USD)


def line(amount: str) -> InvoiceLine:
    return InvoiceLine(
        type=LineType.FLAT_FEE,
        source=None,
        charge_id="fee",
        feature_id="",
        description="Fee",
        quantity=Decimal(1),
        period_number=0,
        period=Period(NOW, NOW),
        subtotal=usd(amount),
        derivation=(),
    )


@pytest.mark.parametrize(
    ("amounts", "credit", "total", "applied", "granted", "due", "state"),
    [
        (["298.00"], "0", "298", "0", "0", "298", InvoiceState.OPEN),
        (["298.00"], "100", "298", "100", "0", "198", InvoiceState.OPEN),
        (["298.00"], "298", "298", "298", "0", "0", InvoiceState.PAID),
        (["298.00"], "500", "298", "298", "0", "0", InvoiceState.PAID),
        (["0.00"], "500", "0", "0", "0", "0", InvoiceState.PAID),
        (["5.00", "-5.00"], "0", "0", "0", "0", "0", InvoiceState.PAID),
        (["-21.50"], "0", "-21.50", "0", "21.50", "0", InvoiceState.PAID),
        (["10", "-21.50"], "7", "-11.50", "0", "11.50", "0", InvoiceState.PAID),
    ],
)
def test_a_total_is_settled(  # noqa: PLR0917 - a table's columns.
    amounts: list[str], credit: str, total: str, applied: str, granted: str, due: str, state: InvoiceState
) -> None:
    settlement = settle([line(amount) for amount in amounts], usd(credit))
    assert settlement.total == usd(total)
    assert settlement.credit_applied == usd(applied)
    assert settlement.credit_granted == usd(granted)
    assert settlement.amount_due == usd(due)
    assert settlement.state is state


def test_credit_of_another_currency_is_left_alone() -> None:
    held = change_credit(customer(NOW), Money(Decimal(500), CURRENCIES["JPY"]), revision=2)
    change = Story(plan(committed(VOLUME))).provision(NOW, {"gates": "5"})
    assert draft_invoice(change, held, NOW).settlement.amount_due == usd("100")
    held = change_credit(held, usd("30"), revision=3)
    assert [money.currency.code for money in held.credit] == ["JPY", "USD"]
    assert draft_invoice(change, held, NOW).settlement.amount_due == usd("70")


def test_credit_is_never_negative() -> None:
    held = change_credit(customer(NOW), usd("30"), revision=2)
    assert change_credit(held, usd("-30"), revision=3).credit == ()
    assert change_credit(held, usd("0"), revision=3) is held
    with pytest.raises(ValueError, match="never negative"):
        change_credit(held, usd("-30.01"), revision=3)


def test_an_invoice_is_paid_once() -> None:
    draft = draft_invoice(Story(plan(committed(VOLUME))).provision(NOW, {"gates": "5"}), customer(NOW), NOW)
    assert (draft.state, draft.number, draft.finalize_time) == (InvoiceState.DRAFT, None, None)
    issued = finalize(draft, NOW, number=7, revision=4)
    assert (issued.state, issued.paid_time, issued.finalize_time) == (InvoiceState.OPEN, None, NOW)
    later = datetime(2026, 5, 1, tzinfo=UTC)
    paid = mark_paid(issued, later, revision=9)
    assert (paid.state, paid.paid_time, paid.revision) == (InvoiceState.PAID, later, 9)
    assert mark_paid(paid, NOW, revision=10) is paid


def test_nothing_due_is_paid_at_once() -> None:
    held = change_credit(customer(NOW), usd("100"), revision=2)
    draft = draft_invoice(Story(plan(committed(VOLUME))).provision(NOW, {"gates": "5"}), held, NOW)
    issued = finalize(draft, NOW, number=1, revision=4)
    assert (issued.state, issued.paid_time) == (InvoiceState.PAID, NOW)


@pytest.mark.parametrize(("number", "text"), [(1, "TK-000001"), (999_999, "TK-999999"), (1_000_000, "TK-1000000")])
def test_a_number_as_people_read_it(number: int, text: str) -> None:
    assert number_text(number) == text
