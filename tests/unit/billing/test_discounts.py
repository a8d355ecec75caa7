"""What coupons take off: percentages, then fixed amounts, split over lines; and what is given back with a line."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from billing.domain.cancel import CancelTiming
from billing.domain.coupon import (
    MOST_COUPONS,
    AppliedCoupon,
    Coupon,
    Duration,
    apply_coupons,
    give_back_used,
    remove_coupons,
)
from billing.domain.discounts import discounted
from billing.domain.invoice import Discount, InvoiceLine, LineType, Source
from billing.domain.update import Timing
from kernel.errors import TollkeeperError
from kernel.money import Money, currency
from kernel.period import BillingPeriod, Period
from kernel.pricing import FlatRate
from tests.unit.billing.story import Story
from tests.unit.billing.terms import add_on, add_ons, amount_off, committed, fee, percent_off, plan, told, used

FIRST = datetime(2026, 4, 1, tzinfo=UTC)
TERMS = plan(fee("30"), committed(FlatRate(Decimal(10))), used(FlatRate(Decimal(1))), add_ons=[add_on("lounge")])


def april(day: int) -> datetime:
    return FIRST.replace(day=day)


def begun(*coupons: Coupon, gates: str = "6", **more: Any) -> Story:
    """A fee of 30 and six gates at 10 a month, less what the coupons take off."""
    story = Story(TERMS)
    story.provision(FIRST, {"gates": gates}, time_zone="UTC", coupons=coupons, **more)
    return story


def off(line: InvoiceLine) -> dict[str, str]:
    """What the coupons took off a line."""
    return {one.coupon_id: str(one.amount.amount) for one in line.discounts}


def test_percentages_go_first_then_fixed_amounts() -> None:
    story = begun(amount_off("20"), percent_off("10"), percent_off("50"))
    # 90: less 10 % is 81, half of it 40.50, less 20 is 20.50.
    assert story.balance == Decimal("20.50")
    assert [off(line) for line in story.lines] == [
        {"percent-10": "3.00", "percent-50": "13.50", "amount-20": "6.67"},
        {"percent-10": "6.00", "percent-50": "27.00", "amount-20": "13.33"},
    ]
    assert [line.subtotal.amount for line in story.lines] == [30, 60]


def test_nothing_goes_below_zero() -> None:
    story = begun(amount_off("500"), amount_off("20"))
    assert [str(line.amount.amount) for line in story.lines] == ["0.00", "0.00"]
    assert [off(line) for line in story.lines] == [{"amount-500": "30.00"}, {"amount-500": "60.00"}]
    assert str(begun(percent_off("100")).balance) == "0.00"


@pytest.mark.parametrize(
    ("unit", "amounts", "percent", "expected"),
    [
        # The whole is rounded once; the parts add up to it, the largest remainder first.
        ("USD", ["0.05", "0.05", "0.05"], "10", ["0.01", "0.01", "0.00"]),
        ("USD", ["0.01", "0.02", "0.03"], "50", ["0.01", "0.01", "0.01"]),
        ("JPY", ["5", "5"], "10", ["1", "0"]),
        ("KWD", ["0.333", "0.333", "0.334"], "33", ["0.110", "0.110", "0.110"]),
    ],
)
def test_a_discount_is_split_without_loss(unit: str, amounts: list[str], percent: str, expected: list[str]) -> None:
    lines = [line(amount, unit=unit, charge_id=str(i)) for i, amount in enumerate(amounts)]
    coupons = apply_coupons(
        (), (percent_off(percent),), at=FIRST, currency_code=unit, time_zone="UTC", path="coupon_ids"
    )
    found, _ = discounted(lines, account=(), coupons=coupons, at=FIRST, begins_period=True, goes_on=True)
    taken = [sum((one.amount.amount for one in line.discounts), Decimal(0)) for line in found]
    places = currency(unit).minor_digits
    whole = sum((Decimal(amount) for amount in amounts), Decimal(0)) * Decimal(percent) / 100
    assert sorted(taken, reverse=True) == sorted(map(Decimal, expected), reverse=True)
    assert sum(taken) == whole.quantize(Decimal(1).scaleb(-places), rounding="ROUND_HALF_UP")


def line(subtotal: str, *discounts: tuple[str, str], unit: str = "USD", charge_id: str = "fee") -> InvoiceLine:
    """A line of April."""
    return InvoiceLine(
        type=LineType.FLAT_FEE,
        source=Source("airline", "airline", 1, BillingPeriod.MONTHLY),
        charge_id=charge_id,
        feature_id="",
        description="",
        quantity=Decimal(1),
        period_number=0,
        period=Period(FIRST, datetime(2026, 5, 1, tzinfo=UTC)),
        subtotal=Money(Decimal(subtotal), currency(unit)),
        derivation=(),
        discounts=tuple(Discount(name, "", Money(Decimal(amount), currency(unit))) for name, amount in discounts),
    )


@pytest.mark.parametrize(
    ("back", "expected"),
    [
        ("-1.00", {"a": "-0.50", "b": "-0.50"}),
        ("-0.99", {"a": "-0.49", "b": "-0.50"}),
        ("-0.50", {"a": "-0.25", "b": "-0.25"}),
        # Each by itself would leave 0.01 twice: more than the cent that is left.
        ("-0.98", {"a": "-0.49", "b": "-0.49"}),
    ],
)
def test_coupons_never_take_off_more_than_what_is_left(back: str, expected: dict[str, str]) -> None:
    charged = line("1.00", ("a", "0.50"), ("b", "0.50"))
    assert charged.amount.amount == 0
    [credited], _ = discounted(
        [line(back)], account=[charged], coupons=(), at=april(9), begins_period=False, goes_on=True
    )
    assert off(credited) == expected
    assert credited.amount.amount == 0


def test_a_part_that_is_given_back_and_charged_again_carries_its_discount() -> None:
    charged = line("10.00", ("a", "3.33"))
    account = [charged]
    for change in ("-4.00", "3.00", "-9.00", "10.00"):
        found, _ = discounted(
            [line(change)], account=account, coupons=(), at=april(9), begins_period=False, goes_on=True
        )
        account += found
    assert sum(one.subtotal.amount for one in account) == 10
    assert sum(one.amount.amount for one in account) == Decimal("6.67")


def test_what_goes_beyond_is_charged_by_the_coupons_that_count_then() -> None:
    half = apply_coupons((), (percent_off("50"),), at=FIRST, currency_code="USD", time_zone="UTC", path="coupon_ids")
    charged = line("10.00", ("a", "1.00"))
    down, _ = discounted([line("-4.00")], account=[charged], coupons=(), at=april(2), begins_period=False, goes_on=True)
    [up], _ = discounted(
        [line("6.00")], account=[charged, *down], coupons=half, at=april(3), begins_period=False, goes_on=True
    )
    # The first 4 as they were, at 0.40; the 2 beyond at half.
    assert off(up) == {"a": "0.40", "percent-50": "1.00"}


@pytest.mark.parametrize(
    ("coupon", "amounts"),
    [
        (percent_off("50", Duration.ONCE), ["45.00", "90.00", "90.00"]),
        (percent_off("50", Duration.MONTHS, months=2), ["45.00", "45.00", "90.00"]),
        (percent_off("50"), ["45.00", "45.00", "45.00"]),
        (amount_off("50", Duration.ONCE), ["40.00", "90.00", "90.00"]),
        (amount_off("50", Duration.MONTHS, months=2), ["40.00", "40.00", "90.00"]),
        (amount_off("50"), ["40.00", "40.00", "40.00"]),
    ],
)
def test_how_long_a_coupon_counts(coupon: Coupon, amounts: list[str]) -> None:
    story = begun(coupon)
    invoices = [story.changes[0], story.renew(), story.renew()]
    totals = [sum((line.amount.amount for line in one.lines), Decimal(0)) for one in invoices]
    assert [str(total) for total in totals] == amounts


def test_a_coupon_for_months_counts_in_local_time() -> None:
    story = Story(plan(fee("10")))
    story.provision(datetime(2026, 1, 31, 5, tzinfo=UTC), coupons=[percent_off("50", Duration.MONTHS, months=1)])
    [applied] = story.subscription.coupons
    # Midnight of 31 January in New York, and of 28 February.
    assert applied.end_time == datetime(2026, 2, 28, 5, tzinfo=UTC)


def test_fixed_amounts_are_taken_off_invoices_of_periods_only() -> None:
    story = begun(amount_off("50"), percent_off("10"))
    raised = story.update(april(16), {"gates": "8"})
    assert [off(line) for line in raised.lines] == [{"percent-10": "1.00"}]


def test_a_credit_for_unused_time_is_net_of_its_coupons() -> None:
    story = begun(percent_off("50", Duration.ONCE))
    story.use(april(2), "4")
    final = story.cancel(april(16), CancelTiming.NOW, prorate=True)
    assert told(final.lines) == [
        ("FLAT_FEE_PRORATION", "0", "-7.50"),
        ("COMMITMENT_PRORATION", "0", "-15.00"),
        ("USAGE", "4", "4.00"),
    ]
    assert off(final.lines[0]) == {"percent-50": "-7.50"}


@pytest.mark.parametrize(
    "coupon", [percent_off("50", Duration.ONCE), percent_off("33.3"), amount_off("50", Duration.ONCE), amount_off("7")]
)
def test_up_and_at_once_down_again_is_nothing(coupon: Coupon) -> None:
    story = begun(coupon)
    before = story.balance
    story.update(april(11), {"gates": "13"}, timing=Timing.NOW)
    story.update(april(11), {"gates": "6"}, timing=Timing.NOW)
    assert story.balance == before


def test_a_coupon_that_comes_with_a_raise_goes_with_it() -> None:
    story = begun()
    coupon = percent_off("50", Duration.ONCE)
    raised = story.update(april(16), {"gates": "8"}, coupons=[coupon])
    assert told(raised.lines) == [("COMMITMENT_PRORATION", "8", "5.00")]
    assert [one.end_time for one in story.subscription.coupons] == [april(16)]
    back = story.update(april(16), {"gates": "6"}, timing=Timing.NOW)
    assert told(back.lines) == [("COMMITMENT_PRORATION", "6", "-5.00")]


def test_a_coupon_that_is_taken_away_counts_no_more() -> None:
    story = begun(percent_off("50"))
    changed = story.update(april(16), without=["percent-50"])
    assert (changed.lines, changed.changes) == ((), True)
    assert str(sum(line.amount.amount for line in story.renew().lines)) == "90.00"
    assert story.update(datetime(2026, 5, 2, tzinfo=UTC), without=["percent-50", "unknown"]).changes is False


def test_an_add_on_and_usage_are_reduced_as_well() -> None:
    story = begun(percent_off("50"), add_ons=add_ons({"lounge": 2}))
    story.use(april(2), "7")
    assert told(story.lines)[2] == ("ADD_ON", "2", "3.00")
    assert told(story.renew().lines)[3] == ("USAGE", "7", "3.50")


def test_a_used_coupon_keeps_the_time_of_its_end() -> None:
    once = percent_off("50", Duration.ONCE)
    story = begun(once)
    story.update(april(10), coupons=[once])
    story.renew()
    assert [one.end_time for one in story.subscription.coupons] == [FIRST, datetime(2026, 5, 1, tzinfo=UTC)]


def test_a_coupon_is_applied_once_at_a_time() -> None:
    half = percent_off("50")
    held = apply_coupons((), (half,), at=FIRST, currency_code="USD", time_zone="UTC", path="coupon_ids")
    with pytest.raises(TollkeeperError) as refused:
        apply_coupons(held, (half,), at=april(2), currency_code="USD", time_zone="UTC", path="coupon_ids")
    assert refused.value.reason == "COUPON_NOT_APPLICABLE"
    gone = remove_coupons(held, ("percent-50",), april(2))
    assert gone == (AppliedCoupon(half, FIRST, april(2)),)
    assert len(apply_coupons(gone, (half,), at=april(2), currency_code="USD", time_zone="UTC", path="coupon_ids")) == 2


def test_coupons_of_a_subscription_are_bounded() -> None:
    many = tuple(percent_off("1", id=f"c{number}") for number in range(MOST_COUPONS))
    held = apply_coupons((), many, at=FIRST, currency_code="USD", time_zone="UTC", path="coupon_ids")
    with pytest.raises(TollkeeperError) as refused:
        apply_coupons(held, (percent_off("2"),), at=FIRST, currency_code="USD", time_zone="UTC", path="coupon_ids")
    assert refused.value.reason == "COUPON_NOT_APPLICABLE"


@pytest.mark.parametrize(
    "coupon", [amount_off("12", Duration.ONCE), amount_off("12"), percent_off("13.3", Duration.ONCE)]
)
def test_an_upgrade_loses_no_coupon(coupon: Coupon) -> None:
    story = begun(coupon)
    before = story.balance
    assert 90 - before == Decimal("12.00") if coupon.percent_off is None else Decimal("11.97")
    story.publish(plan(fee("150"), plan_id="pro"))
    story.update(FIRST, plan_id="pro")
    # What the coupon had taken off is taken off what takes its place, and no more.
    assert story.balance == 150 - (90 - before)
    story.update(FIRST, {"gates": "6"}, plan_id="airline", timing=Timing.NOW)
    assert story.balance == before


def test_half_a_period_takes_half_the_coupon_along() -> None:
    story = begun(amount_off("12", Duration.ONCE))
    story.publish(plan(fee("150"), plan_id="pro"))
    changed = story.update(april(16), plan_id="pro")
    assert {line.type: off(line) for line in changed.lines}[LineType.FLAT_FEE_PRORATION]
    assert sum((one.amount.amount for line in changed.lines for one in line.discounts), Decimal(0)) == 0
    assert changed.lines[0].subtotal.amount == Decimal("75.00")


def test_an_end_takes_no_coupon_along() -> None:
    story = begun(amount_off("12", Duration.ONCE))
    story.use(april(2), "100")
    final = story.cancel(april(16), CancelTiming.NOW, prorate=True)
    assert off(final.lines[-1]) == {}


def test_a_coupon_that_a_void_invoice_used_up_counts_again() -> None:
    once, always = percent_off("50", Duration.ONCE), percent_off("10")
    used = (
        AppliedCoupon(once, FIRST, april(2)),
        AppliedCoupon(once, april(3), april(4)),
        AppliedCoupon(always, FIRST, None),
    )
    assert [one.end_time for one in give_back_used(used, {once.id, always.id})] == [april(2), None, None]
    assert give_back_used(used, set()) == used
