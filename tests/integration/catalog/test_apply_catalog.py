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
from tests.integration.catalog.announced import listen
from tollkeeper.catalog.v1 import (
    add_on_service_pb2,
    catalog_events_pb2,
    feature_service_pb2,
    plan_pb2,
    plan_service_pb2,
    product_service_pb2,
)
from tollkeeper.catalog.v1 import catalog_service_pb2 as pb
from tollkeeper.catalog.v1.add_on_service_pb2_grpc import AddOnServiceStub
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
    announced = await listen(broker, "tollkeeper.catalog.>")
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


async def test_thresholds_and_shadow_mode_are_told_place_by_place_and_make_no_new_version(
    catalog: grpc.aio.Channel,
) -> None:
    def gates(percents: list[int] | None, *, shadow: bool = False) -> list[dict[str, Any]]:
        said = {} if percents is None else {"thresholds": {"percents": percents}}
        gates = samples.GATES | {"metered": samples.GATES["metered"] | said, "shadowMode": shadow}
        return [gates, *samples.FEATURES[1:]]

    async def told(percents: list[int] | None, *, shadow: bool = False) -> list[tuple[str, str, str]]:
        response = await _apply(catalog, features=gates(percents, shadow=shadow))
        assert {change.resource.id for change in response.changes if change.type != UNCHANGED} <= {"gates"}
        return [field for change in response.changes for field in _fields(change)]

    await _apply(catalog)
    where = "metered.thresholds.percents"
    assert await told([100, 80]) == []
    assert await told([100, 50], shadow=True) == [
        ("shadow_mode", "", "true"),
        (f"{where}[50]", "", "50"),
        (f"{where}[80]", "80", ""),
    ]
    assert await told([50, 100], shadow=True) == []
    assert await told([], shadow=True) == [(f"{where}[50]", "50", ""), (f"{where}[100]", "100", "")]
    assert await told(None) == [(f"{where}[80]", "", "80"), (f"{where}[100]", "", "100"), ("shadow_mode", "true", "")]
    assert await _versions(catalog) == [1]


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
    announced = await listen(broker, "tollkeeper.catalog.plan.published.gold")
    await _apply(catalog)
    event = catalog_events_pb2.PlanPublished.FromString((await announced.next_msg(timeout=5)).data)
    read = await call(PlanServiceStub(catalog).GetPlan, plan_service_pb2.GetPlanRequest(plan_id="gold"))
    assert event.plan == read.plan


def _content(fields: dict[str, Any], plan: dict[str, Any]) -> list[dict[str, Any]]:
    """The plans of the whole document, with another content of one of them."""
    return [each if each["plan"] != plan else each | {"content": fields} for each in samples.WHOLE["plans"]]


async def _plan(channel: grpc.aio.Channel, plan_id: str) -> plan_pb2.Plan:
    request = plan_service_pb2.GetPlanRequest(plan_id=plan_id)
    return (await call(PlanServiceStub(channel).GetPlan, request)).plan


