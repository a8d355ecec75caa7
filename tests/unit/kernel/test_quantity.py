"""How exact numbers are read, written and rounded."""

from decimal import Context, Decimal, FloatOperation, Inexact, localcontext
from fractions import Fraction

import pytest

from kernel.errors import ErrorKind, TollkeeperError
from kernel.quantity import exact, format_decimal, parse_decimal, parse_quantity, round_half_away, total


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", "0"),
        ("-0", "0"),
        ("-0.00", "0"),
        ("007", "7"),
        ("+5", "5"),
        ("-3.25", "-3.25"),
        ("5.50", "5.5"),
        ("0.000000000001", "0.000000000001"),
        ("999999999999999999.999999999999", "999999999999999999.999999999999"),
    ],
)
def test_reads_plain_decimals(text: str, value: str) -> None:
    parsed = parse_decimal(text, "quantity")
    assert parsed == Decimal(value)
    assert not (parsed.is_zero() and parsed.is_signed())


@pytest.mark.parametrize(
    ("text", "mend"),
    [
        ("", "must not be empty"),
        ("  ", "must not be empty"),
        (" 1", "no spaces"),
        ("1\n", "no spaces"),
        ("1e3", "without an exponent"),
        ("1.5E-3", "without an exponent"),
        ("NaN", "plain decimal number"),
        ("sNaN", "plain decimal number"),
        ("Infinity", "plain decimal number"),
        ("-inf", "plain decimal number"),
        ("1_000", "separators"),
        ("1,000", "separators"),
        ("--1", "plain decimal number"),
        ("+", "plain decimal number"),
        (".5", "plain decimal number"),
        ("5.", "plain decimal number"),
        ("1.2.3", "plain decimal number"),
        ("0x10", "plain decimal number"),
        ("١٢", "plain decimal number"),
        ("１", "plain decimal number"),  # a full-width digit
        ("\ud800", "plain decimal number"),
        ("1\x00", "plain decimal number"),
        ("1234567890123456789", "at most 18 digits before the point"),
        ("0.1234567890123", "at most 12 digits after the point"),
    ],
)
def test_refuses_other_texts_with_a_way_to_mend_them(text: str, mend: str) -> None:
    with pytest.raises(TollkeeperError) as refusal:
        parse_decimal(text, "usage.value")
    assert refusal.value.kind is ErrorKind.INVALID_ARGUMENT
    (violation,) = refusal.value.violations
    assert violation.path == "usage.value"
    assert mend in violation.message


@pytest.mark.parametrize(("places", "text"), [(2, "1.234"), (0, "1.0")])
def test_places_bound_the_fraction(places: int, text: str) -> None:
    with pytest.raises(TollkeeperError, match=r"digits after the point|whole number"):
        parse_decimal(text, "amount", places=places)


def test_a_quantity_is_not_negative() -> None:
    assert parse_quantity("-0", "quantity") == 0
    with pytest.raises(TollkeeperError, match="must be zero or more"):
        parse_quantity("-0.1", "quantity")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("0", "0"),
        ("-0", "0"),
        ("-0.000", "0"),
        ("0E+5", "0"),
        ("1E+3", "1000"),
        ("1000", "1000"),
        ("5.500", "5.5"),
        ("-1.50E-7", "-0.00000015"),
        ("123456789012345678901234567890.123456789012", "123456789012345678901234567890.123456789012"),
    ],
)
def test_writes_the_canonical_text(value: str, text: str) -> None:
    assert format_decimal(Decimal(value)) == text


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity"])
def test_writes_only_finite_numbers(value: str) -> None:
    with pytest.raises(ValueError, match="finite"):
        format_decimal(Decimal(value))


@pytest.mark.parametrize(
    ("value", "places", "rounded"),
    [
        ("0.005", 2, "0.01"),
        ("-0.005", 2, "-0.01"),
        ("0.00499999999999999999999999999999", 2, "0.00"),
        ("2.5", 0, "3"),
        ("-2.5", 0, "-3"),
        ("3.5", 0, "4"),
        ("1.0005", 3, "1.001"),
        ("12", 2, "12.00"),
        ("-0.001", 2, "0.00"),
    ],
)
def test_rounds_halves_away_from_zero(value: str, places: int, rounded: str) -> None:
    assert str(round_half_away(Decimal(value), places)) == rounded


def test_rounds_fractions_that_no_decimal_can_hold() -> None:
    assert round_half_away(Fraction(2, 3), 2) == Decimal("0.67")
    assert round_half_away(Fraction(-1, 3), 2) == Decimal("-0.33")


def test_nothing_depends_on_the_ambient_context() -> None:
    long = Decimal("123456789012345678.123456789012")
    with localcontext(Context(prec=3)):
        assert format_decimal(total([long, long])) == "246913578024691356.246913578024"
        assert round_half_away(long, 12) == long
        assert parse_decimal("123456789012345678.123456789012", "quantity") == long


def test_exact_arithmetic_is_exact_or_loud() -> None:
    with exact(), pytest.raises(Inexact):
        Decimal(1) / Decimal(3)
    with exact(), pytest.raises(FloatOperation):
        Decimal(0.5)  # noqa: RUF032  (a float that strays in is the point)
    assert total([]) == 0
