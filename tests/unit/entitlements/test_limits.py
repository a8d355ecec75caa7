"""What limits stand over trackers, by time."""

from datetime import datetime
from decimal import Decimal

import pytest

from entitlements.domain.limits import MAX_SPANS, Limits, LimitSpan, changed_limits, limits_of
from entitlements.domain.plan import Reset, ResetInterval
from entitlements.domain.promotional_grant import PromotionalGrant
from entitlements.domain.usage import Tracker
from kernel.recurrence import Interval, Recurrence
from tests.unit.entitlements.build import START, plan, subscription
from tests.unit.entitlements.test_promotional_grants import DAY, grant, limited, state

ENDLESS = Tracker("c", "gates", None)
END = START + 4 * DAY


def spans(*grants: PromotionalGrant, limits: Limits | None = None) -> list[tuple[str, int, int | None]]:
    """Limit, first and last day of each span over the endless tracker, beside a subscription with 3 gates for four days."""
    held = (subscription(access_end=END), plan({"gates": limited("3")}))
    found = limits_of(state(held, grants=grants), now=START) if limits is None else limits
    return [
        (str(span.limit), (span.start - START) // DAY, None if span.end is None else (span.end - START) // DAY)
        for span in found.get(ENDLESS, ())
    ]


def lasting(limit: str | None, first: int, last: int | None, *, soft: bool = False, id: str = "g") -> PromotionalGrant:
    """A grant for some days."""
    expire = None if last is None else START + last * DAY
    return grant(content=limited(limit, soft=soft), start=START + first * DAY, expire=expire, id=id)


@pytest.mark.parametrize(
    ("grants", "expected"),
    [
        ([], [("3", 0, 4)]),
        ([lasting("2", 1, 2)], [("3", 0, 4)]),
        ([lasting("5", 1, 2)], [("3", 0, 1), ("5", 1, 2), ("3", 2, 4)]),
        ([lasting("5", 1, None)], [("3", 0, 1), ("5", 1, None)]),
        # Adjacent spans of one limit are one.
        ([lasting("3", 4, 6)], [("3", 0, 6)]),
        ([lasting("3", 5, 6)], [("3", 0, 4), ("3", 5, 6)]),
        # A soft one comes before a hard one, as in a check.
        ([lasting("1", 1, 2, soft=True)], [("3", 0, 1), ("1", 1, 2), ("3", 2, 4)]),
        (
            [lasting("1", 1, 2, soft=True), lasting("2", 1, 2, soft=True, id="h")],
            [("3", 0, 1), ("2", 1, 2), ("3", 2, 4)],
        ),
        # While anything is unlimited there is no limit, and none of nothing.
        ([lasting(None, 1, 2)], [("3", 0, 1), ("3", 2, 4)]),
        ([lasting("0", 5, 6)], [("3", 0, 4)]),
    ],
)
def test_limits_by_time(grants: list[PromotionalGrant], expected: list[tuple[str, int, int | None]]) -> None:
    assert spans(*grants) == expected


def test_each_tracker_has_a_limit_of_its_own_unless_anything_is_unlimited() -> None:
    monthly = grant(content=limited("9", reset=Reset(ResetInterval.MONTH)), id="m", expire=END)
    found = limits_of(
        state((subscription(access_end=END), plan({"gates": limited("3")})), grants=(monthly,)), now=START
    )
    of_its_own = Tracker("c", "gates", Recurrence(Interval.MONTH, START, "UTC"))
    assert found == {
        ENDLESS: (LimitSpan(Decimal(3), START, END),),
        of_its_own: (LimitSpan(Decimal(9), START, END),),
    }
    unlimited = lasting(None, 1, 2, id="u")
    held = (subscription(access_end=END), plan({"gates": limited("3")}))
    both = limits_of(state(held, grants=(monthly, unlimited)), now=START)
    assert [len(each) for each in both.values()] == [2, 2]


def test_of_many_spans_the_nearest_are_kept() -> None:
    def steps(now: datetime) -> tuple[LimitSpan, ...]:
        grants = tuple(lasting(str(number + 1), number, number + 1, id=f"g{number}") for number in range(150))
        return limits_of(state(grants=grants), now=now)[ENDLESS]

    assert [span.limit for span in steps(START)] == list(range(1, MAX_SPANS + 1))
    assert steps(START + 60 * DAY)[0].limit == 61
    assert len(steps(START + 60 * DAY)) == 90


def test_metering_is_told_what_changed_and_what_stands_no_longer() -> None:
    other = Tracker("c", "calls", None)
    one = (LimitSpan(Decimal(3), START, None),)
    two = (LimitSpan(Decimal(4), START, None),)
    assert changed_limits({ENDLESS: one}, {ENDLESS: one}) == {}
    assert changed_limits({ENDLESS: one}, {ENDLESS: two}) == {ENDLESS: two}
    assert changed_limits({ENDLESS: one, other: one}, {ENDLESS: one}) == {other: ()}
    assert changed_limits({}, {ENDLESS: one}) == {ENDLESS: one}
