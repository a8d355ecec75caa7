"""Features and products over the wire: made once, changed by mask, listed by pages."""

import asyncio
import base64
import json
from collections.abc import Awaitable
from copy import deepcopy
from typing import Any

import grpc
import pytest
from google.protobuf import field_mask_pb2

from kit.broker import Broker
from kit.client import call
from kit.errors import RemoteRefusal
from tests.integration.catalog import samples
from tests.integration.catalog.announced import listen
from tollkeeper.catalog.v1 import catalog_events_pb2, feature_pb2, plan_service_pb2, product_service_pb2
from tollkeeper.catalog.v1 import feature_service_pb2 as pb
from tollkeeper.catalog.v1.feature_service_pb2_grpc import FeatureServiceStub
from tollkeeper.catalog.v1.plan_service_pb2_grpc import PlanServiceStub
from tollkeeper.catalog.v1.product_service_pb2_grpc import ProductServiceStub

SEATS: dict[str, Any] = {
    "id": "seats",
    "metered": {"usageBehavior": "USAGE_BEHAVIOR_FLUCTUATING", "usageSource": "USAGE_SOURCE_CALCULATED"},
}


@pytest.fixture
def features(catalog: grpc.aio.Channel) -> FeatureServiceStub:
    """The stub."""
    return FeatureServiceStub(catalog)


async def _create(features: FeatureServiceStub, fields: dict[str, Any]) -> feature_pb2.Feature:
    return (await call(features.CreateFeature, pb.CreateFeatureRequest(feature=samples.feature(fields)))).feature


async def _update(features: FeatureServiceStub, fields: dict[str, Any], *paths: str) -> feature_pb2.Feature:
    mask = field_mask_pb2.FieldMask(paths=paths)
    request = pb.UpdateFeatureRequest(feature=samples.feature(fields), update_mask=mask)
    return (await call(features.UpdateFeature, request)).feature


async def _refused(answer: Awaitable[Any]) -> RemoteRefusal:
    with pytest.raises(RemoteRefusal) as refused:
        await answer
    return refused.value


async def test_a_feature_is_made_with_its_defaults_and_announced(features: FeatureServiceStub, broker: Broker) -> None:
    announced = await listen(broker, "tollkeeper.catalog.feature.created.seats")
    made = await _create(features, SEATS)
    assert (made.display_name, made.metered.unit_singular, made.metered.unit_plural) == ("seats", "unit", "units")
    assert made.revision > 0
    assert made.create_time == made.update_time
    read = await call(features.GetFeature, pb.GetFeatureRequest(feature_id="seats"))
    assert read.feature == made
    event = catalog_events_pb2.FeatureCreated.FromString((await announced.next_msg(timeout=5)).data)
    assert event.feature == made


async def test_meters_come_back_canonical(features: FeatureServiceStub) -> None:
    made = await _create(features, samples.MILES)
    condition = made.metered.meter.filters[0].conditions[0]
    assert [value.WhichOneof("kind") for value in getattr(condition, "in").values] == ["string_value", "number_value"]
    assert getattr(condition, "in").values[1].number_value == "1.5"


async def test_every_test_thresholds_and_shadow_mode_come_back(features: FeatureServiceStub, broker: Broker) -> None:
    announced = await listen(broker, "tollkeeper.catalog.feature.created.delay")
    made = await _create(features, samples.DELAY)
    wanted = samples.feature(samples.DELAY)
    wanted.metered.thresholds.percents.sort()
    wanted.metered.meter.filters[0].conditions[1].not_equals.number_value = "2"
    wanted.metered.meter.filters[1].conditions[0].greater_than = "-5.5"
    wanted.metered.meter.filters[1].conditions[2].greater_than_or_equal = "100"
    assert (made.metered.meter, made.metered.thresholds) == (wanted.metered.meter, wanted.metered.thresholds)
    assert made.shadow_mode
    assert (await call(features.GetFeature, pb.GetFeatureRequest(feature_id="delay"))).feature == made
    event = catalog_events_pb2.FeatureCreated.FromString((await announced.next_msg(timeout=5)).data)
    assert event.feature == made


