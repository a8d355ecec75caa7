"""Which coupons are well formed, and what of them never changes."""

from dataclasses import replace
from typing import Any

import pytest

from catalog.domain.coupon import (
    Amount,
    CouponDuration,
    CouponSpec,
    FixedDiscount,
    PercentOff,
    check_coupon,
    create_coupon,
    settle_coupon,
)
from catalog.domain.names_update import revise_coupon
from kernel.errors import ErrorKind, TollkeeperError
from kernel.money import CURRENCIES
from tests.unit.catalog.samples import NOW, mistakes_of

WELCOME = CouponSpec("WELCOME20", "", "", PercentOff("20"), CouponDuration.ONCE)
THREE_MONTHS = replace(WELCOME, duration=CouponDuration.MONTHS, duration_months=3)


def _percent(percent: str) -> CouponSpec:
    return replace(WELCOME, discount=PercentOff(percent))


def _amounts(*amounts: tuple[str, str]) -> CouponSpec:
    return replace(WELCOME, discount=FixedDiscount(tuple(Amount(code, amount) for code, amount in amounts)))


@pytest.mark.parametrize(
    ("coupon", "paths"),
    [
        (WELCOME, set()),
        (replace(WELCOME, id="a b", display_name="x" * 201), {"c.id", "c.display_name"}),
        (replace(WELCOME, discount=None), {"c.discount"}),
        (_percent("0"), {"c.percent_off"}),
        (_percent("0.0001"), set()),
        (_percent("0.00001"), {"c.percent_off"}),
        (_percent("33.3333"), set()),
        (_percent("100"), set()),
        (_percent("100.0001"), {"c.percent_off"}),
        (_percent("-20"), {"c.percent_off"}),
        (_percent("20%"), {"c.percent_off"}),
        (_percent(""), {"c.percent_off"}),
        (_amounts(("USD", "10"), ("EUR", "9.50"), ("JPY", "1500"), ("KWD", "3.125")), set()),
        (_amounts(), {"c.amount_off.amounts"}),
        (_amounts(("USD", "10"), ("USD", "10")), {"c.amount_off.amounts[1].currency"}),
        (_amounts(("USD", "0"), ("EUR", "-1")), {"c.amount_off.amounts[0].amount", "c.amount_off.amounts[1].amount"}),
        (_amounts(("USD", "0.001")), {"c.amount_off.amounts[0].amount"}),
        (_amounts(("USD", "1.500")), set()),
        (_amounts(("JPY", "0.5")), {"c.amount_off.amounts[0].amount"}),
        (_amounts(("usd", "10"), ("", "x")), {"c.amount_off.amounts[0].currency", "c.amount_off.amounts[1].currency", "c.amount_off.amounts[1].amount"}),
        (_amounts(*((code, "1") for code in sorted(CURRENCIES)[:50])), set()),
        (_amounts(*((code, "1") for code in sorted(CURRENCIES)[:51])), {"c.amount_off.amounts"}),
        (replace(WELCOME, duration=None), {"c.duration"}),
        (replace(WELCOME, duration_months=1), {"c.duration_months"}),
        (replace(WELCOME, duration=CouponDuration.FOREVER, duration_months=1), {"c.duration_months"}),
        (replace(THREE_MONTHS, duration_months=0), {"c.duration_months"}),
        (replace(THREE_MONTHS, duration_months=1), set()),
        (replace(THREE_MONTHS, duration_months=120), set()),
        (replace(THREE_MONTHS, duration_months=121), {"c.duration_months"}),
        (replace(THREE_MONTHS, duration_months=-1), {"c.duration_months"}),
    ],
)  # fmt: skip
def test_each_mistake_is_named_by_its_path(coupon: CouponSpec, paths: set[str]) -> None:
    assert mistakes_of(check_coupon, coupon, "c").keys() == paths


def test_settled_coupons_are_equal_when_they_mean_the_same() -> None:
    assert settle_coupon(_percent("20.50")) == settle_coupon(_percent("+20.5"))
    assert settle_coupon(_amounts(("USD", "1.50"), ("EUR", "1"))) == settle_coupon(
        _amounts(("EUR", "1.0"), ("USD", "1.5"))
    )
    assert settle_coupon(WELCOME).display_name == "WELCOME20"


@pytest.mark.parametrize(
    ("written", "paths", "expected"),
    [
        (replace(WELCOME, display_name="Hi", description="D", archived=True), [], {"display_name": "Hi", "description": "D", "archived": True}),
        (replace(WELCOME, display_name="Hi", description="D", archived=True), ["archived"], {"archived": True}),
        (replace(WELCOME, discount=None, duration=None, display_name="Hi"), [], {"display_name": "Hi"}),
        (replace(_percent("20.00"), display_name="Hi"), [], {"display_name": "Hi"}),
        # What the mask does not name is not looked at.
        (replace(_percent("nonsense"), display_name="Hi"), ["display_name"], {"display_name": "Hi"}),
    ],
)  # fmt: skip
def test_names_and_archiving_may_change(written: CouponSpec, paths: list[str], expected: dict[str, Any]) -> None:
    coupon = create_coupon(settle_coupon(WELCOME), NOW, revision=1)
    assert revise_coupon(coupon, written, paths) == replace(coupon.spec, **expected)


@pytest.mark.parametrize(
    ("written", "paths", "field"),
    [
        (_percent("21"), [], "percent_off"),
        (_amounts(("USD", "1")), [], "amount_off"),
        (replace(WELCOME, duration=CouponDuration.FOREVER), [], "duration"),
        (WELCOME, ["duration_months"], "duration_months"),
        (_percent("21"), ["display_name", "percent_off"], "percent_off"),
    ],
)
def test_what_it_takes_off_and_how_long_never_changes(written: CouponSpec, paths: list[str], field: str) -> None:
    coupon = create_coupon(settle_coupon(WELCOME), NOW, revision=1)
    with pytest.raises(TollkeeperError) as refused:
        revise_coupon(coupon, written, paths)
    assert (refused.value.kind, refused.value.reason) == (ErrorKind.FAILED_PRECONDITION, "COUPON_IMMUTABLE_FIELD")
    assert refused.value.metadata == {"field": field}
    assert [violation.path for violation in refused.value.violations] == [f"coupon.{field}"]


@pytest.mark.parametrize("path", ["id", "discount", "revision", ""])
def test_other_masks_are_mistakes(path: str) -> None:
    with pytest.raises(TollkeeperError) as refused:
        revise_coupon(create_coupon(settle_coupon(WELCOME), NOW, revision=1), WELCOME, [path])
    assert refused.value.reason == "INVALID_FIELD"
