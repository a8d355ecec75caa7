"""Plans over the wire: drafts, versions, and what is for ever."""

from itertools import pairwise
from typing import Any

import grpc
import pytest
from google.protobuf import field_mask_pb2

from kit.broker import Broker
from kit.client import call
from kit.errors import RemoteRefusal
from tests.integration.catalog import samples
from tests.integration.catalog.announced import listen
from tollkeeper.catalog.v1 import catalog_events_pb2, feature_service_pb2, plan_pb2, product_service_pb2
from tollkeeper.catalog.v1 import plan_service_pb2 as pb
from tollkeeper.catalog.v1.catalog_service_pb2_grpc import CatalogServiceStub
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
    published_events = await listen(broker, "tollkeeper.catalog.plan.published.gold")
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
    announced = await listen(broker, "tollkeeper.catalog.plan.updated.gold")
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


async def _plan(plans: PlanServiceStub, plan_id: str = "gold") -> plan_pb2.Plan:
    return (await call(plans.GetPlan, pb.GetPlanRequest(plan_id=plan_id))).plan


async def _publish(plans: PlanServiceStub, plan_id: str = "gold", **fields: Any) -> plan_pb2.PlanVersion:
    return (await call(plans.PublishPlan, pb.PublishPlanRequest(plan_id=plan_id, **fields))).plan_version


async def _draft(plans: PlanServiceStub, plan_id: str, **fields: Any) -> None:
    content = samples.content({"pricingType": "PRICING_TYPE_FREE"} | fields)
    await call(plans.SavePlanDraft, pb.SavePlanDraftRequest(plan_id=plan_id, content=content))


async def _make(plans: PlanServiceStub, *plan_ids: str) -> None:
    for plan_id in plan_ids:
        plan = samples.plan({"id": plan_id, "productId": "airport"})
        await call(plans.CreatePlan, pb.CreatePlanRequest(plan=plan))


async def test_carrying_entitlements_moves_one_number_in_the_plan_and_its_event(
    plans: PlanServiceStub, broker: Broker
) -> None:
    announced = await listen(broker, "tollkeeper.catalog.plan.published.gold")
    numbers = []
    for carry in (False, True, False):
        await _save(plans)
        version = await _publish(plans, carry_entitlements=carry)
        event = catalog_events_pb2.PlanPublished.FromString((await announced.next_msg(timeout=5)).data)
        # Who asks for the version hears the plan's word with it.
        read = await call(plans.GetPlanVersion, pb.GetPlanVersionRequest(plan_id="gold", version=version.version))
        assert read.plan == event.plan == await _plan(plans)
        numbers.append((event.plan.latest_version, event.plan.carried_version))
    assert numbers == [(1, 0), (2, 2), (3, 2)]


async def test_the_etag_of_an_older_state_changes_nothing(plans: PlanServiceStub) -> None:
    before = await _plan(plans)
    content = samples.content(samples.CONTENT)
    saved = pb.SavePlanDraftRequest(plan_id="gold", content=content, etag=before.etag)
    await call(plans.SavePlanDraft, saved)
    after = await _plan(plans)
    renamed = samples.plan({"id": "gold", "displayName": "Other", "etag": before.etag})
    for doing in (
        call(plans.UpdatePlan, pb.UpdatePlanRequest(plan=renamed)),
        # What would change nothing is refused as well: the caller believes in another state.
        call(plans.SavePlanDraft, saved),
        _publish(plans, etag=before.etag),
    ):
        refusal = await _refused(doing)
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.ABORTED, "ETAG_MISMATCH")
        assert refusal.metadata == {"plan_id": "gold"}
    assert await _plan(plans) == after
    await _publish(plans, etag=after.etag)
    renamed.etag = (await _plan(plans)).etag
    assert (await call(plans.UpdatePlan, pb.UpdatePlanRequest(plan=renamed))).plan.display_name == "Other"


async def test_entitlements_are_inherited_when_a_plan_is_published(plans: PlanServiceStub) -> None:
    await _make(plans, "bronze", "silver")
    limit = {"featureId": "miles", "metered": {"limit": "5"}}
    await _draft(plans, "bronze", entitlements=[{"featureId": "lounge", "boolean": {}}, limit])
    await _draft(plans, "silver", basePlanId="bronze", entitlements=[limit | {"metered": {"limit": "9"}}])
    refusal = await _refused(_publish(plans, "silver"))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "NOT_PUBLISHED")
    assert refusal.metadata == {"plan_ids": "bronze"}
    await _publish(plans, "bronze")
    silver = await _publish(plans, "silver")
    assert [(each.feature_id, each.metered.limit) for each in silver.effective_entitlements] == [
        ("lounge", ""),
        ("miles", "9"),
    ]
    assert [feature.id for feature in silver.features] == ["lounge", "miles"]
    # A charge grants its feature: what is inherited of it drops out.
    await _save(plans, basePlanId="silver", entitlements=[], charges=[samples.GRADUATED | {"featureId": "miles"}])
    gold = await _publish(plans)
    assert [each.feature_id for each in gold.effective_entitlements] == ["lounge"]
    # What was published stays as it was when its base changes.
    await _draft(plans, "bronze")
    assert not (await _publish(plans, "bronze")).effective_entitlements
    read = await call(plans.GetPlanVersion, pb.GetPlanVersionRequest(plan_id="silver"))
    assert read.plan_version == silver


