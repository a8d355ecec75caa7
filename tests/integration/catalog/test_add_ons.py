"""Add-ons over the wire: drafts, versions, and what plans take along of them."""

import asyncio
from typing import Any

import grpc
import pytest

from kit.broker import Broker
from kit.client import call
from kit.errors import RemoteRefusal
from tests.integration.catalog import samples
from tests.integration.catalog.announced import listen
from tollkeeper.catalog.v1 import (
    add_on_pb2,
    catalog_events_pb2,
    entitlement_pb2,
    plan_pb2,
    plan_service_pb2,
)
from tollkeeper.catalog.v1 import add_on_service_pb2 as pb
from tollkeeper.catalog.v1.add_on_service_pb2_grpc import AddOnServiceStub
from tollkeeper.catalog.v1.catalog_service_pb2_grpc import CatalogServiceStub
from tollkeeper.catalog.v1.plan_service_pb2_grpc import PlanServiceStub


@pytest.fixture
async def add_ons(catalog: grpc.aio.Channel) -> AddOnServiceStub:
    """The stub, with the airport's features, its product, the plan silver without a version, and two add-ons."""
    features = samples.WHOLE["features"]
    await call(CatalogServiceStub(catalog).ApplyCatalog, samples.document(features=features, plans=[]))
    stub = AddOnServiceStub(catalog)
    for fields in (samples.EXTRA, samples.MORE):
        await call(stub.CreateAddOn, pb.CreateAddOnRequest(add_on=samples.add_on(fields)))
    plan = plan_service_pb2.CreatePlanRequest(plan=samples.plan(samples.SILVER))
    await call(PlanServiceStub(catalog).CreatePlan, plan)
    return stub


async def _save(stub: AddOnServiceStub, add_on_id: str, etag: str = "", **content: Any) -> add_on_pb2.AddOnVersion:
    fields = content or samples.EXTRA_CONTENT
    request = pb.SaveAddOnDraftRequest(add_on_id=add_on_id, content=samples.add_on_content(fields), etag=etag)
    return (await call(stub.SaveAddOnDraft, request)).add_on_version


async def _publish(stub: AddOnServiceStub, add_on_id: str, etag: str = "") -> add_on_pb2.AddOnVersion:
    request = pb.PublishAddOnRequest(add_on_id=add_on_id, etag=etag)
    return (await call(stub.PublishAddOn, request)).add_on_version


async def _read(stub: AddOnServiceStub, add_on_id: str) -> add_on_pb2.AddOn:
    return (await call(stub.GetAddOn, pb.GetAddOnRequest(add_on_id=add_on_id))).add_on


async def _refused(coroutine: Any) -> RemoteRefusal:
    with pytest.raises(RemoteRefusal) as refused:
        await coroutine
    return refused.value


async def _save_plan(channel: grpc.aio.Channel, **changes: Any) -> None:
    fields = samples.SILVER_CONTENT | {"basePlanId": ""} | changes
    request = plan_service_pb2.SavePlanDraftRequest(plan_id="silver", content=samples.content(fields))
    await call(PlanServiceStub(channel).SavePlanDraft, request)


async def _publish_plan(channel: grpc.aio.Channel) -> plan_pb2.PlanVersion:
    request = plan_service_pb2.PublishPlanRequest(plan_id="silver")
    return (await call(PlanServiceStub(channel).PublishPlan, request)).plan_version


async def test_a_draft_is_saved_published_complete_and_announced(add_ons: AddOnServiceStub, broker: Broker) -> None:
    announced = await listen(broker, "tollkeeper.catalog.add_on.*.extra")
    draft = await _save(add_ons, "extra")
    assert (draft.version, draft.state) == (1, add_on_pb2.ADD_ON_VERSION_STATE_DRAFT)
    published = await _publish(add_ons, "extra")
    assert (published.version, published.state) == (1, add_on_pb2.ADD_ON_VERSION_STATE_PUBLISHED)
    assert (published.display_name, published.content.maximum_quantity) == ("Extra gates", 10)
    assert [feature.id for feature in published.features] == ["gates", "history"]
    gates, history = published.content.entitlements
    assert gates.merge_behavior == entitlement_pb2.MERGE_BEHAVIOR_INCREMENT
    assert (history.numeric.value, history.merge_behavior) == ("30", entitlement_pb2.MERGE_BEHAVIOR_OVERRIDE)
    assert [(price.amount, price.country) for price in published.content.charges[0].prices] == [("4", ""), ("5", "DE")]
    assert published.content.charges[0].display_name == "Extra gates"
    add_on = await _read(add_ons, "extra")
    assert (add_on.latest_version, add_on.has_draft) == (1, False)
    message = await announced.next_msg(timeout=5)
    while message.subject != "tollkeeper.catalog.add_on.published.extra":
        message = await announced.next_msg(timeout=5)
    assert catalog_events_pb2.AddOnPublished.FromString(message.data).add_on == add_on
    read = await call(add_ons.GetAddOnVersion, pb.GetAddOnVersionRequest(add_on_id="extra"))
    assert read.add_on_version == published


