"""How add-ons meet what a plan grants: a row for each rule."""

from collections.abc import Sequence
from decimal import Decimal

import pytest

from entitlements.domain.merging import MOST, merged
from entitlements.domain.plan import (
    BooleanGrant,
    EnumGrant,
    MeteredGrant,
    NumericGrant,
    PlainGrant,
    Reset,
    ResetInterval,
)

YEAR, MONTH, DAY = Reset(ResetInterval.YEAR), Reset(ResetInterval.MONTH), Reset(ResetInterval.DAY)
BILLED = Reset(ResetInterval.BILLING_PERIOD)


def upto(limit: str | None, reset: Reset | None = None, *, soft: bool = False) -> MeteredGrant:
    """A limit; None is unlimited."""
    return MeteredGrant(None if limit is None else Decimal(limit), soft, reset)


def number(value: str) -> NumericGrant:
    """A number."""
    return NumericGrant(Decimal(value))


ON = BooleanGrant()
Row = tuple[PlainGrant | None, Sequence[tuple[PlainGrant, int]], Sequence[PlainGrant], PlainGrant]

ROWS: dict[str, Row] = {
    "the plan alone": (upto("10", MONTH), [], [], upto("10", MONTH)),
    "a limit is added once for each unit": (upto("10", MONTH), [(upto("5"), 3)], [], upto("25", MONTH)),
    "several add-ons": (upto("10"), [(upto("5"), 3), (upto("0.5"), 2)], [], upto("26")),
    "the plan's reset stays": (upto("10", YEAR), [(upto("5", DAY), 1)], [], upto("15", YEAR)),
    "without the plan": (None, [(upto("5", MONTH), 2)], [], upto("10", MONTH)),
    "without the plan the most frequent reset": (
        None,
        [(upto("5", YEAR), 1), (upto("5", DAY), 1), (upto("5", MONTH), 1)],
        [],
        upto("15", DAY),
    ),
    "a reset is more than none": (None, [(upto("5"), 1), (upto("5", BILLED), 1)], [], upto("10", BILLED)),
    "one that is soft makes soft": (upto("10"), [(upto("5", soft=True), 1)], [], upto("15", soft=True)),
    "a soft plan stays soft": (upto("10", soft=True), [(upto("5"), 1)], [], upto("15", soft=True)),
    "unlimited makes unlimited": (upto("10", MONTH, soft=True), [(upto(None), 1)], [], upto(None, MONTH)),
    "an unlimited plan stays so": (upto(None, MONTH), [(upto("5"), 9)], [], upto(None, MONTH)),
    "an override replaces": (upto("10", MONTH), [], [upto("3", DAY)], upto("3", DAY)),
    "an override replaces increments too": (upto("10"), [(upto("5"), 3)], [upto("3")], upto("3")),
    "an override replaces unlimited": (upto(None), [(upto(None), 1)], [upto("3")], upto("3")),
    "an override without the plan": (None, [], [upto("3")], upto("3")),
    "the largest override": (upto("10"), [], [upto("3"), upto("8"), upto("5")], upto("8")),
    "unlimited is the largest": (upto("10"), [], [upto("3"), upto(None), upto("5")], upto(None)),
    "of equal overrides the soft one": (upto("1"), [], [upto("3"), upto("3", soft=True)], upto("3", soft=True)),
    "of equal overrides the one that resets more often": (
        upto("1"),
        [],
        [upto("3", DAY), upto("3", MONTH), upto("3")],
        upto("3", DAY),
    ),
    "numbers are added": (number("30"), [(number("7.5"), 2), (number("1"), 1)], [], number("46")),
    "a number is overridden": (number("30"), [(number("7"), 2)], [number("5"), number("6")], number("6")),
    "a number without the plan": (None, [(number("7"), 2)], [], number("14")),
    "values unite": (
        EnumGrant(("a", "b")),
        [(EnumGrant(("b", "c")), 5)],
        [],
        EnumGrant(("a", "b", "c")),
    ),
    "values are overridden": (EnumGrant(("a", "b")), [], [EnumGrant(("c",))], EnumGrant(("c",))),
    "on stays on": (ON, [(ON, 4)], [], ON),
    "on without the plan": (None, [(ON, 1)], [], ON),
    "on by an override": (None, [], [ON, ON], ON),
    "nothing is greater than the greatest number": (upto("10"), [(upto(str(MOST)), 1_000_000)], [], upto(str(MOST))),
    "nor is a number": (number(str(MOST)), [(number(str(MOST)), 2)], [], number(str(MOST))),
}


@pytest.mark.parametrize(("plan", "increments", "overrides", "expected"), ROWS.values(), ids=ROWS)
def test_add_ons_meet_the_plan(
    plan: PlainGrant | None,
    increments: Sequence[tuple[PlainGrant, int]],
    overrides: Sequence[PlainGrant],
    expected: PlainGrant,
) -> None:
    assert merged(plan, increments, overrides) == expected


def test_what_cannot_be_merged_is_not_guessed() -> None:
    with pytest.raises(ValueError, match="different types"):
        merged(ON, [(number("1"), 1)], [])
    with pytest.raises(ValueError, match="different types"):
        merged(None, [], [ON, number("1")])
    with pytest.raises(ValueError, match="nothing"):
        merged(None, [], [])