async def test_a_plan_never_inherits_from_itself(plans: PlanServiceStub) -> None:
    await _make(plans, "bronze", "silver")
    await _draft(plans, "bronze")
    await _publish(plans, "bronze")
    await _draft(plans, "silver", basePlanId="bronze")
    for base in ("silver", "bronze"):
        refusal = await _refused(_draft(plans, "bronze", basePlanId=base))
        assert [violation.path for violation in refusal.violations] == ["content.base_plan_id"]
        assert "lead back" in refusal.violations[0].message
    chain = [f"p{number}" for number in range(11)]
    await _make(plans, *chain)
    for base, plan_id in pairwise(["bronze", *chain[:9]]):
        await _draft(plans, plan_id, basePlanId=base)
        await _publish(plans, plan_id)
    refusal = await _refused(_draft(plans, "p9", basePlanId="p8"))
    assert "more than 10 plans" in refusal.violations[0].message


async def test_what_is_archived_is_named_no_more(plans: PlanServiceStub, catalog: grpc.aio.Channel) -> None:
    await _make(plans, "bronze")
    await _draft(plans, "bronze")
    await _publish(plans, "bronze")
    await _save(plans, basePlanId="bronze")
    lounge = samples.feature(samples.LOUNGE | {"archived": True})
    await call(FeatureServiceStub(catalog).UpdateFeature, feature_service_pb2.UpdateFeatureRequest(feature=lounge))
    bronze = samples.plan({"id": "bronze", "archived": True})
    archived = (await call(plans.UpdatePlan, pb.UpdatePlanRequest(plan=bronze))).plan
    assert (archived.archived, archived.latest_version) == (True, 1)
    for doing in (_publish(plans), _save(plans, basePlanId="bronze")):
        refusal = await _refused(doing)
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD")
        assert {violation.path for violation in refusal.violations} == {
            "content.base_plan_id",
            "content.entitlements[0].feature_id",
        }
    assert (await _plan(plans)).has_draft


async def test_a_version_carries_what_the_product_allows(plans: PlanServiceStub, catalog: grpc.aio.Channel) -> None:
    await _save(plans)
    assert not (await _publish(plans)).multiple_subscriptions
    several = samples.product(samples.AIRPORT | {"multipleSubscriptions": True})
    request = product_service_pb2.UpdateProductRequest(product=several)
    assert (await call(ProductServiceStub(catalog).UpdateProduct, request)).product.multiple_subscriptions
    await _save(plans)
    assert (await _publish(plans)).multiple_subscriptions


async def test_custom_plans_trials_and_country_prices_come_back_as_written(plans: PlanServiceStub) -> None:
    await _make(plans, "custom")
    await _draft(plans, "custom", pricingType="PRICING_TYPE_CUSTOM", trial={"durationDays": 30})
    custom = await _publish(plans, "custom")
    assert custom.content.pricing_type == plan_pb2.PRICING_TYPE_CUSTOM
    assert custom.content.trial.duration_days == 30
    assert custom.content.trial.end_behavior == plan_pb2.TRIAL_END_BEHAVIOR_CONVERT
    refusal = await _refused(_draft(plans, "custom", pricingType="PRICING_TYPE_CUSTOM", charges=[samples.BASE_FEE]))
    assert [violation.path for violation in refusal.violations] == ["content.charges"]
    german = samples.BASE_FEE["prices"][0] | {"country": "DE", "amount": "89"}
    await _save(plans, charges=[samples.BASE_FEE | {"prices": [*samples.BASE_FEE["prices"], german]}])
    prices = (await _publish(plans)).content.charges[0].prices
    assert [(price.country, price.amount) for price in prices] == [("", "99.5"), ("DE", "89")]


async def test_a_version_that_no_client_could_read_is_refused(
    plans: PlanServiceStub, catalog: grpc.aio.Channel
) -> None:
    # A version takes its features along; these have the longest descriptions that there can be.
    features = [{"id": f"f{number}", "boolean": {}, "description": "\U0001f6eb" * 2_000} for number in range(400)]
    document = samples.document(features=features, plans=[])
    await call(CatalogServiceStub(catalog).ApplyCatalog, document)
    entitlements = [{"featureId": feature["id"], "boolean": {}} for feature in features]
    await _save(plans, entitlements=entitlements, charges=[samples.BASE_FEE])
    before = await _plan(plans)
    refusal = await _refused(_publish(plans))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD")
    assert [violation.path for violation in refusal.violations] == ["content"]
    assert await _plan(plans) == before
    whole = [{"plan": samples.SILVER, "content": samples.SILVER_CONTENT | {"entitlements": entitlements}}]
    whole[0]["content"] |= {"basePlanId": "", "compatibleAddOnIds": []}
    refusal = await _refused(call(CatalogServiceStub(catalog).ApplyCatalog, samples.document(features=[], plans=whole)))
    assert [violation.path for violation in refusal.violations] == ["plans[0].content"]
    await _save(plans, entitlements=entitlements[:300], charges=[samples.BASE_FEE])
    assert (await _publish(plans)).version == 1
