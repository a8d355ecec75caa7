"""Laws of proration: however a commitment changes, its lines add up to what is due."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from kernel.money import CURRENCIES, Currency, Money
from kernel.period import Period
from kernel.pricing import FlatRate, Graduated, Package, PriceList, Tier, Volume, price
from kernel.proration import Segment, prorate

LAWS = settings(deadline=None, max_examples=100)
START = datetime(2026, 1, 31, 10, tzinfo=UTC)
LENGTH = timedelta(days=28)
PERIOD = Period(START, START + LENGTH)
PRICES = st.decimals(0, 1000, places=6)
QUANTITIES = st.integers(0, 60).map(Decimal)
TIERS = st.builds(
    lambda prices, fees: tuple(map(Tier, (Decimal(5), Decimal("10.5"), None), prices, fees)),
    st.tuples(PRICES, PRICES, PRICES),
    st.tuples(PRICES, PRICES, PRICES),
)
PRICE_LISTS: st.SearchStrategy[PriceList] = st.one_of(
    st.builds(FlatRate, PRICES),
    st.builds(Package, st.integers(1, 30).map(Decimal), PRICES),
    st.builds(Graduated, TIERS),
    st.builds(Volume, TIERS),
)
MONIES = st.sampled_from([CURRENCIES[code] for code in ("USD", "JPY", "KWD", "CLF")])
MOMENTS = st.timedeltas(timedelta(0), LENGTH).map(lambda after: START + after)


def segment(at: datetime, quantity: Decimal) -> Segment:
    return Segment(at, quantity, FlatRate(Decimal(0)))


def priced(segments: Sequence[Segment], price_list: PriceList) -> list[Segment]:
    return [replace(one, price_list=price_list) for one in segments]


COMMITMENTS = st.lists(st.builds(segment, MOMENTS, QUANTITIES), min_size=1, max_size=6).map(
    lambda segments: sorted(segments, key=lambda segment: segment.start)
)


def due(segments: list[Segment], price_list: PriceList, *, currency: Currency) -> Money:
    return prorate(PERIOD, priced(segments, price_list), charged=Money.zero(currency)).total


@LAWS
@given(COMMITMENTS, PRICE_LISTS, MONIES)
def test_lines_always_add_up_to_the_rounded_total(
    segments: list[Segment], price_list: PriceList, currency: Currency
) -> None:
    charged = Money.zero(currency)
    for count in range(1, len(segments) + 1):
        settled = prorate(PERIOD, priced(segments[:count], price_list), charged=charged)
        charged = charged + settled.line
        assert settled.line == settled.line.rounded()
        assert charged == settled.total
        assert abs(Fraction(settled.total.amount) - settled.due) * 2 * 10**currency.minor_digits <= 1
    assert charged == due(segments, price_list, currency=currency)


@LAWS
@given(COMMITMENTS, QUANTITIES, PRICE_LISTS, MONIES)
def test_two_raises_at_one_instant_equal_one(
    segments: list[Segment], between: Decimal, price_list: PriceList, currency: Currency
) -> None:
    last = segments[-1]
    twice = [*segments[:-1], segment(last.start, between), last]
    assert due(twice, price_list, currency=currency) == due(segments, price_list, currency=currency)


@LAWS
@given(QUANTITIES, QUANTITIES, PRICE_LISTS, MONIES)
def test_a_raise_at_the_start_charges_the_new_quantity_from_the_start(
    old: Decimal, new: Decimal, price_list: PriceList, currency: Currency
) -> None:
    first = due([segment(START, old)], price_list, currency=currency)
    raised = prorate(PERIOD, priced([segment(START, old), segment(START, new)], price_list), charged=first)
    assert first + raised.line == Money(price(price_list, new).amount, currency).rounded()


@LAWS
@given(COMMITMENTS, PRICE_LISTS, MOMENTS, MONIES)
def test_saying_the_same_again_changes_nothing(
    segments: list[Segment], price_list: PriceList, at: datetime, currency: Currency
) -> None:
    at = max(at, segments[-1].start)
    again = [*segments, segment(at, segments[-1].quantity)]
    assert due(again, price_list, currency=currency) == due(segments, price_list, currency=currency)


@LAWS
@given(COMMITMENTS, PRICE_LISTS, MONIES)
def test_a_change_at_the_end_costs_nothing_in_the_period(
    segments: list[Segment], price_list: PriceList, currency: Currency
) -> None:
    later = [*segments, segment(PERIOD.end, Decimal(1000))]
    assert due(later, price_list, currency=currency) == due(segments, price_list, currency=currency)


@LAWS
@given(QUANTITIES, QUANTITIES, PRICE_LISTS, MOMENTS)
def test_what_is_due_lies_between_the_two_prices(
    old: Decimal, new: Decimal, price_list: PriceList, at: datetime
) -> None:
    currency = CURRENCIES["USD"]
    both = sorted(Fraction(price(price_list, quantity).amount) for quantity in (old, new))
    changed = [segment(START, old), segment(at, new)]
    assert both[0] <= prorate(PERIOD, priced(changed, price_list), charged=Money.zero(currency)).due <= both[1]
