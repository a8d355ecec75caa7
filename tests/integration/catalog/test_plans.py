"""Plans over the wire: drafts, versions, and what is for ever."""

import grpc
import pytest
from google.protobuf import field_mask_pb2

from kit.broker import Broker
from kit.client import call
from kit.errors import RemoteRefusal
from tests.integration.catalog import samples
from tollkeeper.catalog.v1 import catalog_events_pb2, feature_service_pb2, plan_pb2, product_service_pb2
from tollkeeper.catalog.v1 import plan_service_pb2 as pb
from tollkeeper.catalog.v1.feature_service_pb2_grpc import FeatureServiceStub
from tollkeeper.catalog.v1.plan_service_pb2_grpc import PlanServiceStub
from tollkeeper.catalog.v1.product_service_pb2_grpc import ProductServiceStub


@pytest.fixture
async def plans(catalog: grpc.aio.Channel) -> PlanServiceStub:
    """The stub, with the airport's features, its product and the plan gold made."""
    for fields in samples.FEATURES:
        request = feature_service_pb2.CreateFeatureRequest(feature=samples.feature(fields))
        await call(FeatureServiceStub(catalog).CreateFeature, request)
    product = product_service_pb2.CreateProductRequest(product=samples.product(samples.AIRPORT))
    await call(ProductServiceStub(catalog).CreateProduct, product)
    stub = PlanServiceStub(catalog)
    await call(stub.CreatePlan, pb.CreatePlanRequest(plan=samples.plan(samples.GOLD)))
    return stub


async def _save(plans: PlanServiceStub, **changes: object) -> plan_pb2.PlanVersion:
    content = samples.content(samples.CONTENT | changes)
    return (await call(plans.SavePlanDraft, pb.SavePlanDraftRequest(plan_id="gold", content=content))).plan_version


async def _refused(coroutine: object) -> RemoteRefusal:
    with pytest.raises(RemoteRefusal) as refused:
        await coroutine  # type: ignore[misc]  # every caller gives a call.
    return refused.value


async def test_a_draft_is_saved_and_published_complete(plans: PlanServiceStub, broker: Broker) -> None:
    published_events = await broker.client.subscribe("tollkeeper.catalog.plan.published.gold")
    draft = await _save(plans)
    assert (draft.version, draft.state) == (1, plan_pb2.PLAN_VERSION_STATE_DRAFT)
    assert not draft.features
    published = (await call(plans.PublishPlan, pb.PublishPlanRequest(plan_id="gold"))).plan_version
    assert (published.version, published.state) == (1, plan_pb2.PLAN_VERSION_STATE_PUBLISHED)
    assert published.display_name == "Gold"
    assert [feature.id for feature in published.features] == ["gates", "lounge", "miles", "support"]
    assert [charge.display_name for charge in published.content.charges] == ["Gates", "Gold"]
    gates = published.content.charges[0]
    assert gates.prices[0].tiers[2].unit_price == "10"
    assert gates.minimum_quantity == "1"
    assert published.content.entitlements[2].metered.limit == "1000000"
    message = await published_events.next_msg(timeout=5)
    plan = (await call(plans.GetPlan, pb.GetPlanRequest(plan_id="gold"))).plan
    assert catalog_events_pb2.PlanPublished.FromString(message.data).plan == plan
    assert (plan.latest_version, plan.has_draft) == (1, False)


async def test_versions_are_read_newest_first_with_the_draft_before_them(plans: PlanServiceStub) -> None:
    for number in range(3):
        await _save(plans, charges=[samples.BASE_FEE | {"displayName": f"Fee {number}"}])
        await call(plans.PublishPlan, pb.PublishPlanRequest(plan_id="gold"))
    await _save(plans)
    numbers, token = [], ""
    while True:
        request = pb.ListPlanVersionsRequest(plan_id="gold", page_size=2, page_token=token)
        response = await call(plans.ListPlanVersions, request)
        numbers += [(version.version, version.state) for version in response.plan_versions]
        token = response.next_page_token
        if not token:
            break
    published = plan_pb2.PLAN_VERSION_STATE_PUBLISHED
    assert numbers == [(4, plan_pb2.PLAN_VERSION_STATE_DRAFT), (3, published), (2, published), (1, published)]
    newest = (await call(plans.GetPlanVersion, pb.GetPlanVersionRequest(plan_id="gold"))).plan_version
    assert newest.version == 3
    draft = (await call(plans.GetPlanVersion, pb.GetPlanVersionRequest(plan_id="gold", version=4))).plan_version
    assert draft.state == plan_pb2.PLAN_VERSION_STATE_DRAFT


async def test_a_discarded_draft_is_gone(plans: PlanServiceStub) -> None:
    await _save(plans)
    await call(plans.DiscardPlanDraft, pb.DiscardPlanDraftRequest(plan_id="gold"))
    for refusal in (
        await _refused(call(plans.DiscardPlanDraft, pb.DiscardPlanDraftRequest(plan_id="gold"))),
        await _refused(call(plans.PublishPlan, pb.PublishPlanRequest(plan_id="gold"))),
    ):
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "DRAFT_NOT_OPEN")
    refusal = await _refused(call(plans.GetPlanVersion, pb.GetPlanVersionRequest(plan_id="gold")))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.NOT_FOUND, "PLAN_VERSION_NOT_FOUND")