async def test_thresholds_have_a_default_and_change(features: FeatureServiceStub, broker: Broker) -> None:
    announced = await listen(broker, "tollkeeper.catalog.feature.updated.seats")
    assert list((await _create(features, SEATS)).metered.thresholds.percents) == [80, 100]

    async def told() -> feature_pb2.Feature:
        return catalog_events_pb2.FeatureUpdated.FromString((await announced.next_msg(timeout=5)).data).feature

    louder = await _update(
        features, {"id": "seats", "metered": {"thresholds": {"percents": [150, 50]}}}, "metered.thresholds"
    )
    assert list(louder.metered.thresholds.percents) == [50, 150]
    assert await told() == louder
    silent = await _update(features, {"id": "seats", "metered": {"thresholds": {}}}, "metered.thresholds")
    assert silent.metered.HasField("thresholds")
    assert not silent.metered.thresholds.percents
    assert await told() == silent
    again = await _update(features, {"id": "seats"}, "metered.thresholds")
    assert list(again.metered.thresholds.percents) == [80, 100]
    assert await told() == again
    # The same in another order is no change.
    turned = {"id": "seats", "metered": {"thresholds": {"percents": [100, 80]}}}
    assert await _update(features, turned, "metered.thresholds") == again
    wrong = {"id": "seats", "metered": {"thresholds": {"percents": [0, 80, 80, 1001]}}}
    refusal = await _refused(_update(features, wrong, "metered.thresholds"))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD")
    path = "feature.metered.thresholds.percents"
    assert {violation.path for violation in refusal.violations} == {f"{path}[0]", f"{path}[2]", f"{path}[3]"}


async def test_shadow_mode_is_switched_on_and_off(features: FeatureServiceStub, broker: Broker) -> None:
    announced = await listen(broker, "tollkeeper.catalog.feature.updated.lounge")
    assert not (await _create(features, samples.LOUNGE)).shadow_mode
    for shadow in (True, False):
        changed = await _update(features, samples.LOUNGE | {"shadowMode": shadow}, "shadow_mode")
        assert changed.shadow_mode is shadow
        event = catalog_events_pb2.FeatureUpdated.FromString((await announced.next_msg(timeout=5)).data)
        assert event.feature == changed


async def test_every_mistake_of_a_meter_is_named_at_once(features: FeatureServiceStub) -> None:
    wrong = deepcopy(samples.DELAY)
    wrong["metered"]["meter"] |= {"aggregation": "AGGREGATION_LATEST", "field": ""}
    wrong["metered"]["thresholds"] = {"percents": [*range(11)]}
    wrong["metered"]["meter"]["filters"] = [
        {"conditions": [{"field": "a", "contains": ""}, {"field": "b", "greaterThan": "NaN"}, {"field": "c"}]},
        {"conditions": [{"field": "d", "notEquals": {}}, {"field": "", "lessThan": "1e3"}]},
    ]
    refusal = await _refused(_create(features, wrong))
    assert refusal.reason == "INVALID_FIELD"
    filters = "feature.metered.meter.filters"
    assert {violation.path for violation in refusal.violations} == {
        "feature.metered.meter.field",
        "feature.metered.thresholds.percents",
        "feature.metered.thresholds.percents[0]",
        f"{filters}[0].conditions[0].contains",
        f"{filters}[0].conditions[1].greater_than",
        f"{filters}[0].conditions[2].test",
        f"{filters}[1].conditions[0].not_equals.kind",
        f"{filters}[1].conditions[1].field",
        f"{filters}[1].conditions[1].less_than",
    }
    unknown = {"id": "new", "metered": SEATS["metered"] | {"usageSource": "USAGE_SOURCE_EVENTS", "meter": {}}}
    message = samples.feature(unknown)
    message.metered.meter.event_names.append("a")
    message.metered.meter.aggregation = 99  # type: ignore[assignment]  # a later contract's.
    refusal = await _refused(call(features.CreateFeature, pb.CreateFeatureRequest(feature=message)))
    assert [violation.path for violation in refusal.violations] == ["feature.metered.meter.aggregation"]


