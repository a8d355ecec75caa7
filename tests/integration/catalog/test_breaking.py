"""Attempts to break the catalog: nonsense, races, and both at once."""

import asyncio
import random
from collections.abc import Sequence
from typing import Any

import grpc
from google.protobuf import field_mask_pb2
from hypothesis import HealthCheck, given, settings

from kit.client import call
from kit.errors import RemoteRefusal
from tests.integration.catalog import samples
from tests.properties.catalog.messages import chances, fill, mutate
from tollkeeper.catalog.v1 import (
    add_on_service_pb2,
    catalog_service_pb2,
    coupon_service_pb2,
    feature_service_pb2,
    plan_service_pb2,
    product_service_pb2,
)
from tollkeeper.catalog.v1.add_on_service_pb2_grpc import AddOnServiceStub
from tollkeeper.catalog.v1.catalog_service_pb2_grpc import CatalogServiceStub
from tollkeeper.catalog.v1.coupon_service_pb2_grpc import CouponServiceStub
from tollkeeper.catalog.v1.feature_service_pb2_grpc import FeatureServiceStub
from tollkeeper.catalog.v1.plan_service_pb2_grpc import PlanServiceStub
from tollkeeper.catalog.v1.product_service_pb2_grpc import ProductServiceStub

SOUND = {
    "INVALID_FIELD",
    "INVALID_PAGE_TOKEN",
    "FEATURE_NOT_FOUND",
    "PRODUCT_NOT_FOUND",
    "PLAN_NOT_FOUND",
    "PLAN_VERSION_NOT_FOUND",
    "ID_TAKEN",
    "FEATURE_IMMUTABLE_FIELD",
    "PLAN_IMMUTABLE_FIELD",
    "DRAFT_OPEN",
    "DRAFT_NOT_OPEN",
    "ADD_ON_NOT_FOUND",
    "ADD_ON_VERSION_NOT_FOUND",
    "ADD_ON_IMMUTABLE_FIELD",
    "COUPON_NOT_FOUND",
    "COUPON_IMMUTABLE_FIELD",
    "NOT_PUBLISHED",
    "ETAG_MISMATCH",
}


async def _reason(answer: Any) -> str:
    try:
        await answer
    except RemoteRefusal as refusal:
        return refusal.reason
    return "OK"


# Each example builds on what the ones before left in the catalog: that is wanted.
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chances)
async def test_any_request_ends_in_an_answer_or_a_reason(catalog: grpc.aio.Channel, chance: random.Random) -> None:
    features, products = FeatureServiceStub(catalog), ProductServiceStub(catalog)
    plans, whole = PlanServiceStub(catalog), CatalogServiceStub(catalog)
    add_ons, coupons = AddOnServiceStub(catalog), CouponServiceStub(catalog)
    requests: Sequence[tuple[Any, Any]] = [
        (features.CreateFeature, feature_service_pb2.CreateFeatureRequest()),
        (features.UpdateFeature, feature_service_pb2.UpdateFeatureRequest()),
        (features.GetFeature, feature_service_pb2.GetFeatureRequest()),
        (features.ListFeatures, feature_service_pb2.ListFeaturesRequest()),
        (products.CreateProduct, product_service_pb2.CreateProductRequest()),
        (products.UpdateProduct, product_service_pb2.UpdateProductRequest()),
        (products.GetProduct, product_service_pb2.GetProductRequest()),
        (products.ListProducts, product_service_pb2.ListProductsRequest()),
        (plans.CreatePlan, plan_service_pb2.CreatePlanRequest()),
        (plans.UpdatePlan, plan_service_pb2.UpdatePlanRequest()),
        (plans.GetPlan, plan_service_pb2.GetPlanRequest()),
        (plans.ListPlans, plan_service_pb2.ListPlansRequest()),
        (plans.SavePlanDraft, plan_service_pb2.SavePlanDraftRequest()),
        (plans.DiscardPlanDraft, plan_service_pb2.DiscardPlanDraftRequest()),
        (plans.PublishPlan, plan_service_pb2.PublishPlanRequest()),
        (plans.GetPlanVersion, plan_service_pb2.GetPlanVersionRequest()),
        (plans.ListPlanVersions, plan_service_pb2.ListPlanVersionsRequest()),
        (add_ons.CreateAddOn, add_on_service_pb2.CreateAddOnRequest()),
        (add_ons.UpdateAddOn, add_on_service_pb2.UpdateAddOnRequest()),
        (add_ons.GetAddOn, add_on_service_pb2.GetAddOnRequest()),
        (add_ons.ListAddOns, add_on_service_pb2.ListAddOnsRequest()),
        (add_ons.SaveAddOnDraft, add_on_service_pb2.SaveAddOnDraftRequest()),
        (add_ons.DiscardAddOnDraft, add_on_service_pb2.DiscardAddOnDraftRequest()),
        (add_ons.PublishAddOn, add_on_service_pb2.PublishAddOnRequest()),
        (add_ons.GetAddOnVersion, add_on_service_pb2.GetAddOnVersionRequest()),
        (coupons.CreateCoupon, coupon_service_pb2.CreateCouponRequest()),
        (coupons.UpdateCoupon, coupon_service_pb2.UpdateCouponRequest()),
        (coupons.GetCoupon, coupon_service_pb2.GetCouponRequest()),
        (coupons.ListCoupons, coupon_service_pb2.ListCouponsRequest()),
        (whole.ApplyCatalog, catalog_service_pb2.ApplyCatalogRequest()),
    ]
    for _, request in requests:
        fill(request, chance)
    nearly_right = samples.document(**samples.WHOLE)
    mutate(nearly_right, chance)
    answers = [call(method, request) for method, request in [*requests, (whole.ApplyCatalog, nearly_right)]]
    reasons = await asyncio.gather(*map(_reason, answers))
    assert set(reasons) <= SOUND | {"OK"}


