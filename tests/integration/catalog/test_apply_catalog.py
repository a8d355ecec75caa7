"""The catalog as code: compared, applied as a whole, and refused as a whole."""

import asyncio
from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import grpc
import pytest

from kit.broker import Broker
from kit.client import call
from kit.errors import RemoteRefusal
from tests.integration.catalog import samples
from tollkeeper.catalog.v1 import catalog_events_pb2, feature_service_pb2, plan_service_pb2, product_service_pb2
from tollkeeper.catalog.v1 import catalog_service_pb2 as pb
from tollkeeper.catalog.v1.catalog_service_pb2_grpc import CatalogServiceStub
from tollkeeper.catalog.v1.feature_service_pb2_grpc import FeatureServiceStub
from tollkeeper.catalog.v1.plan_service_pb2_grpc import PlanServiceStub
from tollkeeper.catalog.v1.product_service_pb2_grpc import ProductServiceStub

UNCHANGED = pb.CHANGE_TYPE_UNCHANGED


async def _apply(channel: grpc.aio.Channel, **fields: Any) -> pb.ApplyCatalogResponse:
    return await call(CatalogServiceStub(channel).ApplyCatalog, samples.document(**fields))


async def _refusal(channel: grpc.aio.Channel, **fields: Any) -> RemoteRefusal:
    with pytest.raises(RemoteRefusal) as refused:
        await _apply(channel, **fields)
    return refused.value


def _types(response: pb.ApplyCatalogResponse) -> list[tuple[str, str, int]]:
    return [
        (change.resource.id, pb.ChangeType.Name(change.type).removeprefix("CHANGE_TYPE_"), change.plan_version)
        for change in response.changes
    ]


def _fields(change: pb.ResourceChange) -> list[tuple[str, str, str]]:
    return [(field.path, field.old_value, field.new_value) for field in change.fields]


async def _versions(channel: grpc.aio.Channel, plan_id: str = "gold") -> Sequence[int]:
    request = plan_service_pb2.ListPlanVersionsRequest(plan_id=plan_id)
    response = await call(PlanServiceStub(channel).ListPlanVersions, request)
    return [version.version for version in response.plan_versions]


async def test_a_document_is_shown_applied_announced_and_then_equal(catalog: grpc.aio.Channel, broker: Broker) -> None:
    announced = await broker.client.subscribe("tollkeeper.catalog.>")
    created = [(name, "CREATED", version) for name, version in _THINGS]
    shown = await _apply(catalog, validateOnly=True)
    assert (_types(shown), shown.applied) == (created, False)
    applied = await _apply(catalog)
    assert (_types(applied), applied.applied) == (created, True)
    subjects = [(await announced.next_msg(timeout=5)).subject for _ in range(7)]
    assert subjects == [
        "tollkeeper.catalog.feature.created.gates",
        "tollkeeper.catalog.feature.created.miles",
        "tollkeeper.catalog.feature.created.lounge",
        "tollkeeper.catalog.feature.created.support",
        "tollkeeper.catalog.product.created.airport",
        "tollkeeper.catalog.plan.created.gold",
        "tollkeeper.catalog.plan.published.gold",
    ]
    again = await _apply(catalog)
    assert _types(again) == [(name, "UNCHANGED", version) for name, version in _THINGS]
    assert await _versions(catalog) == [1]


_THINGS = [("gates", 0), ("miles", 0), ("lounge", 0), ("support", 0), ("airport", 0), ("gold", 1)]


async def test_nothing_is_stored_by_looking(catalog: grpc.aio.Channel) -> None:
    await _apply(catalog, validateOnly=True)
    features = await call(FeatureServiceStub(catalog).ListFeatures, feature_service_pb2.ListFeaturesRequest())
    products = await call(ProductServiceStub(catalog).ListProducts, product_service_pb2.ListProductsRequest())
    assert (len(features.features), len(products.products)) == (0, 0)