async def test_an_equal_feature_is_answered_as_it_is(features: FeatureServiceStub) -> None:
    made = await _create(features, SEATS)
    assert await _create(features, SEATS | {"displayName": "seats"}) == made
    refusal = await _refused(_create(features, SEATS | {"displayName": "Seats"}))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.ALREADY_EXISTS, "ID_TAKEN")


async def test_creates_at_once_end_equal_or_taken(features: FeatureServiceStub) -> None:
    names = ["A", "B"] * 10
    outcomes = await asyncio.gather(
        *(_create(features, SEATS | {"displayName": name}) for name in names), return_exceptions=True
    )
    made = [outcome for outcome in outcomes if isinstance(outcome, feature_pb2.Feature)]
    refusals = [outcome for outcome in outcomes if isinstance(outcome, RemoteRefusal)]
    assert (len(made), {refusal.reason for refusal in refusals}) == (10, {"ID_TAKEN"})
    assert len({feature.revision for feature in made}) == 1
    assert len(made) + len(refusals) == 20


async def test_an_update_changes_what_is_named_and_grows_the_revision(
    features: FeatureServiceStub, broker: Broker
) -> None:
    made = await _create(features, SEATS)
    announced = await listen(broker, "tollkeeper.catalog.feature.updated.seats")
    wanted = SEATS | {"displayName": "Seats", "description": "Ignored"}
    changed = await _update(features, wanted, "display_name")
    assert (changed.display_name, changed.description) == ("Seats", "")
    assert changed.revision > made.revision
    assert changed.create_time == made.create_time
    event = catalog_events_pb2.FeatureUpdated.FromString((await announced.next_msg(timeout=5)).data)
    assert event.feature == changed
    # Where nothing differs nothing happens.
    assert await _update(features, wanted, "display_name") == changed


async def test_updates_at_once_are_all_kept(features: FeatureServiceStub) -> None:
    await _create(features, samples.SUPPORT)
    await asyncio.gather(
        *(_update(features, samples.SUPPORT | {"displayName": f"S{n}"}, "display_name") for n in range(10)),
        *(_update(features, samples.SUPPORT | {"description": f"D{n}"}, "description") for n in range(10)),
    )
    read = (await call(features.GetFeature, pb.GetFeatureRequest(feature_id="support"))).feature
    assert read.display_name.startswith("S")
    assert read.description.startswith("D")


async def test_what_never_changes_is_refused_with_its_field(features: FeatureServiceStub) -> None:
    await _create(features, SEATS)
    metered = SEATS["metered"] | {"usageBehavior": "USAGE_BEHAVIOR_INCREMENTAL"}
    refusal = await _refused(_update(features, SEATS | {"metered": metered}))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "FEATURE_IMMUTABLE_FIELD")
    assert refusal.metadata == {"field": "metered.usage_behavior"}
    refusal = await _refused(_update(features, SEATS, "colour", "create_time"))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD")
    assert [violation.path for violation in refusal.violations] == ["update_mask.paths[0]", "update_mask.paths[1]"]


async def test_lists_go_by_pages_in_the_order_of_ids(features: FeatureServiceStub) -> None:
    for number in (3, 1, 2, 5, 4):
        await _create(features, {"id": f"f{number}", "boolean": {}})
    ids, token = [], ""
    while True:
        response = await call(features.ListFeatures, pb.ListFeaturesRequest(page_size=2, page_token=token))
        ids.append([feature.id for feature in response.features])
        token = response.next_page_token
        if not token:
            break
    assert ids == [["f1", "f2"], ["f3", "f4"], ["f5"]]


def _forged(token: str, *parts: str) -> str:
    fingerprint = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))[0]
    return base64.urlsafe_b64encode(json.dumps([fingerprint, *parts]).encode()).decode().rstrip("=")