async def test_an_answer_that_names_ids_stays_small(catalog: grpc.aio.Channel) -> None:
    # Errors travel in headers: a caller's long text must not come back in them.
    long = "x" * 500_000
    features, plans = FeatureServiceStub(catalog), PlanServiceStub(catalog)
    await call(CatalogServiceStub(catalog).ApplyCatalog, samples.document())
    twice = [samples.BASE_FEE["prices"][0] | {"currency": long}] * 2
    content = samples.content(samples.CONTENT | {"charges": [samples.BASE_FEE | {"prices": twice}]})
    masks = [field_mask_pb2.FieldMask(paths=[prefix + long]) for prefix in ("", "metered.meter.")]
    updates = [
        feature_service_pb2.UpdateFeatureRequest(feature=samples.feature({"id": "miles"}), update_mask=mask)
        for mask in masks
    ]
    requests: list[tuple[Any, Any]] = [
        *((features.UpdateFeature, update) for update in updates),
        (plans.SavePlanDraft, plan_service_pb2.SavePlanDraftRequest(plan_id="gold", content=content)),
        (features.GetFeature, feature_service_pb2.GetFeatureRequest(feature_id=long)),
        (plans.PublishPlan, plan_service_pb2.PublishPlanRequest(plan_id=long)),
        (plans.ListPlans, plan_service_pb2.ListPlansRequest(product_id=long)),
        (features.CreateFeature, feature_service_pb2.CreateFeatureRequest(feature=samples.feature({"id": long}))),
    ]
    for method, request in requests:
        assert await _reason(call(method, request)) == "INVALID_FIELD"


async def test_publishes_and_applies_at_once_number_every_version_once(catalog: grpc.aio.Channel) -> None:
    plans, whole = PlanServiceStub(catalog), CatalogServiceStub(catalog)
    await call(whole.ApplyCatalog, samples.document())

    async def publish(number: int) -> str:
        charge = samples.BASE_FEE | {"displayName": f"Draft {number}"}
        content = samples.content(samples.CONTENT | {"charges": [charge]})
        saved = await _reason(
            call(plans.SavePlanDraft, plan_service_pb2.SavePlanDraftRequest(plan_id="gold", content=content))
        )
        assert saved == "OK"
        return await _reason(call(plans.PublishPlan, plan_service_pb2.PublishPlanRequest(plan_id="gold")))

    async def apply(number: int) -> str:
        charge = samples.BASE_FEE | {"displayName": f"Document {number}"}
        document = samples.document(plans=[{"plan": samples.GOLD, "content": samples.CONTENT | {"charges": [charge]}}])
        return await _reason(call(whole.ApplyCatalog, document))

    outcomes = await asyncio.gather(
        *(publish(number) for number in range(10)), *(apply(number) for number in range(10))
    )
    assert set(outcomes[:10]) <= {"OK", "DRAFT_NOT_OPEN"}
    assert set(outcomes[10:]) <= {"OK", "DRAFT_OPEN"}
    made = outcomes.count("OK")
    request = plan_service_pb2.ListPlanVersionsRequest(plan_id="gold", page_size=100)
    versions = (await call(plans.ListPlanVersions, request)).plan_versions
    assert [version.version for version in versions] == list(range(made + 1, 0, -1))
    assert outcomes[:10].count("OK") >= 1


async def test_plans_made_at_once_end_equal_or_taken(catalog: grpc.aio.Channel) -> None:
    plans, whole = PlanServiceStub(catalog), CatalogServiceStub(catalog)
    product = product_service_pb2.CreateProductRequest(product=samples.product(samples.AIRPORT))
    reasons = await asyncio.gather(
        *(_reason(call(ProductServiceStub(catalog).CreateProduct, product)) for _ in range(5)),
        *(_reason(call(whole.ApplyCatalog, samples.document())) for _ in range(5)),
        *(
            _reason(call(plans.CreatePlan, plan_service_pb2.CreatePlanRequest(plan=samples.plan(fields))))
            for fields in (samples.GOLD, samples.GOLD | {"displayName": "Other"}) * 5
        ),
    )
    assert set(reasons) <= {"OK", "ID_TAKEN", "PRODUCT_NOT_FOUND"}
    assert set(reasons[:10]) == {"OK"}
