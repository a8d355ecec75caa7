"""Coupons in messages of the catalog."""

from decimal import Decimal

from billing.domain.coupon import Coupon, Duration
from kernel.money import Money, currency
from tollkeeper.catalog.v1 import coupon_pb2


def coupon_from_proto(message: coupon_pb2.Coupon) -> Coupon:
    """What a coupon takes off; it never changes.

    Raises:
        ValueError: The message speaks of something that this version of billing does not know.
    """
    percent = message.percent_off if message.WhichOneof("discount") == "percent_off" else ""
    return Coupon(
        id=message.id,
        name=message.display_name or message.id,
        percent_off=Decimal(percent) if percent else None,
        amounts_off=tuple(Money(Decimal(one.amount), currency(one.currency)) for one in message.amount_off.amounts),
        duration=Duration(coupon_pb2.CouponDuration.Name(message.duration).removeprefix("COUPON_DURATION_")),
        months=message.duration_months,
    )
