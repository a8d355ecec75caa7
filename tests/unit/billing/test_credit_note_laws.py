"""Laws of credit notes, whatever was charged, used, paid and asked for before."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from billing.domain.credit_note import CorrectedLine, Correction, CreditNote, credit_note
from billing.domain.invoice import Invoice, InvoiceState
from billing.domain.invoice_ending import receive
from kernel.errors import TollkeeperError
from kernel.money import USD, Money
from tests.unit.billing.test_credit_note import LATER, NOW, invoice, usd

cents = st.integers(1, 5_000).map(lambda units: Decimal(units) / 100)
signed = st.integers(-2_000, 10_000).map(lambda units: Decimal(units) / 100)
# What happens to an invoice: a note by line, or money.
asked = st.dictionaries(st.integers(0, 3), cents, min_size=1, max_size=3)
happenings = st.lists(st.one_of(asked, cents), max_size=12)


class Story:
    """An invoice, and the notes that were issued for it."""

    def __init__(self, before: Invoice) -> None:
        self.invoice = before
        self.notes: list[CreditNote] = []
        self.came = Decimal(0)

    def credited(self) -> dict[int, Money]:
        """What the notes took back, by line."""
        found: dict[int, Money] = {}
        for line in (line for note in self.notes for line in note.lines):
            found[line.index] = found.get(line.index, usd("0")) + line.amount
        return found

    def correct(self, lines: dict[int, Decimal]) -> bool:
        """Issues a note, if it may be issued."""
        wanted = Correction("inv_1", tuple(CorrectedLine(i, usd(amount)) for i, amount in lines.items()), "Sorry")
        try:
            note, self.invoice = credit_note(
                self.invoice, wanted, credited=self.credited(), kept={}, id="cn", now=LATER, revision=9
            )
        except TollkeeperError as refused:
            if refused.reason != "CREDIT_NOTE_INVALID":
                raise
            return False
        self.notes.append(note)
        return True

    def befall(self, happening: dict[int, Decimal] | Decimal) -> None:
        """A note is asked for, or money comes."""
        if isinstance(happening, Decimal):
            self.pay(happening)
        else:
            self.correct(happening)

    def pay(self, amount: Decimal) -> None:
        """Money comes; what the invoice does not need is not its own."""
        self.invoice, excess = receive(self.invoice, usd(amount), now=NOW, revision=8)
        self.came += amount - excess.amount

    @property
    def granted(self) -> Decimal:
        """What the notes made credit."""
        return sum((note.credit_granted.amount for note in self.notes), Decimal(0))

    @property
    def taken_back(self) -> Decimal:
        """What the notes come to."""
        return sum((note.total.amount for note in self.notes), Decimal(0))


@given(st.lists(signed, min_size=1, max_size=4), cents, happenings)
def test_notes_never_give_back_more_than_was_charged_and_what_is_left_is_never_negative(
    amounts: list[Decimal], credit: Decimal, happened: list[dict[int, Decimal] | Decimal]
) -> None:
    story = Story(invoice(*map(str, amounts), credit=str(credit)))
    total = max(story.invoice.settlement.total.amount, Decimal(0))
    for one in happened:
        story.befall(one)
        after = story.invoice
        assert after.amount_remaining.amount >= 0
        assert (after.state is InvoiceState.PAID) == (after.amount_remaining.amount == 0)
        assert story.taken_back <= total
        assert all(taken.amount <= amounts[index] for index, taken in story.credited().items())
        assert after.amount_credited.amount == story.taken_back - story.granted
        # Everything that came in, and what the notes took off, is what was asked for.
        assert after.amount_paid.amount == story.came
        assert after.settlement.amount_due == after.amount_paid + after.amount_credited + after.amount_remaining
        assert story.granted <= story.came + after.settlement.credit_applied.amount


@given(st.lists(cents, min_size=1, max_size=4), happenings, st.data())
def test_what_is_left_may_always_be_taken_back(
    amounts: list[Decimal], happened: list[dict[int, Decimal] | Decimal], data: st.DataObject
) -> None:
    story = Story(invoice(*map(str, amounts)))
    for one in happened:
        story.befall(one)
    credited = story.credited()
    left = {i: amount - credited.get(i, usd("0")).amount for i, amount in enumerate(amounts)}
    chosen = {i: amount for i, amount in left.items() if amount and data.draw(st.booleans())}
    if chosen:
        assert story.correct(chosen)
    assert story.taken_back == sum((taken.amount for taken in credited.values()), Decimal(0)) + sum(chosen.values())


@given(st.lists(cents, min_size=1, max_size=4), st.lists(asked, max_size=6), cents)
def test_one_note_or_several_come_to_the_same(
    amounts: list[Decimal], wanted: list[dict[int, Decimal]], paid: Decimal
) -> None:
    several = Story(invoice(*map(str, amounts)))
    several.pay(paid)
    for lines in wanted:
        several.correct(lines)
    one = Story(invoice(*map(str, amounts)))
    one.pay(paid)
    credited = several.credited()
    if credited:
        assert one.correct({index: taken.amount for index, taken in credited.items()})
    assert one.granted == several.granted
    assert (one.invoice.amount_remaining, one.invoice.state) == (
        several.invoice.amount_remaining,
        several.invoice.state,
    )
    assert one.invoice.settlement.total.currency == USD
