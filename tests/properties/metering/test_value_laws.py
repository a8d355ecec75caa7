"""Laws of values and periods."""

from datetime import timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from kernel.recurrence import Interval, Recurrence
from metering.domain.meter_set import Readings
from metering.domain.span_finder import SpanFinder
from metering.domain.tracker import EPOCH, microseconds
from metering.domain.value import DimensionValue, distinct_key, number_of_double, number_of_text, text_of
from tests.properties.metering.strategies import numbers, values


def kind(value: DimensionValue) -> str:
    """Its type as the contract sees it."""
    return type(value).__name__ if isinstance(value, bool | str) else "number"


@given(values, values)
def test_two_values_share_a_key_if_and_only_if_they_are_the_same(one: DimensionValue, other: DimensionValue) -> None:
    same = kind(one) == kind(other) and one == other
    assert (distinct_key(one) == distinct_key(other)) is same


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e17, max_value=1e17))
def test_a_double_equals_the_decimal_that_reads_the_same(double: float) -> None:
    number = number_of_double(double)
    if number is not None:
        assert float(number) == double
        assert Decimal(repr(double)) == number


@given(numbers)
def test_a_number_survives_its_text(number: int | Decimal) -> None:
    text = text_of(number)
    if len(text.partition(".")[2]) <= 12:
        assert number_of_text(text, "v") == number


@given(
    st.sampled_from(Interval),
    st.sampled_from(["UTC", "America/New_York", "Pacific/Apia", "Asia/Kolkata", "Australia/Lord_Howe"]),
    st.integers(0, 60 * 365),
    st.lists(st.integers(0, 80 * 365 * 24), min_size=1, max_size=30),
)
def test_readings_fall_where_the_recurrence_says(interval: Interval, zone: str, day: int, hours: list[int]) -> None:
    recurrence = Recurrence(interval, EPOCH + timedelta(days=day, hours=5), zone)
    times = [EPOCH + timedelta(hours=hour, minutes=hour % 60) for hour in hours]
    readings = Readings([microseconds(time) for time in times], list(range(len(times))), [])
    finder = SpanFinder()
    expected: dict[object, list[int]] = {}
    for number, time in enumerate(times):
        period = recurrence.period_at(time)
        if period is not None:
            expected.setdefault(period, []).append(number)
    for _ in range(2):
        assert finder.spread(recurrence, readings) == expected
