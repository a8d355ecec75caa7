"""Credit notes: first what is left to pay becomes less, the rest is credit, and never more than was charged."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from billing.domain.credit_note import (
    CorrectedLine,
    Correction,
    CreditNote,
    credit_note,
    note_entry,
    note_number_text,
)
from billing.domain.invoice import Invoice, InvoiceState, finalize
from billing.domain.invoice_ending import mark_uncollectible, receive, returned, void
from billing.domain.manual_invoice import ManualLine, draft, settled_by
from kernel.errors import TollkeeperError
from kernel.money import USD, Money, currency
from tests.unit.billing.terms import customer

NOW = datetime(2013, 1, 15, 12, tzinfo=UTC)
LATER = NOW + timedelta(days=1)
NO_CREDIT = customer(NOW)


def usd(amount: str | Decimal) -> Money:
    return Money(Decimal(amount), USD)


def invoice(*amounts: str, credit: str = "0", paid: str = "0") -> Invoice:
    """An issued invoice of these lines, for a customer who had that credit, with so much of it paid."""
    payer = replace(NO_CREDIT, credit=(usd(credit),)) if Decimal(credit) else NO_CREDIT
    lines = [ManualLine(f"Line {i}", Decimal(1), Decimal(amount)) for i, amount in enumerate(amounts)]
    ready = settled_by(draft(payer, lines, USD, id="inv_1", now=NOW, revision=1), payer)
    issued = finalize(ready, NOW, number=17, revision=2)
    after, _ = receive(issued, usd(paid), now=NOW, revision=3) if Decimal(paid) else (issued, None)
    return after


def corrected(
    before: Invoice, *lines: tuple[int, str], credited: dict[int, str] | None = None
) -> tuple[CreditNote, Invoice]:
    """The note that takes amounts back by line, where earlier ones took some back, and the invoice after it."""
    asked = Correction("inv_1", tuple(CorrectedLine(index, usd(amount)) for index, amount in lines), "Sorry")
    taken = {index: usd(amount) for index, amount in (credited or {}).items()}
    return credit_note(before, asked, credited=taken, kept={}, id="cn_1", now=LATER, revision=9)


@pytest.mark.parametrize(
    ("before", "amount", "off", "granted", "left", "state"),
    [
        pytest.param(invoice("100"), "30", "30", "0", "70", InvoiceState.OPEN, id="part of an open one"),
        pytest.param(invoice("100"), "100", "100", "0", "0", InvoiceState.PAID, id="all of an open one"),
        pytest.param(invoice("100", paid="100"), "30", "0", "30", "0", InvoiceState.PAID, id="of a paid one"),
        pytest.param(invoice("100", paid="60"), "50", "40", "10", "0", InvoiceState.PAID, id="of a half-paid one"),
        pytest.param(
            invoice("100", credit="60"), "50", "40", "10", "0", InvoiceState.PAID, id="of one that used credit"
        ),
        pytest.param(invoice("100", credit="100"), "50", "0", "50", "0", InvoiceState.PAID, id="of one met by credit"),
        pytest.param(invoice("100", "-30"), "70", "70", "0", "0", InvoiceState.PAID, id="beside a line that takes off"),
    ],
)
def test_where_the_money_goes(
    before: Invoice, amount: str, off: str, *, granted: str, left: str, state: InvoiceState
) -> None:
    note, after = corrected(before, (0, amount))
    assert (note.total, note.amount_off_remaining, note.credit_granted) == (usd(amount), usd(off), usd(granted))
    assert (after.amount_remaining, after.state) == (usd(left), state)
    assert after.amount_credited == usd(off)
    assert after.lines == before.lines, "what was charged stays as it was"
    if state is before.state and not Decimal(off):
        assert after is before


def test_an_open_invoice_with_nothing_left_is_paid_then() -> None:
    before = replace(invoice("100"), next_attempt_time=LATER)
    _, after = corrected(before, (0, "100"))
    assert (after.state, after.paid_time, after.next_attempt_time, after.revision) == (
        InvoiceState.PAID,
        LATER,
        None,
        9,
    )
    _, partly = corrected(before, (0, "99.99"))
    assert (partly.state, partly.paid_time, partly.next_attempt_time) == (InvoiceState.OPEN, None, LATER)


def test_one_that_was_given_up_has_less_left_and_is_paid_when_nothing_is() -> None:
    given_up = mark_uncollectible(invoice("100"), now=NOW, revision=4)
    _, partly = corrected(given_up, (0, "40"))
    assert (partly.state, partly.amount_remaining, partly.close_time) == (InvoiceState.UNCOLLECTIBLE, usd("60"), NOW)
    _, wholly = corrected(partly, (0, "60"), credited={0: "40"})
    assert (wholly.state, wholly.paid_time, wholly.close_time) == (InvoiceState.PAID, LATER, None)


def test_voiding_after_a_note_gives_nothing_back_twice() -> None:
    _, after = corrected(invoice("100", credit="30", paid="20"), (0, "25"))
    taken_back = void(after, now=LATER, revision=10)
    # 30 of credit and 20 of money came in; the note gave none of it back.
    assert returned(taken_back) == usd("50")


def test_the_note() -> None:
    note, _ = corrected(invoice("100", "50", paid="150"), (1, "20"), (0, "1.50"))
    assert (note.customer_id, note.invoice_id, note.invoice_number, note.number) == ("UA", "inv_1", 17, None)
    assert [(line.index, line.description, line.amount) for line in note.lines] == [
        (1, "Line 1", usd("20")),
        (0, "Line 0", usd("1.50")),
    ]
    assert (note.total, note.description, note.create_time, note.revision) == (usd("21.50"), "Sorry", LATER, 9)
    assert note_number_text(17) == "CN-000017"


def test_the_entry_of_credit() -> None:
    note, _ = corrected(invoice("100", paid="100"), (0, "30"))
    assert note_entry(note, id="cre_1", revision=10) is None, "a preview grants nothing"
    entry = note_entry(replace(note, number=3), id="cre_1", revision=10)
    assert entry is not None
    assert (entry.amount, entry.invoice_id, entry.credit_note_id) == (usd("30"), "inv_1", "cn_1")
    assert entry.description == "Credit note CN-000003: corrects invoice TK-000017"
    open_note, _ = corrected(invoice("100"), (0, "30"))
    assert note_entry(replace(open_note, number=3), id="cre_1", revision=10) is None


@pytest.mark.parametrize(
    ("before", "lines", "credited", "paths"),
    [
        pytest.param(invoice("100"), [(0, "100.01")], {}, ["lines[0].amount", "lines"], id="more than the line"),
        pytest.param(invoice("100"), [(0, "40.01")], {0: "60"}, ["lines[0].amount", "lines"], id="more than is left"),
        pytest.param(invoice("100", "50"), [(0, "100.01")], {}, ["lines[0].amount"], id="more than one of the lines"),
        pytest.param(invoice("100", "-30"), [(0, "70.01")], {}, ["lines"], id="more than the total"),
        pytest.param(invoice("100", "-30"), [(0, "10.01")], {0: "60"}, ["lines"], id="more than is left of the total"),
        pytest.param(invoice("100", "-30"), [(1, "1")], {}, ["lines[0].line_index"], id="a line that takes off"),
        pytest.param(invoice("100", "0"), [(1, "1")], {}, ["lines[0].line_index"], id="a line of nothing"),
        pytest.param(
            invoice("100"), [(1, "1"), (-1, "1")], {}, ["lines[0].line_index", "lines[1].line_index"], id="no such line"
        ),
        pytest.param(invoice("10", "-30"), [(0, "1")], {}, ["lines"], id="a total below zero"),
        pytest.param(
            invoice("100", "5", "5"),
            [(7, "1"), (1, "6"), (2, "5")],
            {},
            ["lines[0].line_index", "lines[1].amount"],
            id="all mistakes at once",
        ),
    ],
)
def test_never_more_than_was_charged(
    before: Invoice, lines: list[tuple[int, str]], credited: dict[int, str], *, paths: list[str]
) -> None:
    with pytest.raises(TollkeeperError, match="CREDIT_NOTE_INVALID") as refused:
        corrected(before, *lines, credited=credited)
    assert [one.path for one in refused.value.violations] == paths


def test_a_mistake_says_how_to_mend_it() -> None:
    with pytest.raises(TollkeeperError) as refused:
        corrected(invoice("100", "-30"), (0, "95"), credited={0: "10"})
    assert [one.message for one in refused.value.violations] == [
        "must be at most $90.00, what is left of the line",
        "must add up to at most $60.00, what is left of the invoice's total",
    ]


def test_another_currency() -> None:
    asked = Correction("inv_1", (CorrectedLine(0, Money(Decimal(5), currency("JPY"))),), "Sorry")
    with pytest.raises(TollkeeperError, match="CREDIT_NOTE_INVALID") as refused:
        credit_note(invoice("100"), asked, credited={}, kept={}, id="cn_1", now=LATER, revision=9)
    assert [one.path for one in refused.value.violations] == ["lines[0].amount.currency"]


@pytest.mark.parametrize("state", [InvoiceState.DRAFT, InvoiceState.VOID])
def test_what_is_not_issued_or_is_taken_back(state: InvoiceState) -> None:
    with pytest.raises(TollkeeperError, match="INVOICE_NOT_OPEN") as refused:
        corrected(replace(invoice("100"), state=state), (0, "1"))
    assert refused.value.metadata == {"invoice_id": "inv_1", "state": state}
