"""A plan's live subscriptions: moved to its newest version page by page, and weighed before it is published."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from kit.client import call
from tests.integration.billing.plans import (
    MONTHLY,
    QUARTERLY,
    gates,
    plan,
    price,
)
from tests.integration.billing.world import World, refused, told
from tollkeeper.billing.v1 import invoice_pb2
from tollkeeper.billing.v1 import subscription_service_pb2 as pb

JANUARY = datetime(2013, 1, 1, tzinfo=UTC)
MIDDLE = datetime(2013, 1, 16, 12, tzinfo=UTC)


def flat(amount: str) -> list[Any]:
    """A price of a gate by the month and the quarter."""
    return [price(amount), price(str(3 * Decimal(amount)), billing_period=QUARTERLY)]


async def test_subscriptions_move_to_the_newest_version_page_by_page(world: World) -> None:
    world.catalog.publish(plan("airline", gates(*flat("10"), pricing="FLAT_RATE")))
    await world.clock("2013", JANUARY)
    for number in range(5):
        await world.customer(f"c{number}", "2013")
        billing = QUARTERLY if number == 3 else MONTHLY
        await world.provision(
            f"c{number}", "airline", billing_period=billing, commitments={"gates": "10"}, subscription_id=f"s{number}"
        )
    await world.end("s4", timing=pb.CANCEL_TIMING_NOW)
    world.catalog.publish(plan("airline", gates(price("12"), pricing="FLAT_RATE"), version=2))
    await world.advance("2013", MIDDLE)

    async def page(token: str = "") -> pb.MigrateSubscriptionsResponse:
        request = pb.MigrateSubscriptionsRequest(
            plan_id="airline", timing=pb.CHANGE_TIMING_NOW, page_size=3, page_token=token
        )
        return await call(world.subscriptions.MigrateSubscriptions, request)

    first = await page()
    assert (first.plan_version, list(first.migrated_subscription_ids), list(first.failures)) == (
        2,
        ["s0", "s1", "s2"],
        [],
    )
    second = await page(first.next_page_token)
    [failure] = second.failures
    assert (failure.subscription_id, failure.reason) == ("s3", "PRICE_NOT_OFFERED")
    assert (list(second.migrated_subscription_ids), second.next_page_token) == ([], "")
    assert {(await world.subscription(f"s{i}")).plan_version for i in range(3)} == {2}
    assert (await world.subscription("s3")).plan_version == 1
    made = [one for one in await world.invoices_of() if one.reason == invoice_pb2.INVOICE_REASON_CHANGE]
    assert [told(one) for one in made] == [[("COMMITMENT_PRORATION", "10", "10.00")]] * 3
    # Again: nothing more.
    assert list((await page()).migrated_subscription_ids) == ["s0", "s1", "s2"]
    assert len([one for one in await world.invoices_of() if one.reason == invoice_pb2.INVOICE_REASON_CHANGE]) == 3
    refusal = await refused(page("nonsense"))
    assert refusal.reason == "INVALID_PAGE_TOKEN"


async def test_a_version_is_weighed_before_it_is_published(world: World) -> None:
    world.catalog.publish(plan("airline", gates(*flat("10"), pricing="FLAT_RATE")))
    await world.clock("2013", JANUARY)
    for number, billing in enumerate([MONTHLY, MONTHLY, QUARTERLY]):
        await world.customer(f"c{number}", "2013")
        await world.provision(f"c{number}", "airline", billing_period=billing, commitments={"gates": str(number + 1)})
    new = plan("airline", gates(price("12"), pricing="FLAT_RATE", minimum="2"), version=2)

    async def weighed(version: Any) -> pb.PreviewPlanVersionResponse:
        request = pb.PreviewPlanVersionRequest(plan_version=version)
        return await call(world.subscriptions.PreviewPlanVersion, request)

    answer = await weighed(new)
    assert answer.live_subscriptions == 3
    found = [
        (
            one.plan_version,
            one.billing_period,
            one.subscriptions,
            one.current_amount.amount,
            one.new_amount.amount,
            one.not_offered,
        )
        for one in answer.effects
    ]
    # One gate would become two, the new minimum.
    assert found == [(1, 1, 2, "30.00", "48.00", 0), (1, QUARTERLY, 1, "0.00", "0.00", 1)]
    nobody = await weighed(plan("lite", gates(price("1"), pricing="FLAT_RATE")))
    assert (nobody.live_subscriptions, list(nobody.effects)) == (0, [])
    for wrong in (
        gates(price("-1"), pricing="FLAT_RATE"),
        gates(price("NaN"), pricing="FLAT_RATE"),
        gates(price("Infinity"), pricing="FLAT_RATE"),
        gates(price("1"), pricing="PACKAGE", block_size="0"),
        gates(price("1"), pricing="UNSPECIFIED"),
        gates(price("1"), pricing="FLAT_RATE", minimum="1e99999"),
    ):
        assert (await refused(weighed(plan("airline", wrong, version=2)))).reason == "INVALID_FIELD"