async def test_everything_is_applied_in_one_go_told_complete_and_then_equal(
    catalog: grpc.aio.Channel, broker: Broker
) -> None:
    announced = await listen(broker, "tollkeeper.catalog.>")
    shown = await _apply(catalog, validateOnly=True, **samples.WHOLE)
    applied = await _apply(catalog, **samples.WHOLE)
    assert list(shown.changes) == list(applied.changes)
    assert [(change.resource.id, change.plan_version) for change in applied.changes][6:] == [
        ("airport", 0),
        ("more", 1),
        ("extra", 1),
        ("silver", 1),
        ("gold", 1),
        ("bronze", 1),
        ("WELCOME20", 0),
        ("FAREWELL", 0),
    ]
    # What was published is answered whole, and what would have been was the same but for times and revisions.
    for version, told in zip(applied.plan_versions, shown.plan_versions, strict=True):
        request = plan_service_pb2.GetPlanVersionRequest(plan_id=version.plan_id)
        assert (await call(PlanServiceStub(catalog).GetPlanVersion, request)).plan_version == version
        assert (told.plan_id, told.version, told.content) == (version.plan_id, version.version, version.content)
        assert told.effective_entitlements == version.effective_entitlements
        assert [add_on.content for add_on in told.add_ons] == [add_on.content for add_on in version.add_ons]
    silver = applied.plan_versions[0]
    assert [each.feature_id for each in silver.effective_entitlements] == ["history", "lounge"]
    assert [add_on.add_on_id for add_on in silver.add_ons] == ["extra", "more"]
    subjects = [(await announced.next_msg(timeout=5)).subject.removeprefix("tollkeeper.catalog.") for _ in range(19)]
    assert subjects[7:] == [
        "add_on.created.more",
        "add_on.published.more",
        "add_on.created.extra",
        "add_on.published.extra",
        "plan.created.bronze",
        "plan.published.bronze",
        "plan.created.silver",
        "plan.published.silver",
        "plan.created.gold",
        "plan.published.gold",
        "coupon.created.WELCOME20",
        "coupon.created.FAREWELL",
    ]
    again = await _apply(catalog, **samples.WHOLE)
    assert {change.type for change in again.changes} == {UNCHANGED}
    assert not again.plan_versions


async def test_what_inherits_is_published_anew_and_entitlements_are_carried(catalog: grpc.aio.Channel) -> None:
    await _apply(catalog, **samples.WHOLE)
    longer = samples.BRONZE_CONTENT | {"entitlements": [{"featureId": "history", "numeric": {"value": "14"}}]}
    document = samples.WHOLE | {"plans": _content(longer, samples.BRONZE), "carryEntitlements": True}
    shown = await _apply(catalog, validateOnly=True, **document)
    assert (await _plan(catalog, "silver")).carried_version == 0
    response = await _apply(catalog, **document)
    assert [version.plan_id for version in response.plan_versions] == ["silver", "bronze"]
    assert [version.plan_id for version in shown.plan_versions] == ["silver", "bronze"]
    by_id = {change.resource.id: change for change in response.changes if change.type != UNCHANGED}
    assert {plan_id: (_fields(change), change.plan_version) for plan_id, change in by_id.items()} == {
        "silver": ([("effective_entitlements[history].numeric.value", "7", "14")], 2),
        "bronze": ([("content.entitlements[history].numeric.value", "7", "14")], 2),
    }
    plans = {plan_id: await _plan(catalog, plan_id) for plan_id in ("bronze", "silver", "gold")}
    assert {plan_id: (plan.latest_version, plan.carried_version) for plan_id, plan in plans.items()} == {
        "bronze": (2, 2),
        "silver": (2, 2),
        "gold": (1, 0),
    }


async def test_a_base_published_otherwise_is_met_by_the_next_apply(catalog: grpc.aio.Channel) -> None:
    await _apply(catalog, **samples.WHOLE)
    plans = PlanServiceStub(catalog)
    content = samples.content(samples.BRONZE_CONTENT | {"entitlements": [{"featureId": "lounge", "boolean": {}}]})
    await call(plans.SavePlanDraft, plan_service_pb2.SavePlanDraftRequest(plan_id="bronze", content=content))
    await call(plans.PublishPlan, plan_service_pb2.PublishPlanRequest(plan_id="bronze"))
    # The document leaves bronze as it is now: it only names silver.
    silver = [{"plan": samples.SILVER, "content": samples.SILVER_CONTENT}]
    response = await _apply(catalog, plans=silver)
    assert _fields(response.changes[-1]) == [("effective_entitlements[history].numeric.value", "7", "")]
    assert response.changes[-1].plan_version == 2


