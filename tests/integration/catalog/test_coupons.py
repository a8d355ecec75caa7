"""Coupons over the wire."""

from typing import Any

import grpc
import pytest
from google.protobuf import field_mask_pb2

from kit.broker import Broker
from kit.client import call
from kit.errors import RemoteRefusal
from tests.integration.catalog import samples
from tests.integration.catalog.announced import listen
from tollkeeper.catalog.v1 import catalog_events_pb2, coupon_pb2
from tollkeeper.catalog.v1 import coupon_service_pb2 as pb
from tollkeeper.catalog.v1.coupon_service_pb2_grpc import CouponServiceStub


@pytest.fixture
def coupons(catalog: grpc.aio.Channel) -> CouponServiceStub:
    """The stub."""
    return CouponServiceStub(catalog)


async def _create(stub: CouponServiceStub, fields: dict[str, Any]) -> coupon_pb2.Coupon:
    return (await call(stub.CreateCoupon, pb.CreateCouponRequest(coupon=samples.coupon(fields)))).coupon


async def _refused(coroutine: Any) -> RemoteRefusal:
    with pytest.raises(RemoteRefusal) as refused:
        await coroutine
    return refused.value


async def test_a_coupon_is_made_announced_read_listed_and_made_again(
    coupons: CouponServiceStub, broker: Broker
) -> None:
    announced = await listen(broker, "tollkeeper.catalog.coupon.created.*")
    made = await _create(coupons, samples.WELCOME)
    assert (made.display_name, made.percent_off, made.duration_months) == ("WELCOME20", "20", 3)
    farewell = await _create(coupons, samples.FAREWELL)
    moneys = [(money.currency, money.amount) for money in farewell.amount_off.amounts]
    assert moneys == [("JPY", "1500"), ("USD", "10")]
    event = catalog_events_pb2.CouponCreated.FromString((await announced.next_msg(timeout=5)).data)
    assert event.coupon == made
    assert (await call(coupons.GetCoupon, pb.GetCouponRequest(coupon_id="WELCOME20"))).coupon == made
    listed = await call(coupons.ListCoupons, pb.ListCouponsRequest(page_size=1))
    assert list(listed.coupons) == [farewell]
    rest = await call(coupons.ListCoupons, pb.ListCouponsRequest(page_token=listed.next_page_token))
    assert list(rest.coupons) == [made]
    assert await _create(coupons, samples.WELCOME | {"percentOff": "20.0"}) == made
    refusal = await _refused(_create(coupons, samples.WELCOME | {"percentOff": "21"}))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.ALREADY_EXISTS, "ID_TAKEN")


async def test_every_mistake_is_named_at_once(coupons: CouponServiceStub) -> None:
    fields = {
        "id": "a b",
        "amountOff": {"amounts": [{"currency": "JPY", "amount": "0.5"}, {"currency": "JPY", "amount": "-1"}]},
        "durationMonths": 3,
    }
    refusal = await _refused(_create(coupons, fields))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD")
    assert {violation.path for violation in refusal.violations} == {
        "coupon.id",
        "coupon.amount_off.amounts[0].amount",
        "coupon.amount_off.amounts[1].amount",
        "coupon.amount_off.amounts[1].currency",
        "coupon.duration",
        "coupon.duration_months",
    }
    refusal = await _refused(_create(coupons, {"id": "NONE", "duration": "COUPON_DURATION_ONCE"}))
    assert [violation.path for violation in refusal.violations] == ["coupon.discount"]
    assert not (await call(coupons.ListCoupons, pb.ListCouponsRequest())).coupons


async def test_only_names_and_archiving_change(coupons: CouponServiceStub, broker: Broker) -> None:
    announced = await listen(broker, "tollkeeper.catalog.coupon.updated.*")
    made = await _create(coupons, samples.WELCOME)
    archived = samples.coupon({"id": "WELCOME20", "archived": True, "displayName": "Ignored"})
    mask = field_mask_pb2.FieldMask(paths=["archived"])
    changed = (await call(coupons.UpdateCoupon, pb.UpdateCouponRequest(coupon=archived, update_mask=mask))).coupon
    assert (changed.archived, changed.display_name, changed.percent_off) == (True, "WELCOME20", "20")
    assert changed.revision > made.revision
    event = catalog_events_pb2.CouponUpdated.FromString((await announced.next_msg(timeout=5)).data)
    assert event.coupon == changed
    larger = samples.coupon(samples.WELCOME | {"percentOff": "30"})
    refusal = await _refused(call(coupons.UpdateCoupon, pb.UpdateCouponRequest(coupon=larger)))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "COUPON_IMMUTABLE_FIELD")
    assert refusal.metadata == {"field": "percent_off"}
    assert (await call(coupons.GetCoupon, pb.GetCouponRequest(coupon_id="WELCOME20"))).coupon == changed


async def test_what_is_not_there_is_not_found(coupons: CouponServiceStub) -> None:
    for doing in (
        call(coupons.GetCoupon, pb.GetCouponRequest(coupon_id="x")),
        call(coupons.UpdateCoupon, pb.UpdateCouponRequest(coupon=samples.coupon({"id": "x"}))),
    ):
        refusal = await _refused(doing)
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.NOT_FOUND, "COUPON_NOT_FOUND")
