"""Aggregations that are not sums, a part at a time."""

from decimal import Decimal

import pytest

from metering.domain.gathered import Dated, Gathered, Reading, amount, gather, is_gathered, together, value_of
from metering.domain.meter import Aggregation
from metering.domain.value import DimensionValue

TINY = Decimal("1E-30")
D = Decimal


@pytest.mark.parametrize(
    ("aggregation", "readings", "gathered"),
    [
        (Aggregation.MAX, [1, D("2.5"), -3], Gathered(D("2.5"))),
        (Aggregation.MAX, [-1, -2], Gathered(D(-1))),
        (Aggregation.MIN, [1, D("2.5"), -3], Gathered(D(-3))),
        (Aggregation.MIN, [0, TINY], Gathered(D(0))),
        (Aggregation.AVG, [1, D("0.1"), D("0.2")], Gathered(D("1.3"), count=3)),
        (Aggregation.LATEST, [Dated(7, "b", 1), Dated(7, "a", 2), Dated(3, "z", 3)], Gathered(D(1), time=7, key="b")),
        # Keys are in the order of their code points, as the store has them.
        (
            Aggregation.LATEST,
            [Dated(7, "\uffff", 1), Dated(7, "\U0001f6eb", 2)],
            Gathered(D(2), time=7, key="\U0001f6eb"),
        ),
        (Aggregation.LATEST, [Dated(7, "9", 1), Dated(7, "10", 2)], Gathered(D(1), time=7, key="9")),
    ],
)
def test_readings_come_to_one(aggregation: Aggregation, readings: list[Reading], gathered: Gathered) -> None:
    for several in (readings, readings[::-1]):
        found = gather(aggregation, several)
        assert (found, type(found.number)) == (gathered, Decimal)
        merged: Gathered | None = None
        for reading in several:
            merged = together(aggregation, merged, gather(aggregation, [reading]))
        assert merged == gathered
    assert is_gathered(aggregation)


@pytest.mark.parametrize(
    ("total", "count", "mean"),
    [
        (D(1), 3, D("0.333333333333")),
        (D(2), 3, D("0.666666666667")),
        (D("-2"), 3, D("-0.666666666667")),
        # Halves go away from zero.
        (D("0.000000000001"), 2, D("0.000000000001")),
        (D("-0.000000000001"), 2, D("-0.000000000001")),
        (D("0.000000000001") - TINY, 2, D(0)),
        (TINY, 1, D(0)),
        (D(10) ** 24, 10**6, D(10) ** 18),
        (D("2999999999999999999999999.999999999999"), 3, D("1000000000000000000000000")),
        (D(0), 5, D(0)),
    ],
)
def test_a_mean_is_rounded_once(total: Decimal, count: int, mean: Decimal) -> None:
    assert value_of(Aggregation.AVG, Gathered(total, count=count)) == mean


@pytest.mark.parametrize("aggregation", Aggregation)
def test_no_events_are_zero(aggregation: Aggregation) -> None:
    assert value_of(aggregation, None) == 0


@pytest.mark.parametrize("aggregation", [Aggregation.COUNT, Aggregation.SUM, Aggregation.UNIQUE])
def test_counts_and_sums_are_added_and_never_merged(aggregation: Aggregation) -> None:
    assert not is_gathered(aggregation)
    with pytest.raises(ValueError, match="added"):
        gather(aggregation, [1])
    with pytest.raises(ValueError, match="added"):
        together(aggregation, Gathered(D(1)), Gathered(D(1)))


@pytest.mark.parametrize(
    ("values", "total"),
    [
        ([], D(0)),
        ([0, 10**17, D("0.1"), D("0.2"), TINY], D("100000000000000000.300000000000000000000000000001")),
    ],
)
def test_numbers_add_exactly(values: list[DimensionValue], total: Decimal) -> None:
    assert amount(values) == total