async def test_every_mistake_of_a_content_is_named_at_once(plans: PlanServiceStub) -> None:
    charge = samples.GRADUATED | {"tierEnds": ["10", "5", "x"], "blockSize": "1", "featureId": "lounge"}
    entitlements = [{"featureId": "gates", "boolean": {}}, {"featureId": "nothing", "metered": {"limit": "-1"}}]
    refusal = await _refused(_save(plans, charges=[charge, {}], entitlements=entitlements))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD")
    assert {violation.path for violation in refusal.violations} == {
        "content.entitlements[0].boolean",
        "content.entitlements[1].feature_id",
        "content.entitlements[1].metered.limit",
        "content.charges[0].feature_id",
        "content.charges[0].tier_ends[1]",
        "content.charges[0].tier_ends[2]",
        "content.charges[0].block_size",
        "content.charges[0].prices[0].tiers",
        "content.charges[1].id",
        "content.charges[1].billing_model",
        "content.charges[1].prices",
    }
    plan = (await call(plans.GetPlan, pb.GetPlanRequest(plan_id="gold"))).plan
    assert not plan.has_draft


async def test_a_plan_is_renamed_announced_and_keeps_its_versions(plans: PlanServiceStub, broker: Broker) -> None:
    announced = await broker.client.subscribe("tollkeeper.catalog.plan.updated.gold")
    await _save(plans)
    published = (await call(plans.PublishPlan, pb.PublishPlanRequest(plan_id="gold"))).plan_version
    mask = field_mask_pb2.FieldMask(paths=["display_name"])
    plan = samples.plan({"id": "gold", "displayName": "Best", "description": "Ignored"})
    renamed = (await call(plans.UpdatePlan, pb.UpdatePlanRequest(plan=plan, update_mask=mask))).plan
    assert (renamed.display_name, renamed.description, renamed.latest_version) == ("Best", "", 1)
    event = catalog_events_pb2.PlanUpdated.FromString((await announced.next_msg(timeout=5)).data)
    assert event.plan == renamed
    read = (await call(plans.GetPlanVersion, pb.GetPlanVersionRequest(plan_id="gold", version=1))).plan_version
    assert read == published
    moved = samples.plan({"id": "gold", "productId": "seaport"})
    refusal = await _refused(call(plans.UpdatePlan, pb.UpdatePlanRequest(plan=moved)))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "PLAN_IMMUTABLE_FIELD")


async def test_every_change_of_a_plan_grows_its_revision(plans: PlanServiceStub) -> None:
    async def read() -> plan_pb2.Plan:
        return (await call(plans.GetPlan, pb.GetPlanRequest(plan_id="gold"))).plan

    states = [await read()]
    for change in ("save", "save the same", "save another", "discard", "save", "publish"):
        if change == "discard":
            await call(plans.DiscardPlanDraft, pb.DiscardPlanDraftRequest(plan_id="gold"))
        elif change == "publish":
            await call(plans.PublishPlan, pb.PublishPlanRequest(plan_id="gold"))
        else:
            await _save(plans, **({"charges": [samples.BASE_FEE]} if change == "save another" else {}))
        states.append(await read())
    revisions = [state.revision for state in states]
    # What is saved again unchanged is no change.
    assert revisions[1] == revisions[2]
    assert sorted(set(revisions)) == [revisions[0], revisions[1], *revisions[3:]]
    assert [state.has_draft for state in states] == [False, True, True, True, False, True, False]


async def test_plans_are_listed_by_product(plans: PlanServiceStub, catalog: grpc.aio.Channel) -> None:
    other = product_service_pb2.CreateProductRequest(product=samples.product({"id": "seaport"}))
    await call(ProductServiceStub(catalog).CreateProduct, other)
    for plan_id, product_id in (("bronze", "airport"), ("anchor", "seaport"), ("iron", "airport")):
        plan = samples.plan({"id": plan_id, "productId": product_id})
        await call(plans.CreatePlan, pb.CreatePlanRequest(plan=plan))

    async def ids(product_id: str) -> list[str]:
        found, token = [], ""
        while True:
            request = pb.ListPlansRequest(page_size=2, page_token=token, product_id=product_id)
            response = await call(plans.ListPlans, request)
            found += [plan.id for plan in response.plans]
            token = response.next_page_token
            if not token:
                return found

    assert await ids("") == ["anchor", "bronze", "gold", "iron"]
    assert await ids("airport") == ["bronze", "gold", "iron"]
    assert await ids("nothing") == []
    token = (await call(plans.ListPlans, pb.ListPlansRequest(page_size=1, product_id="airport"))).next_page_token
    refusal = await _refused(call(plans.ListPlans, pb.ListPlansRequest(page_token=token)))
    assert refusal.reason == "INVALID_PAGE_TOKEN"
