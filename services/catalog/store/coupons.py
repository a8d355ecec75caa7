"""Coupons in the store."""

from typing import Any, Final

from sqlalchemy import Row

from catalog.domain.coupon import Coupon
from catalog.messages.coupon import coupon_from_proto, coupon_to_proto
from catalog.store import tables
from catalog.store.body import Body
from catalog.store.shelf import Shelf
from tollkeeper.catalog.v1 import coupon_pb2

_BODY: Final = Body(coupon_pb2.Coupon, coupon_to_proto, coupon_from_proto)


def coupon_to_row(coupon: Coupon) -> dict[str, object]:
    """The columns of a coupon."""
    return {"id": coupon.id, "body": _BODY.write(coupon)}


def coupon_from_row(row: Row[Any]) -> Coupon:
    """The coupon of a row."""
    return _BODY.read(row.body)


COUPONS: Final = Shelf(tables.coupon, to_row=coupon_to_row, from_row=coupon_from_row)