async def test_a_change_is_named_place_by_place_and_published_once(catalog: grpc.aio.Channel) -> None:
    await _apply(catalog)
    plan = {"plan": samples.GOLD | {"description": "Best"}, "content": deepcopy(samples.CONTENT)}
    gates = plan["content"]["charges"][0]
    gates["prices"][0]["tiers"][1]["unitPrice"] = "14.50"
    gates["prices"].append(gates["prices"][0] | {"billingPeriod": "BILLING_PERIOD_YEARLY"})
    del plan["content"]["entitlements"][1]
    features = [
        feature | {"description": "New"} if feature["id"] == "lounge" else feature for feature in samples.FEATURES
    ]
    response = await _apply(catalog, plans=[plan], features=features)
    by_id = {change.resource.id: change for change in response.changes}
    assert {name for name, change in by_id.items() if change.type != UNCHANGED} == {"lounge", "gold"}
    assert _fields(by_id["lounge"]) == [("description", "", "New")]
    yearly = "content.charges[gates].prices[YEARLY USD].tiers"
    assert _fields(by_id["gold"]) == [
        ("description", "", "Best"),
        ("content.charges[gates].prices[MONTHLY USD].tiers[1].unit_price", "15", "14.5"),
        (f"{yearly}[0].unit_price", "", "20"),
        (f"{yearly}[0].flat_fee", "", "10"),
        (f"{yearly}[1].unit_price", "", "14.5"),
        (f"{yearly}[1].flat_fee", "", "8"),
        (f"{yearly}[2].unit_price", "", "10"),
        (f"{yearly}[2].flat_fee", "", "5"),
        ("content.entitlements[support].enum.values[email]", "email", ""),
    ]
    assert by_id["gold"].plan_version == 2
    assert await _versions(catalog) == [2, 1]


async def test_equal_content_written_otherwise_gets_no_new_version(catalog: grpc.aio.Channel) -> None:
    await _apply(catalog)
    content = deepcopy(samples.CONTENT)
    content["charges"].reverse()
    content["entitlements"].reverse()
    content["charges"][0]["prices"][0]["amount"] = "+099.5000"
    content["charges"][1] |= {"displayName": "Gates", "minimumQuantity": "1.0", "tierEnds": ["5.0", "10"]}
    content["entitlements"][0]["metered"]["usageReset"]["anchor"] = "RESET_ANCHOR_SUBSCRIPTION_START"
    response = await _apply(catalog, plans=[{"plan": samples.GOLD, "content": content}])
    assert {change.type for change in response.changes} == {UNCHANGED}
    assert await _versions(catalog) == [1]


async def test_renaming_a_feature_makes_no_new_version(catalog: grpc.aio.Channel) -> None:
    await _apply(catalog)
    renamed = [samples.GATES | {"displayName": "Boarding gates"}, *samples.FEATURES[1:]]
    response = await _apply(catalog, features=renamed)
    assert [change[:2] for change in _types(response) if change[1] != "UNCHANGED"] == [("gates", "CHANGED")]
    published = await call(
        PlanServiceStub(catalog).GetPlanVersion, plan_service_pb2.GetPlanVersionRequest(plan_id="gold")
    )
    assert published.plan_version.content.charges[0].display_name == "Gates"
    # What was read back can be applied, and is equal.
    content = {"plan": samples.GOLD, "content": None}
    document = samples.document(features=renamed, plans=[content])
    document.plans[0].content.CopyFrom(published.plan_version.content)
    again = await call(CatalogServiceStub(catalog).ApplyCatalog, document)
    assert {change.type for change in again.changes} == {UNCHANGED}


async def test_what_is_not_in_the_document_is_left_alone_and_listed(catalog: grpc.aio.Channel) -> None:
    await _apply(catalog)
    response = await _apply(catalog, features=[samples.LOUNGE], products=[], plans=[])
    assert [(pb.ResourceType.Name(name.type), name.id) for name in response.unlisted] == [
        ("RESOURCE_TYPE_FEATURE", "gates"),
        ("RESOURCE_TYPE_FEATURE", "miles"),
        ("RESOURCE_TYPE_FEATURE", "support"),
        ("RESOURCE_TYPE_PRODUCT", "airport"),
        ("RESOURCE_TYPE_PLAN", "gold"),
    ]
    assert await _versions(catalog) == [1]


