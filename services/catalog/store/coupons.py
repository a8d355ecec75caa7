"""Coupons in the store."""

from typing import Final

from catalog.messages.coupon import coupon_from_proto, coupon_to_proto
from catalog.store import tables
from catalog.store.body import Body
from catalog.store.shelf import shelf_of_bodies
from tollkeeper.catalog.v1 import coupon_pb2

COUPONS: Final = shelf_of_bodies(tables.coupon, Body(coupon_pb2.Coupon, coupon_to_proto, coupon_from_proto))
