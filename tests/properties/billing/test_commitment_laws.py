"""Laws of commitments: raises of a period add up, whatever the prices, the currency, the zone and the moments."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from billing.domain.invoice import InvoiceLine, LineType
from billing.domain.plan_terms import Offer
from kernel.money import CURRENCIES
from kernel.period import BillingPeriod
from kernel.pricing import FlatRate, Graduated, Package, PriceList, StairStep, StairStepTier, Tier, Volume, price
from kernel.quantity import round_half_away
from tests.unit.billing.story import Story
from tests.unit.billing.terms import committed, plan

prices = st.decimals("0", "1000", places=4)
ZONES = ("UTC", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia")


@st.composite
def price_lists(draw: st.DrawFn) -> PriceList:
    ends = sorted(draw(st.sets(st.integers(1, 60), max_size=3)))
    bounds = [*(Decimal(end) for end in ends), None]
    tiers = tuple(Tier(end, draw(prices), draw(prices)) for end in bounds)
    return draw(
        st.one_of(
            st.builds(FlatRate, prices),
            st.builds(Package, st.integers(1, 30).map(Decimal), prices),
            st.just(Graduated(tiers)),
            st.just(Volume(tiers)),
            st.just(StairStep(tuple(StairStepTier(tier.up_to, tier.unit_price) for tier in tiers))),
        )
    )


offers = st.builds(Offer, st.sampled_from(BillingPeriod), st.sampled_from(["USD", "JPY", "KWD", "CLF"]))
starts = st.datetimes(datetime(2011, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis adds the zone.


@st.composite
def begun(draw: st.DrawFn) -> Story:
    offer = draw(offers)
    story = Story(plan(committed(draw(price_lists()), offers=[offer])))
    story.provision(
        draw(starts),
        {"gates": str(draw(st.integers(1, 40)))},
        time_zone=draw(st.sampled_from(ZONES)),
        billing_period=offer.billing_period,
        currency=offer.currency,
    )
    return story


@st.composite
def raises(draw: st.DrawFn, story: Story) -> list[tuple[datetime, str]]:
    """Moments of the period in order, each with more gates than before."""
    period = story.subscription.period
    offsets = sorted(draw(st.lists(st.integers(0, period.microseconds - 1), max_size=4)))
    quantity = story.subscription.holding.committed("gates")
    found = []
    for offset in offsets:
        quantity += draw(st.decimals("0.01", "50", places=2))
        found.append((period.start + timedelta(microseconds=offset), str(quantity)))
    return found


def run(story: Story, steps: Sequence[tuple[datetime, str]]) -> list[InvoiceLine]:
    """The lines of the period."""
    for at, quantity in steps:
        story.update(at, {"gates": quantity})
    return story.lines


@given(st.data())
def test_the_lines_of_a_period_add_up_to_what_was_held(data: st.DataObject) -> None:
    story = data.draw(begun())
    account = run(story, data.draw(raises(story)))
    period, offer = story.subscription.period, story.subscription.offer
    price_list = story.terms["airline", 1].charges[0].prices[offer]
    ends = [*(line.period.start for line in account[1:]), period.end]
    due = sum(
        (
            Fraction(price(price_list, line.quantity).amount)
            * Fraction((end - line.period.start) // timedelta(microseconds=1), period.microseconds)
            for line, end in zip(account, ends, strict=True)
        ),
        Fraction(0),
    )
    places = CURRENCIES[offer.currency].minor_digits
    assert sum(line.amount.amount for line in account) == round_half_away(due, places)


@given(st.data())
def test_credits_never_exceed_what_was_charged(data: st.DataObject) -> None:
    story = data.draw(begun())
    charged = Decimal(0)
    for line in run(story, data.draw(raises(story))):
        charged += line.amount.amount
        assert charged >= 0


@given(st.data())
def test_the_steps_of_each_line_lead_to_its_amount(data: st.DataObject) -> None:
    story = data.draw(begun())
    for line in run(story, data.draw(raises(story))):
        steps = sum((step.amount for step in line.derivation), Decimal(0))
        if line.type is LineType.COMMITMENT_PRORATION:
            assert steps == line.amount.amount
        else:
            assert round_half_away(steps, line.amount.currency.minor_digits) == line.amount.amount


@given(st.data())
def test_a_raise_never_gives_money_back_where_prices_only_rise(data: st.DataObject) -> None:
    ends = sorted(data.draw(st.sets(st.integers(1, 60), max_size=3)))
    tiers = tuple(Tier(end, data.draw(prices), data.draw(prices)) for end in [*map(Decimal, ends), None])
    rising = st.one_of(
        st.just(Graduated(tiers)), st.builds(FlatRate, prices), st.builds(Package, st.just(Decimal(7)), prices)
    )
    story = Story(plan(committed(data.draw(rising))))
    story.provision(data.draw(starts), {"gates": str(data.draw(st.integers(1, 40)))})
    assert all(line.amount.amount >= 0 for line in run(story, data.draw(raises(story))))


@given(st.data())
def test_a_raise_in_two_parts_at_one_moment_costs_what_it_costs_at_once(data: st.DataObject) -> None:
    story = data.draw(begun())
    begin = story.changes[0]
    period = story.subscription.period
    at = period.start + timedelta(microseconds=data.draw(st.integers(0, period.microseconds - 1)))
    held = story.subscription.holding.committed("gates")
    # Larger than any block, so that both are raises.
    some, more = str(held + 31), str(held + 62)
    run(story, [(at, more)])
    at_once = story.balance
    story.changes = [begin]
    run(story, [(at, some), (at, more)])
    assert story.balance == at_once
