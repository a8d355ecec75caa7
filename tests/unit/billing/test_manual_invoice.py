"""Invoices written by hand: exact products, each rounded once, as drafts until they are finalized."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.domain.customer import change_credit
from billing.domain.invoice import Invoice, InvoiceReason, InvoiceState, LineType, finalize
from billing.domain.manual_invoice import ManualLine, check_draft, check_product, draft, settled_by, with_lines
from billing.messages.invoice import invoice_to_proto
from kernel.errors import TollkeeperError
from kernel.money import Money, currency
from kernel.quantity import round_half_away, total
from tests.unit.billing.terms import customer

NOW = datetime(2013, 1, 15, 12, tzinfo=UTC)
UA = customer(NOW)


def written(*lines: tuple[str, str], unit: str = "USD") -> Invoice:
    """A draft of lines as (quantity, unit price)."""
    return draft(UA, lines_of(*lines), currency(unit), id="inv_1", now=NOW, revision=7)


def lines_of(*lines: tuple[str, str]) -> list[ManualLine]:
    return [ManualLine(f"Line {i}", Decimal(quantity), Decimal(price)) for i, (quantity, price) in enumerate(lines)]


def with_credit(amount: str) -> Invoice:
    """A draft of $60, about to be finalized for a customer with that credit."""
    held = change_credit(UA, Money(Decimal(amount), currency("USD")), revision=2)
    return settled_by(written(("3", "20")), held)


@pytest.mark.parametrize(
    ("unit", "quantity", "price", "amount"),
    [
        ("USD", "3", "20", "60"),
        ("USD", "1.5", "0.01", "0.02"),
        ("USD", "1", "0.005", "0.01"),
        ("USD", "1", "-0.005", "-0.01"),
        ("USD", "1", "0.0049999", "0"),
        ("USD", "0.000000000001", "0.000000000001", "0"),
        ("JPY", "3", "0.5", "2"),
        ("KWD", "1", "0.0005", "0.001"),
        ("USD", "7", "0", "0"),
        ("USD", "2", "-10", "-20"),
    ],
)
def test_a_line_is_its_exact_product_rounded_once(unit: str, quantity: str, price: str, amount: str) -> None:
    [line] = written((quantity, price), unit=unit).lines
    assert line.amount == Money(Decimal(amount), currency(unit))
    [step] = line.derivation
    assert (step.quantity, step.unit_price) == (Decimal(quantity), Decimal(price))
    assert step.amount == Decimal(quantity) * Decimal(price)


def test_lines_are_rounded_each_by_itself() -> None:
    assert written(("1", "0.005"), ("1", "0.005")).settlement.total.amount == Decimal("0.02")


def test_a_draft() -> None:
    made = written(("3", "20"), ("1", "-10"))
    assert (made.state, made.reason, made.number, made.subscription_id) == (
        InvoiceState.DRAFT,
        InvoiceReason.MANUAL,
        None,
        None,
    )
    assert {line.type for line in made.lines} == {LineType.MANUAL}
    assert made.settlement.total.amount == made.settlement.amount_due.amount == 50
    assert (made.bill_to.display_name, made.create_time, made.finalize_time) == ("United", NOW, None)
    assert [step.description for line in made.lines for step in line.derivation] == ["3 units", "1 unit"]


def test_a_line_by_hand_pays_for_no_span_of_time() -> None:
    [line] = invoice_to_proto(written(("1", "20"))).lines
    assert not line.HasField("period")


def test_a_negative_draft_would_become_credit() -> None:
    settlement = written(("1", "-10")).settlement
    amounts = [settlement.total, settlement.credit_granted, settlement.amount_due]
    assert [one.amount for one in amounts] == [-10, 10, 0]


@pytest.mark.parametrize(
    ("credit", "applied", "due", "state"),
    [("0", 0, 60, InvoiceState.OPEN), ("20", 20, 40, InvoiceState.OPEN), ("60", 60, 0, InvoiceState.PAID)],
)
def test_credit_is_used_when_it_is_finalized(credit: str, applied: int, due: int, state: InvoiceState) -> None:
    assert written(("3", "20")).settlement.credit_applied.amount == 0
    issued = finalize(with_credit(credit), NOW, number=1, revision=9)
    assert issued.settlement.credit_applied.amount == applied
    assert issued.settlement.amount_due.amount == due
    assert issued.state is state


def test_other_lines_replace_all_lines() -> None:
    made = written(("3", "20"))
    changed = with_lines(made, lines_of(("1", "5"), ("2", "7")), revision=8)
    assert [line.amount.amount for line in changed.lines] == [5, 14]
    assert changed.settlement.total.amount == 19
    assert changed.revision == 8
    assert with_lines(changed, lines_of(("1", "5.0"), ("2", "7")), revision=9) is changed


@pytest.mark.parametrize("state", [state for state in InvoiceState if state is not InvoiceState.DRAFT])
def test_only_a_draft_is_edited(state: InvoiceState) -> None:
    issued = finalize(written(("3", "20")), NOW, number=1, revision=9)
    issued = type(issued)(**{name: getattr(issued, name) for name in issued.__slots__} | {"state": state})
    for attempt in (lambda: with_lines(issued, lines_of(("1", "1")), revision=10), lambda: check_draft(issued)):
        with pytest.raises(TollkeeperError, match="INVOICE_NOT_DRAFT") as refused:
            attempt()
        assert refused.value.metadata == {"invoice_id": "inv_1", "state": state}


@pytest.mark.parametrize(("quantity", "price"), [("999999999999999999", "1"), ("999999999999999999", "-1"), ("3", "0")])
def test_an_amount_has_as_many_digits_as_any_number(quantity: str, price: str) -> None:
    assert check_product(Decimal(quantity), Decimal(price), "p") == Decimal(quantity) * Decimal(price)


@pytest.mark.parametrize(
    ("quantity", "price"),
    [
        ("999999999999999999", "1.000000000001"),
        ("1000000000", "1000000000"),
        ("1000000000", "-1000000000"),
        ("999999999999999999", "999999999999999999.999999999999"),
    ],
)
def test_an_amount_that_could_not_be_taken_back_is_refused(quantity: str, price: str) -> None:
    with pytest.raises(TollkeeperError, match="18 digits") as refused:
        check_product(Decimal(quantity), Decimal(price), "lines[0].unit_price")
    assert [one.path for one in refused.value.violations] == ["lines[0].unit_price"]


quantities = st.decimals("0.000000000001", "999999", places=12)
prices = st.decimals("-999999", "999999", places=12)


@given(st.lists(st.tuples(quantities, prices), min_size=1, max_size=8), st.sampled_from(["USD", "JPY", "KWD"]))
def test_the_lines_add_up_and_their_derivations_lead_to_them(lines: list[tuple[Decimal, Decimal]], unit: str) -> None:
    made = written(*((str(quantity), str(price)) for quantity, price in lines), unit=unit)
    assert made.settlement.total == Money.total((line.amount for line in made.lines), currency(unit))
    for line in made.lines:
        exact = total(step.amount for step in line.derivation)
        assert line.amount.amount == round_half_away(exact, currency(unit).minor_digits)
    settlement = made.settlement
    assert settlement.amount_due == settlement.total + settlement.credit_granted