async def test_every_mistake_is_named_at_once_and_nothing_is_stored(catalog: grpc.aio.Channel) -> None:
    await _apply(catalog)
    content = deepcopy(samples.CONTENT)
    content["charges"][0]["prices"][0]["currency"] = "usd"
    content["charges"][1]["prices"][0]["amount"] = "1e3"
    metered = samples.GATES["metered"] | {"usageBehavior": "USAGE_BEHAVIOR_INCREMENTAL"}
    features = [
        samples.GATES | {"metered": metered},
        samples.LOUNGE | {"enum": {"values": ["a"]}},
        {"id": "lounge", "boolean": {}},
        {"id": "new", "boolean": {}},
    ]
    del features[1]["boolean"]
    plans = [
        {"plan": samples.GOLD | {"productId": "seaport"}, "content": content},
        {"plan": {"id": "free", "productId": "airport"}, "content": {"pricingType": "PRICING_TYPE_FREE"}},
        {"plan": {"id": "empty", "productId": "nowhere"}},
    ]
    refusal = await _refusal(catalog, features=features, plans=plans)
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD")
    assert {violation.path for violation in refusal.violations} == {
        "features[0].metered.usage_behavior",
        "features[1].enum",
        "features[2].id",
        "plans[0].plan.product_id",
        "plans[0].content.charges[0].prices[0].currency",
        "plans[0].content.charges[1].prices[0].amount",
        "plans[2].plan.product_id",
        "plans[2].content",
    }
    names = await call(FeatureServiceStub(catalog).ListFeatures, feature_service_pb2.ListFeaturesRequest())
    assert [feature.id for feature in names.features] == ["gates", "lounge", "miles", "support"]


async def test_a_draft_made_otherwise_is_a_conflict(catalog: grpc.aio.Channel) -> None:
    await _apply(catalog)
    request = plan_service_pb2.SavePlanDraftRequest(plan_id="gold", content=samples.content(samples.CONTENT))
    await call(PlanServiceStub(catalog).SavePlanDraft, request)
    for looking in (True, False):
        refusal = await _refusal(catalog, validateOnly=looking)
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "DRAFT_OPEN")
        assert refusal.metadata == {"plan_ids": "gold"}
        assert [violation.path for violation in refusal.violations] == ["plans[0].plan.id"]


async def test_documents_applied_at_once_end_as_one_after_the_other(catalog: grpc.aio.Channel) -> None:
    responses = await asyncio.gather(*(_apply(catalog) for _ in range(8)))
    created = [response for response in responses if response.changes[0].type == pb.CHANGE_TYPE_CREATED]
    assert len(created) == 1
    assert await _versions(catalog) == [1]
    fees = [samples.BASE_FEE | {"displayName": f"Fee {number}"} for number in range(8)]
    contents = [samples.CONTENT | {"charges": [fee]} for fee in fees]
    plans = [[{"plan": samples.GOLD, "content": content}] for content in contents]
    responses = await asyncio.gather(*(_apply(catalog, plans=each) for each in plans))
    assert sorted(response.changes[-1].plan_version for response in responses) == list(range(2, 10))


async def test_the_state_and_its_event_are_the_same(catalog: grpc.aio.Channel, broker: Broker) -> None:
    announced = await broker.client.subscribe("tollkeeper.catalog.plan.published.gold")
    await _apply(catalog)
    event = catalog_events_pb2.PlanPublished.FromString((await announced.next_msg(timeout=5)).data)
    read = await call(PlanServiceStub(catalog).GetPlan, plan_service_pb2.GetPlanRequest(plan_id="gold"))
    assert event.plan == read.plan