async def test_every_mistake_of_a_content_is_named_at_once(add_ons: AddOnServiceStub) -> None:
    charge = samples.GRADUATED | {"prices": [samples.GRADUATED["prices"][0] | {"country": "UK"}]}
    entitlements = [
        {"featureId": "history", "numeric": {"value": "-1"}},
        {"featureId": "lounge", "boolean": {}, "mergeBehavior": 7},
    ]
    refusal = await _refused(
        _save(
            add_ons,
            "extra",
            charges=[charge],
            entitlements=entitlements,
            maximumQuantity=-1,
            requiredAddOnIds=["extra", "nothing"],
        )
    )
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD")
    assert {violation.path for violation in refusal.violations} == {
        "content.entitlements[0].numeric.value",
        "content.entitlements[1].merge_behavior",
        "content.charges[0].billing_model",
        "content.charges[0].prices[0].country",
        "content.maximum_quantity",
        "content.required_add_on_ids[0]",
        "content.required_add_on_ids[1]",
    }
    assert not (await _read(add_ons, "extra")).has_draft


async def test_a_loop_is_refused_over_drafts_and_versions(add_ons: AddOnServiceStub) -> None:
    await _save(add_ons, "more", requiredAddOnIds=["extra"])
    refusal = await _refused(_save(add_ons, "extra", requiredAddOnIds=["more"]))
    assert [violation.path for violation in refusal.violations] == ["content.required_add_on_ids[0]"]
    assert "extra, more, extra" in refusal.violations[0].message
    # Its requirement has no version yet.
    refusal = await _refused(_publish(add_ons, "more"))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "NOT_PUBLISHED")
    assert refusal.metadata == {"add_on_ids": "extra"}
    await _save(add_ons, "extra")
    await _publish(add_ons, "extra")
    await _publish(add_ons, "more")
    refusal = await _refused(_save(add_ons, "extra", requiredAddOnIds=["more"]))
    assert "extra, more, extra" in refusal.violations[0].message


async def test_of_two_that_would_close_a_loop_one_is_refused(add_ons: AddOnServiceStub) -> None:
    for _ in range(5):
        for add_on_id in ("extra", "more"):
            await _save(add_ons, add_on_id)
            await _publish(add_ons, add_on_id)
        # Saved at once, each may have been sound when it was looked at; published at once, they cannot both be.
        drafts = [
            _save(add_ons, "extra", requiredAddOnIds=["more"]),
            _save(add_ons, "more", requiredAddOnIds=["extra"]),
        ]
        await asyncio.gather(*drafts, return_exceptions=True)
        publishes = [_publish(add_ons, "extra"), _publish(add_ons, "more")]
        outcomes = await asyncio.gather(*publishes, return_exceptions=True)
        assert any(isinstance(outcome, RemoteRefusal) for outcome in outcomes)
        for add_on_id in ("extra", "more"):
            if (await _read(add_ons, add_on_id)).has_draft:
                await call(add_ons.DiscardAddOnDraft, pb.DiscardAddOnDraftRequest(add_on_id=add_on_id))


async def test_a_plan_pins_its_add_ons_complete(add_ons: AddOnServiceStub, catalog: grpc.aio.Channel) -> None:
    await _save_plan(catalog)
    refusal = await _refused(_publish_plan(catalog))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "NOT_PUBLISHED")
    assert refusal.metadata == {"add_on_ids": "more, extra"}
    await _save(add_ons, "extra")
    extra = await _publish(add_ons, "extra")
    await _save(add_ons, "more", requiredAddOnIds=["extra"])
    more = await _publish(add_ons, "more")
    first = await _publish_plan(catalog)
    assert list(first.add_ons) == [extra, more]
    assert [feature.id for feature in first.features] == ["gates", "history", "lounge"]
    # A later version of the add-on does not reach what was published.
    await _save(add_ons, "extra", maximumQuantity=3)
    await _publish(add_ons, "extra")
    request = plan_service_pb2.GetPlanVersionRequest(plan_id="silver", version=1)
    assert (await call(PlanServiceStub(catalog).GetPlanVersion, request)).plan_version == first
    await _save_plan(catalog)
    second = await _publish_plan(catalog)
    assert [(add_on.add_on_id, add_on.version) for add_on in second.add_ons] == [("extra", 2), ("more", 1)]