async def test_at_most_a_thousand_unlisted_things_are_listed_and_all_are_counted(catalog: grpc.aio.Channel) -> None:
    features = [{"id": f"f{number:03}", "boolean": {}} for number in range(900)]
    await _apply(catalog, features=features, plans=[])
    more = [{"id": f"g{number:03}", "boolean": {}} for number in range(200)]
    await _apply(catalog, features=more, plans=[], coupons=samples.WHOLE["coupons"])
    response = await _apply(catalog, features=[], plans=[], products=[])
    assert (len(response.unlisted), response.unlisted_count) == (1_000, 900 + 200 + 1 + 2)
    response = await _apply(catalog, features=more, plans=[], products=[])
    assert (len(response.unlisted), response.unlisted_count) == (903, 903)
    assert [name.id for name in response.unlisted][-3:] == ["airport", "FAREWELL", "WELCOME20"]


async def test_mistakes_of_every_kind_are_named_at_once_and_nothing_is_stored(catalog: grpc.aio.Channel) -> None:
    await _apply(catalog, **samples.WHOLE)
    tiers = deepcopy(samples.GRADUATED)
    tiers["tierEnds"] = ["5", "5"]
    tiers["prices"][0]["tiers"][0]["unitPrice"] = "-1"
    bounded = samples.GRADUATED | {"id": "bounded", "featureId": "miles", "tierEnds": ["5", "10", "20"]}
    foreign = samples.BASE_FEE["prices"][0] | {"currency": "DM", "country": "XX"}
    document = {
        "features": [*samples.FEATURES, samples.HISTORY | {"archived": True}],
        "addOns": [
            {"addOn": samples.EXTRA, "content": {"requiredAddOnIds": ["more"]}},
            {"addOn": samples.MORE, "content": {"requiredAddOnIds": ["extra"], "maximumQuantity": 1_000_001}},
        ],
        "plans": [
            {"plan": samples.GOLD, "content": samples.CONTENT | {"charges": [tiers, bounded], "entitlements": []}},
            {
                "plan": samples.SILVER,
                "content": {
                    "pricingType": "PRICING_TYPE_PAID",
                    "basePlanId": "silver",
                    "trial": {"durationDays": 731},
                    "charges": [samples.BASE_FEE | {"prices": [foreign]}],
                    "entitlements": [{"featureId": "history", "numeric": {"value": "1"}}],
                },
            },
        ],
        "coupons": [samples.WELCOME | {"percentOff": "21"}, samples.FAREWELL | {"duration": 9}],
    }
    refusal = await _refusal(catalog, **document)
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD")
    assert {violation.path for violation in refusal.violations} == {
        "add_ons[0].content.required_add_on_ids[0]",
        "add_ons[1].content.required_add_on_ids[0]",
        "add_ons[1].content.maximum_quantity",
        "plans[0].content.charges[0].tier_ends[1]",
        "plans[0].content.charges[0].prices[0].tiers[0].unit_price",
        # A last tier with an end: four tiers, of which the last is priced by nothing.
        "plans[0].content.charges[1].prices[0].tiers",
        "plans[1].content.base_plan_id",
        "plans[1].content.trial.duration_days",
        "plans[1].content.charges[0].prices[0].currency",
        "plans[1].content.charges[0].prices[0].country",
        "plans[1].content.entitlements[0].feature_id",
        "coupons[0].percent_off",
        "coupons[1].duration",
    }
    again = await _apply(catalog, **samples.WHOLE)
    assert {change.type for change in again.changes} == {UNCHANGED}


async def test_an_open_draft_of_an_add_on_is_a_conflict_too(catalog: grpc.aio.Channel) -> None:
    await _apply(catalog, **samples.WHOLE)
    content = samples.add_on_content(samples.EXTRA_CONTENT)
    request = add_on_service_pb2.SaveAddOnDraftRequest(add_on_id="extra", content=content)
    await call(AddOnServiceStub(catalog).SaveAddOnDraft, request)
    refusal = await _refusal(catalog, **samples.WHOLE)
    assert (refusal.reason, refusal.metadata) == ("DRAFT_OPEN", {"add_on_ids": "extra"})
    assert [violation.path for violation in refusal.violations] == ["add_ons[1].add_on.id"]
    # A plan that only names it takes its newest version.
    assert (await _apply(catalog, plans=samples.WHOLE["plans"])).applied
