"""Laws of exact numbers."""

from decimal import Context, Decimal, localcontext
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from kernel.errors import TollkeeperError
from kernel.quantity import format_decimal, parse_decimal, round_half_away, total

LAWS = settings(deadline=None, max_examples=150)
NUMBERS = st.decimals(-(10**18) + 1, 10**18 - 1, places=12)
LIKE_NUMBERS = st.text(st.sampled_from("0123456789+-._eEnaifNy \u0661\uff11"), max_size=8)


@LAWS
@given(NUMBERS)
def test_what_is_written_is_read_back(value: Decimal) -> None:
    text = format_decimal(value)
    assert parse_decimal(text, "value") == value
    assert format_decimal(parse_decimal(text, "value")) == text
    assert not text.endswith(".")
    assert "E" not in text


@LAWS
@given(NUMBERS, st.integers(0, 5))
def test_equal_numbers_have_equal_text(value: Decimal, zeros: int) -> None:
    text = f"{value:f}" + "0" * zeros
    assert format_decimal(Decimal(text)) == format_decimal(value)


@LAWS
@given(st.text() | LIKE_NUMBERS)
def test_any_text_is_a_number_or_a_refusal(text: str) -> None:
    try:
        value = parse_decimal(text, "value")
    except TollkeeperError as refusal:
        assert refusal.violations[0].path == "value"  # noqa: PT017  (either outcome is right)
    else:
        assert text.isascii()
        assert value == Decimal(text)


@LAWS
@given(st.fractions(-(10**9), 10**9), st.integers(0, 4))
def test_rounding_is_symmetric_and_near(value: Fraction, places: int) -> None:
    rounded = round_half_away(value, places)
    assert round_half_away(-value, places) == -rounded
    assert abs(Fraction(rounded) - value) * 2 * 10**places <= 1
    assert round_half_away(rounded, places) == rounded


@LAWS
@given(st.integers(-(10**9), 10**9), st.integers(0, 4))
def test_a_half_goes_away_from_zero(units: int, places: int) -> None:
    half = Fraction(2 * units + 1, 2 * 10**places)
    rounded = round_half_away(half, places)
    assert abs(Fraction(rounded)) == abs(half) + Fraction(1, 2 * 10**places)


@LAWS
@given(st.lists(NUMBERS, max_size=20), st.integers(1, 40))
def test_sums_are_exact_in_any_ambient_context(values: list[Decimal], precision: int) -> None:
    with localcontext(Context(prec=precision)):
        assert Fraction(total(values)) == sum(map(Fraction, values))