async def test_a_plan_names_what_its_add_ons_require(add_ons: AddOnServiceStub, catalog: grpc.aio.Channel) -> None:
    await _save(add_ons, "extra")
    await _publish(add_ons, "extra")
    await _save_plan(catalog, compatibleAddOnIds=["more"])
    await _save(add_ons, "more", requiredAddOnIds=["extra"])
    await _publish(add_ons, "more")
    # The add-on came to require another after the draft was saved.
    refusal = await _refused(_publish_plan(catalog))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD")
    assert [violation.path for violation in refusal.violations] == ["content.compatible_add_on_ids[0]"]
    assert "requires extra" in refusal.violations[0].message
    await _save_plan(catalog, compatibleAddOnIds=["more", "extra"])
    assert len((await _publish_plan(catalog)).add_ons) == 2


async def test_an_archived_add_on_is_named_no_more(add_ons: AddOnServiceStub, catalog: grpc.aio.Channel) -> None:
    await _save(add_ons, "extra")
    await _publish(add_ons, "extra")
    await _save_plan(catalog, compatibleAddOnIds=["extra"])
    archived = samples.add_on(samples.EXTRA | {"archived": True})
    updated = (await call(add_ons.UpdateAddOn, pb.UpdateAddOnRequest(add_on=archived))).add_on
    assert (updated.archived, updated.latest_version) == (True, 1)
    for doing in (_publish_plan(catalog), _save_plan(catalog, compatibleAddOnIds=["extra"])):
        refusal = await _refused(doing)
        assert [violation.path for violation in refusal.violations] == ["content.compatible_add_on_ids[0]"]
    refusal = await _refused(_save(add_ons, "more", requiredAddOnIds=["extra"]))
    assert [violation.path for violation in refusal.violations] == ["content.required_add_on_ids[0]"]
    await call(add_ons.UpdateAddOn, pb.UpdateAddOnRequest(add_on=samples.add_on(samples.EXTRA)))
    assert (await _publish_plan(catalog)).version == 1


async def test_the_etag_of_an_older_state_changes_nothing(add_ons: AddOnServiceStub) -> None:
    before = await _read(add_ons, "extra")
    await _save(add_ons, "extra", etag=before.etag)
    after = await _read(add_ons, "extra")
    assert after.etag not in {"", before.etag}
    renamed = samples.add_on({"id": "extra", "displayName": "Other"})
    renamed.etag = before.etag
    for doing in (
        call(add_ons.UpdateAddOn, pb.UpdateAddOnRequest(add_on=renamed)),
        _save(add_ons, "extra", before.etag, maximumQuantity=2),
        _publish(add_ons, "extra", etag=before.etag),
    ):
        refusal = await _refused(doing)
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.ABORTED, "ETAG_MISMATCH")
    assert await _read(add_ons, "extra") == after
    assert (await _publish(add_ons, "extra", etag=after.etag)).content.maximum_quantity == 10


async def test_add_ons_are_listed_by_product(add_ons: AddOnServiceStub) -> None:
    listed = await call(add_ons.ListAddOns, pb.ListAddOnsRequest(page_size=1))
    assert [add_on.id for add_on in listed.add_ons] == ["extra"]
    rest = await call(add_ons.ListAddOns, pb.ListAddOnsRequest(page_size=1, page_token=listed.next_page_token))
    assert ([add_on.id for add_on in rest.add_ons], rest.next_page_token) == (["more"], "")
    assert not (await call(add_ons.ListAddOns, pb.ListAddOnsRequest(product_id="seaport"))).add_ons


async def test_making_an_equal_add_on_again_answers_it_and_another_is_refused(add_ons: AddOnServiceStub) -> None:
    again = await call(add_ons.CreateAddOn, pb.CreateAddOnRequest(add_on=samples.add_on(samples.EXTRA)))
    assert again.add_on == await _read(add_ons, "extra")
    other = pb.CreateAddOnRequest(add_on=samples.add_on(samples.EXTRA | {"displayName": "Other"}))
    refusal = await _refused(call(add_ons.CreateAddOn, other))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.ALREADY_EXISTS, "ID_TAKEN")
