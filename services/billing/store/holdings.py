"""Holdings and coupons in the store: as JSON, since they are read and written whole, with their subscription."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import RowMapping

from billing.domain.commitment import Commitment
from billing.domain.coupon import AppliedCoupon, Coupon, Duration
from billing.domain.holding import HeldAddOn, Holding
from billing.domain.subscription import Held
from kernel.money import Money, currency
from kernel.period import BillingPeriod
from kernel.quantity import format_decimal


def holding_to_json(holding: Holding) -> dict[str, Any]:
    """A holding's columns, which are also its JSON."""
    return {
        "plan_id": holding.plan_id,
        "plan_version": holding.plan_version,
        "billing_period": holding.billing_period.value,
        "commitments": {one.feature_id: format_decimal(one.quantity) for one in holding.commitments},
        "add_ons": {one.add_on_id: one.quantity for one in holding.add_ons},
    }


def holding_from_json(values: RowMapping | Mapping[str, Any]) -> Holding:
    """The holding of such columns."""
    commitments = [Commitment(feature_id, Decimal(quantity)) for feature_id, quantity in values["commitments"].items()]
    add_ons = [HeldAddOn(add_on_id, quantity) for add_on_id, quantity in values["add_ons"].items()]
    return Holding(
        plan_id=values["plan_id"],
        plan_version=values["plan_version"],
        billing_period=BillingPeriod(values["billing_period"]),
        commitments=tuple(sorted(commitments, key=lambda one: one.feature_id)),
        add_ons=tuple(sorted(add_ons, key=lambda one: one.add_on_id)),
    )


def history_to_json(history: Sequence[Held]) -> list[Any]:
    """What was held earlier in a period."""
    return [[held.start_time.isoformat(), holding_to_json(held.holding)] for held in history]


def history_from_json(values: Sequence[Any]) -> tuple[Held, ...]:
    """What was held earlier in a period."""
    return tuple(Held(datetime.fromisoformat(start), holding_from_json(holding)) for start, holding in values)


def coupons_to_json(coupons: Sequence[AppliedCoupon]) -> list[Any]:
    """A subscription's coupons."""
    return [
        {
            "id": one.coupon.id,
            "name": one.coupon.name,
            "percent_off": None if one.coupon.percent_off is None else format_decimal(one.coupon.percent_off),
            "amounts_off": {money.currency.code: format_decimal(money.amount) for money in one.coupon.amounts_off},
            "duration": one.coupon.duration.value,
            "months": one.coupon.months,
            "start_time": one.start_time.isoformat(),
            "end_time": None if one.end_time is None else one.end_time.isoformat(),
        }
        for one in coupons
    ]


def coupons_from_json(values: Sequence[Any]) -> tuple[AppliedCoupon, ...]:
    """A subscription's coupons."""
    return tuple(
        AppliedCoupon(
            coupon=Coupon(
                id=one["id"],
                name=one["name"],
                percent_off=None if one["percent_off"] is None else Decimal(one["percent_off"]),
                amounts_off=tuple(
                    Money(Decimal(amount), currency(code)) for code, amount in sorted(one["amounts_off"].items())
                ),
                duration=Duration(one["duration"]),
                months=one["months"],
            ),
            start_time=datetime.fromisoformat(one["start_time"]),
            end_time=None if one["end_time"] is None else datetime.fromisoformat(one["end_time"]),
        )
        for one in values
    )
