"""Coupons in messages."""

from itertools import islice

from catalog.domain.coupon import (
    MAX_AMOUNTS,
    Amount,
    Coupon,
    CouponDuration,
    CouponSpec,
    Discount,
    FixedDiscount,
    PercentOff,
)
from catalog.messages.enums import enum_to_proto, required_from_proto
from kit.proto import timestamp_from_proto, timestamp_to_proto
from tollkeeper.catalog.v1 import coupon_pb2 as pb
from tollkeeper.common.v1 import money_pb2


def coupon_to_proto(coupon: Coupon) -> pb.Coupon:
    """A coupon as the contract shows it."""
    spec = coupon.spec
    message = pb.Coupon(
        id=spec.id,
        display_name=spec.display_name,
        description=spec.description,
        duration=enum_to_proto(pb.CouponDuration, spec.duration),
        duration_months=spec.duration_months,
        archived=spec.archived,
        revision=coupon.revision,
        create_time=timestamp_to_proto(coupon.create_time),
        update_time=timestamp_to_proto(coupon.update_time),
    )
    match spec.discount:
        case PercentOff(percent=percent):
            message.percent_off = percent
        case FixedDiscount(amounts=amounts):
            moneys = (money_pb2.Money(currency=each.currency, amount=each.amount) for each in amounts)
            message.amount_off.amounts.extend(moneys)
        case None:
            pass
    return message


def coupon_from_proto(message: pb.Coupon) -> Coupon:
    """A coupon from a message that the catalog itself wrote."""
    return Coupon(
        spec=coupon_spec_from_proto(message),
        revision=message.revision,
        create_time=timestamp_from_proto(message.create_time, "create_time"),
        update_time=timestamp_from_proto(message.update_time, "update_time"),
    )


def coupon_spec_from_proto(message: pb.Coupon) -> CouponSpec:
    """What the caller says of a coupon; lists that are too long are cut after the first entry too many."""
    return CouponSpec(
        id=message.id,
        display_name=message.display_name,
        description=message.description,
        discount=_discount_from_proto(message),
        duration=required_from_proto(pb.CouponDuration, CouponDuration, message.duration),
        duration_months=message.duration_months,
        archived=message.archived,
    )


def _discount_from_proto(message: pb.Coupon) -> Discount | None:
    match message.WhichOneof("discount"):
        case "percent_off":
            return PercentOff(message.percent_off)
        case "amount_off":
            moneys = islice(message.amount_off.amounts, MAX_AMOUNTS + 1)
            return FixedDiscount(tuple(Amount(money.currency, money.amount) for money in moneys))
        case _:
            return None
