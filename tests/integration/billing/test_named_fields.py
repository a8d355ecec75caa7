"""A refusal names the field that it is about, and changes nothing."""

from datetime import timedelta

import pytest

from kit.client import call
from kit.errors import RemoteRefusal
from tests.integration.billing.plans import gates, plan
from tests.integration.billing.world import World, at, commitments_of, refused
from tollkeeper.billing.v1 import subscription_service_pb2 as pb
from tollkeeper.catalog.v1 import charge_pb2


def told(refusal: RemoteRefusal) -> tuple[str, list[str]]:
    """The reason and the fields."""
    return refusal.reason, [violation.path for violation in refusal.violations]


async def kept(world: World) -> list[tuple[object, ...]]:
    """What a refusal leaves as it was."""
    query = "SELECT id, revision, commitments, scheduled, cancel_time FROM subscription ORDER BY id"
    return [*await world.rows(query), *await world.rows("SELECT id FROM invoice ORDER BY id")]


@pytest.mark.parametrize(
    ("fields", "reason", "path"),
    [
        ({"subscription_id": "nobody"}, "SUBSCRIPTION_NOT_FOUND", "subscription_id"),
        ({"etag": "stale"}, "ETAG_MISMATCH", "etag"),
        ({"plan_id": "nothing"}, "PLAN_NOT_FOUND", "plan_id"),
        ({"apply_coupon_ids": ["NOTHING"]}, "COUPON_NOT_FOUND", "apply_coupon_ids[0]"),
        ({"commitments": commitments_of({"gates": "0"})}, "COMMITMENT_INVALID", "commitments[0].quantity"),
        ({"end_trial": True}, "NOT_ON_TRIAL", "end_trial"),
    ],
)
async def test_a_change_that_is_refused(world: World, fields: dict[str, object], reason: str, path: str) -> None:
    world.catalog.publish(plan("airline", gates()))
    await world.customer("UA")
    begun = await world.provision("UA", "airline", commitments={"gates": "20"})
    before = await kept(world)
    asked = {"subscription_id": begun.subscription.id} | fields
    request = pb.UpdateSubscriptionRequest(**asked)  # type: ignore[arg-type]  # the request's own fields.
    assert told(await refused(call(world.subscriptions.UpdateSubscription, request))) == (reason, [path])
    assert await kept(world) == before


async def test_what_is_not_sold_a_used_request_id_and_an_ended_subscription(world: World) -> None:
    world.catalog.publish(plan("airline", gates()))
    await world.customer("UA")
    yearly = world.provision("UA", "airline", billing_period=charge_pb2.BILLING_PERIOD_YEARLY)
    assert told(await refused(yearly)) == ("PRICE_NOT_OFFERED", ["billing_period", "currency"])
    begun = await world.provision("UA", "airline", request_id="first")
    again = world.provision("UA", "airline", request_id="first", time_zone="Europe/Oslo")
    assert told(await refused(again)) == ("REQUEST_ID_REUSED", ["request_id"])
    await world.cancel(begun.subscription.id)
    world.real_time.time = at(begun.subscription.current_period.end_time) + timedelta(days=1)
    late = world.raise_to(begun.subscription.id, {"gates": "3"})
    assert told(await refused(late)) == ("SUBSCRIPTION_ENDED", ["subscription_id"])