async def test_page_tokens_of_others_are_refused(features: FeatureServiceStub, catalog: grpc.aio.Channel) -> None:
    for number in range(2):
        await _create(features, {"id": f"f{number}", "boolean": {}})
    token = (await call(features.ListFeatures, pb.ListFeaturesRequest(page_size=1))).next_page_token
    products = ProductServiceStub(catalog).ListProducts
    for wrong in ("x", "e30", "%%%", token[:-2], _forged(token, "\0"), _forged(token, "\ud800"), _forged(token)):
        refusal = await _refused(call(features.ListFeatures, pb.ListFeaturesRequest(page_token=wrong)))
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_PAGE_TOKEN"), wrong
    refusal = await _refused(call(products, product_service_pb2.ListProductsRequest(page_token=token)))
    assert refusal.reason == "INVALID_PAGE_TOKEN"
    refusal = await _refused(call(features.ListFeatures, pb.ListFeaturesRequest(page_size=1_001)))
    assert refusal.reason == "INVALID_FIELD"


async def test_what_does_not_exist_is_not_found(catalog: grpc.aio.Channel) -> None:
    features, products, plans = FeatureServiceStub(catalog), ProductServiceStub(catalog), PlanServiceStub(catalog)
    content = samples.content({"pricingType": "PRICING_TYPE_FREE"})
    plan = samples.plan({"id": "gold", "productId": "nothing"})
    requests: dict[str, list[tuple[Any, Any]]] = {
        "FEATURE_NOT_FOUND": [
            (features.GetFeature, pb.GetFeatureRequest(feature_id="x")),
            (features.UpdateFeature, pb.UpdateFeatureRequest(feature=samples.feature({"id": "x"}))),
        ],
        "PRODUCT_NOT_FOUND": [
            (products.GetProduct, product_service_pb2.GetProductRequest(product_id="x")),
            (products.UpdateProduct, product_service_pb2.UpdateProductRequest(product=samples.product({"id": "x"}))),
            (plans.CreatePlan, plan_service_pb2.CreatePlanRequest(plan=plan)),
        ],
        "PLAN_NOT_FOUND": [
            (plans.GetPlan, plan_service_pb2.GetPlanRequest(plan_id="x")),
            (plans.UpdatePlan, plan_service_pb2.UpdatePlanRequest(plan=samples.plan({"id": "x"}))),
            (plans.SavePlanDraft, plan_service_pb2.SavePlanDraftRequest(plan_id="x", content=content)),
            (plans.DiscardPlanDraft, plan_service_pb2.DiscardPlanDraftRequest(plan_id="x")),
            (plans.PublishPlan, plan_service_pb2.PublishPlanRequest(plan_id="x")),
            (plans.GetPlanVersion, plan_service_pb2.GetPlanVersionRequest(plan_id="x", version=1)),
            (plans.ListPlanVersions, plan_service_pb2.ListPlanVersionsRequest(plan_id="x")),
        ],
    }
    for reason, calls in requests.items():
        for method, request in calls:
            refusal = await _refused(call(method, request))
            assert (refusal.code, refusal.reason) == (grpc.StatusCode.NOT_FOUND, reason)


async def test_a_number_is_configured_archived_and_brought_back(features: FeatureServiceStub, broker: Broker) -> None:
    announced = await listen(broker, "tollkeeper.catalog.feature.updated.history")
    made = await _create(features, samples.HISTORY)
    assert (made.numeric.unit_singular, made.numeric.unit_plural, made.archived) == ("day", "days", False)
    archived = await _update(features, {"id": "history", "archived": True}, "archived")
    assert (archived.archived, archived.numeric) == (True, made.numeric)
    event = catalog_events_pb2.FeatureUpdated.FromString((await announced.next_msg(timeout=5)).data)
    assert event.feature == archived
    renamed = await _update(features, {"id": "history", "numeric": {"unitPlural": "Tage"}}, "numeric.unit_plural")
    assert (renamed.archived, renamed.numeric.unit_singular, renamed.numeric.unit_plural) == (True, "day", "Tage")
    assert not (await _update(features, {"id": "history"}, "archived")).archived
    refusal = await _refused(_update(features, {"id": "history", "boolean": {}}))
    assert (refusal.reason, refusal.metadata) == ("FEATURE_IMMUTABLE_FIELD", {"field": "type"})
