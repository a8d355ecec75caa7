"""Laws of invoices and credit: totals add up, credit is never negative, late usage ends where the whole would."""

from datetime import UTC, datetime
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from billing.domain.customer import change_credit
from billing.domain.invoice import InvoiceLine, InvoiceState, LineType, settle
from billing.domain.usage import LATE_PERIODS
from kernel.money import USD, Money
from kernel.period import Period
from kernel.pricing import FlatRate, Volume, price
from kernel.quantity import round_half_away
from tests.unit.billing.story import Story
from tests.unit.billing.terms import customer, plan, tiers, used

NOW = datetime(2026, 4, 1, tzinfo=UTC)
cents = st.integers(-100_000, 100_000).map(lambda units: Decimal(units) / 100)


def line(amount: Decimal) -> InvoiceLine:
    return InvoiceLine(
        LineType.FLAT_FEE, None, "fee", "", "Fee", Decimal(1), 0, Period(NOW, NOW), Money(amount, USD), derivation=()
    )


@given(st.lists(cents, max_size=8), st.integers(0, 100_000).map(lambda units: Decimal(units) / 100))
def test_a_settlement_adds_up(amounts: list[Decimal], credit: Decimal) -> None:
    settlement = settle([line(amount) for amount in amounts], Money(credit, USD))
    assert settlement.total.amount == sum(amounts)
    assert settlement.amount_due == settlement.total - settlement.credit_applied + settlement.credit_granted
    assert settlement.amount_due.amount >= 0
    assert 0 <= settlement.credit_applied.amount <= credit
    assert not (settlement.credit_applied.amount and settlement.credit_granted.amount)
    assert (settlement.state is InvoiceState.PAID) == (settlement.amount_due.amount == 0)


@given(st.lists(st.lists(cents, min_size=1, max_size=4), max_size=8))
def test_credit_is_what_was_granted_less_what_was_applied(invoices: list[list[Decimal]]) -> None:
    held = customer(NOW)
    paid = Decimal(0)
    for amounts in invoices:
        settlement = settle([line(amount) for amount in amounts], held.credit_in("USD"))
        held = change_credit(held, settlement.credit_change, revision=held.revision + 1)
        assert held.credit_in("USD").amount >= 0
        paid += settlement.amount_due.amount
    # Whatever is asked for less the credit left is what everything together came to.
    assert paid - held.credit_in("USD").amount == sum((sum(amounts) for amounts in invoices), Decimal(0))


@given(
    st.one_of(st.builds(FlatRate, st.decimals("0", "2", places=6)), st.just(Volume(tiers("10", "8", "5")))),
    st.lists(st.decimals("0", "500", places=3), min_size=1, max_size=LATE_PERIODS + 1),
)
def test_billed_and_late_usage_together_cost_what_the_whole_costs(
    price_list: FlatRate | Volume, known: list[Decimal]
) -> None:
    story = Story(plan(used(price_list)))
    story.provision(NOW)
    arrived = Decimal(0)
    for first_period in known:
        # What is known of the first period when each renewal asks; all others stay without usage.
        story.use(NOW, str(first_period - arrived))
        arrived = first_period
        story.renew()
    account = [line for line in story.lines if line.period_number == 0]
    total = sum(line.amount.amount for line in account)
    assert total == round_half_away(price(price_list, known[-1]).amount, 2)
    for late_line in account[1:]:
        assert sum((step.amount for step in late_line.derivation), Decimal(0)) == late_line.amount.amount
