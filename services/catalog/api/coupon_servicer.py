"""``CouponService``."""

from catalog import queries
from catalog.commands.create_coupon import CreateCoupon
from catalog.commands.update_coupon import UpdateCoupon
from catalog.messages.coupon import coupon_spec_from_proto, coupon_to_proto
from kit.db import Database
from kit.paging import page_of, page_of_messages
from kit.rpc import Context
from tollkeeper.catalog.v1 import coupon_service_pb2 as pb
from tollkeeper.catalog.v1 import coupon_service_pb2_grpc as grpc_api


class CouponServicer(grpc_api.CouponServiceServicer):
    """Converts, calls, converts."""

    def __init__(self, database: Database, *, create: CreateCoupon, update: UpdateCoupon) -> None:
        self._database = database
        self._create = create
        self._update = update

    async def CreateCoupon(self, request: pb.CreateCouponRequest, _context: Context) -> pb.CreateCouponResponse:
        coupon = await self._create(coupon_spec_from_proto(request.coupon))
        return pb.CreateCouponResponse(coupon=coupon_to_proto(coupon))

    async def UpdateCoupon(self, request: pb.UpdateCouponRequest, _context: Context) -> pb.UpdateCouponResponse:
        coupon = await self._update(coupon_spec_from_proto(request.coupon), request.update_mask.paths)
        return pb.UpdateCouponResponse(coupon=coupon_to_proto(coupon))

    async def GetCoupon(self, request: pb.GetCouponRequest, _context: Context) -> pb.GetCouponResponse:
        coupon = await queries.get_coupon(self._database, request.coupon_id)
        return pb.GetCouponResponse(coupon=coupon_to_proto(coupon))

    async def ListCoupons(self, request: pb.ListCouponsRequest, _context: Context) -> pb.ListCouponsResponse:
        page = page_of(request.page_size, request.page_token, filters=["coupons"])
        rows = await queries.list_coupons(self._database, page)
        coupons, token = page_of_messages(rows, page, convert=coupon_to_proto, key=lambda coupon: (coupon.id,))
        return pb.ListCouponsResponse(coupons=coupons, next_page_token=token)
