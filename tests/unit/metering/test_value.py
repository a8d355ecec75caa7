"""Values of dimensions: exact numbers, and what is the same as what."""

from decimal import Decimal

import pytest

from kernel.errors import TollkeeperError
from metering.domain.value import DimensionValue, distinct_key, number_of_double, number_of_text, text_of


@pytest.mark.parametrize(
    ("double", "number"),
    [
        (0.0, 0),
        (-0.0, 0),
        (1.0, 1),
        (0.1, Decimal("0.1")),
        (-2.5, Decimal("-2.5")),
        (1 / 3, Decimal("0.3333333333333333")),
        (1e17, 10**17),
        (1e-7, Decimal("0.0000001")),
        (1e-30, Decimal("1E-30")),
        (2.0**53, 2**53),
        # The double itself is …5048; nobody who wrote it meant that.
        (7.033914763236505e16, 70_339_147_632_365_050),
        (999_999_999_999_999_872.0, 999_999_999_999_999_900),
        (1e18, None),
        (-1e18, None),
        (1e-31, None),
        (5e-324, None),
        (1.2345678901234567e-20, None),
        (float("nan"), None),
        (float("inf"), None),
        (float("-inf"), None),
    ],
)
def test_a_double_is_its_shortest_decimal(double: float, number: object) -> None:
    found = number_of_double(double)
    assert found == number
    assert type(found) is type(number)


@pytest.mark.parametrize(
    ("text", "number"),
    [("1", 1), ("1.50", Decimal("1.5")), ("-0", 0), ("007", 7), ("+3", 3), ("0.000", 0), ("-1.0", -1)],
)
def test_a_decimal_has_one_form(text: str, number: object) -> None:
    found = number_of_text(text, "value")
    assert found == number
    assert type(found) is type(number)


@pytest.mark.parametrize("text", ["", "1e3", "NaN", " 1", "1,5", "1" * 19, "0.0000000000001", "١"])
def test_what_is_no_plain_decimal_is_refused_by_name(text: str) -> None:
    with pytest.raises(TollkeeperError) as refused:
        number_of_text(text, "value")
    assert [violation.path for violation in refused.value.violations] == ["value"]


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "true"), (False, "false"), (12, "12"), (Decimal("1E-7"), "0.0000001"), ("", ""), ("1.50", "1.50")],
)
def test_text_is_what_people_read(value: DimensionValue, text: str) -> None:
    assert text_of(value) == text


def test_values_are_distinct_by_type_and_value() -> None:
    values: list[DimensionValue] = [
        True,
        False,
        1,
        0,
        "1",
        "0",
        "true",
        "",
        Decimal("1.5"),
        "1.5",
        "x" * 100,
        "x" * 101,
    ]
    assert len({distinct_key(value) for value in values}) == len(values)
    assert distinct_key(number_of_text("1.50", "v")) == distinct_key(Decimal("1.5"))
    assert all(len(distinct_key(value).encode()) <= 102 for value in [*values, "é" * 1_024])
    # A digest cannot be imitated by the text that looks like it.
    assert distinct_key(distinct_key("é" * 1_024)) != distinct_key("é" * 1_024)
