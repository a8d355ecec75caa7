"""Subscriptions over the wire: provisioned, raised, previewed and canceled, with every refusal."""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal

import grpc
import pytest

from kernel.token import FactKind, Token
from kit.client import call
from kit.errors import RemoteRefusal
from tests.integration.billing.plans import YEARLY, charge, departures, gates, plan, price
from tests.integration.billing.world import World, refused, told
from tollkeeper.billing.v1 import invoice_pb2, subscription_pb2
from tollkeeper.billing.v1 import subscription_service_pb2 as pb

JANUARY = datetime(2013, 1, 1, tzinfo=UTC)


@pytest.fixture
async def on_clock(world: World) -> World:
    """The airline's plan, and its customer UA on a clock that stands at the start of 2013."""
    world.catalog.publish(plan("airline", gates(), departures()))
    await world.clock("2013", JANUARY)
    await world.customer("UA", "2013")
    return world


async def test_a_preview_is_what_happens(on_clock: World) -> None:
    preview = await on_clock.provision("UA", "airline", commitments={"gates": "20"}, validate_only=True)
    assert (preview.token, preview.invoice.number, preview.invoice.id) == ("", "", "")
    assert preview.invoice.state == invoice_pb2.INVOICE_STATE_DRAFT
    assert not preview.invoice.HasField("finalize_time")
    assert await on_clock.invoices_of() == []
    done = await on_clock.provision("UA", "airline", commitments={"gates": "20"})
    assert list(preview.invoice.lines) == list(done.invoice.lines)
    assert preview.invoice.amount_due == done.invoice.amount_due
    assert preview.subscription.current_period == done.subscription.current_period

    await on_clock.advance("2013", JANUARY.replace(day=16))
    before = await on_clock.subscription(done.subscription.id)
    preview_raise = await on_clock.raise_to(done.subscription.id, {"gates": "24"}, validate_only=True)
    assert await on_clock.subscription(done.subscription.id) == before
    raised = await on_clock.raise_to(done.subscription.id, {"gates": "24"})
    assert list(preview_raise.invoice.lines) == list(raised.invoice.lines)
    assert list(preview_raise.subscription.commitments) == list(raised.subscription.commitments)
    assert (preview_raise.token, len(await on_clock.invoices_of())) == ("", 2)


async def test_the_token_names_the_write(on_clock: World) -> None:
    answer = await on_clock.provision("UA", "airline")
    token = Token.decode(answer.token, "token")
    assert token.revision(FactKind.SUBSCRIPTION, answer.subscription.id) == answer.subscription.revision
    assert token.revision(FactKind.CUSTOMER, "UA") == (await on_clock.get_customer("UA")).revision
    canceled = await call(
        on_clock.subscriptions.CancelSubscription,
        pb.CancelSubscriptionRequest(subscription_id=answer.subscription.id),
    )
    assert canceled.subscription.revision > answer.subscription.revision
    token = Token.decode(canceled.token, "token")
    assert token.revision(FactKind.SUBSCRIPTION, answer.subscription.id) == canceled.subscription.revision


async def test_what_cannot_be_provisioned(on_clock: World) -> None:
    on_clock.catalog.versions["draft"] = None
    assert (await refused(on_clock.provision("nobody", "airline"))).reason == "CUSTOMER_NOT_FOUND"
    assert (await refused(on_clock.provision("UA", "nothing"))).reason == "PLAN_NOT_FOUND"
    assert (await refused(on_clock.provision("UA", "draft"))).reason == "PLAN_NOT_PUBLISHED"
    refusal = await refused(on_clock.provision("UA", "airline", billing_period=YEARLY))
    assert (refusal.reason, refusal.metadata["offered"]) == ("PRICE_NOT_OFFERED", "MONTHLY USD")
    refusal = await refused(on_clock.provision("UA", "airline", commitments={"runways": "1"}))
    assert refusal.reason == "COMMITMENT_INVALID"
    assert [violation.path for violation in refusal.violations] == ["commitments[0].feature_id"]
    refusal = await refused(on_clock.provision("", "airline", time_zone="Mars", currency="usd"))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD")
    assert [violation.path for violation in refusal.violations] == ["customer_id", "time_zone", "currency"]
    assert await on_clock.rows("SELECT id FROM subscription UNION ALL SELECT id FROM invoice") == []


async def test_one_live_subscription_to_each_product(on_clock: World) -> None:
    on_clock.catalog.publish(plan("lounge", product_id="lounge"))
    first = await on_clock.provision("UA", "airline", subscription_id="first")
    assert first.subscription.id == "first"
    refusal = await refused(on_clock.provision("UA", "airline"))
    assert (refusal.reason, refusal.metadata["subscription_id"]) == ("SUBSCRIPTION_EXISTS", "first")
    assert refusal.message.endswith("Update it, or cancel it: after its end a new one may begin.")
    refusal = await refused(on_clock.provision("UA", "airline", validate_only=True))
    assert refusal.reason == "SUBSCRIPTION_EXISTS"
    assert (
        await refused(on_clock.provision("UA", "lounge", subscription_id="first"))
    ).reason == "SUBSCRIPTION_ID_TAKEN"
    await on_clock.provision("UA", "lounge")


async def test_after_the_end_a_new_one_may_begin(on_clock: World) -> None:
    first = await on_clock.provision("UA", "airline")
    await on_clock.cancel(first.subscription.id)
    await on_clock.advance("2013", datetime(2013, 2, 1, tzinfo=UTC))
    second = await on_clock.provision("UA", "airline", commitments={"gates": "2"})
    assert second.subscription.start_time.ToDatetime(UTC) == datetime(2013, 2, 1, tzinfo=UTC)
    ended = await on_clock.subscription(first.subscription.id)
    assert ended.state == subscription_pb2.SUBSCRIPTION_STATE_CANCELED
    assert (await refused(on_clock.cancel(ended.id))).reason == "SUBSCRIPTION_ENDED"
    assert (await refused(on_clock.raise_to(ended.id, {"gates": "3"}))).reason == "SUBSCRIPTION_ENDED"
    assert await on_clock.subscription(ended.id) == ended


async def test_a_free_plan_takes_any_period_and_currency_and_makes_no_invoice(on_clock: World) -> None:
    on_clock.catalog.publish(plan("free"))
    answer = await on_clock.provision("UA", "free", billing_period=YEARLY, currency="KWD")
    assert not answer.HasField("invoice")
    await on_clock.advance("2013", datetime(2016, 1, 1, tzinfo=UTC))
    subscription = await on_clock.subscription(answer.subscription.id)
    assert subscription.current_period.start_time.ToDatetime(UTC) == datetime(2016, 1, 1, tzinfo=UTC)
    assert await on_clock.invoices_of() == []


async def test_the_version_stays_whatever_is_published_later(on_clock: World) -> None:
    answer = await on_clock.provision("UA", "airline", commitments={"gates": "20"})
    on_clock.catalog.publish(plan("airline", gates(price("1"), pricing="FLAT_RATE"), version=2))
    await on_clock.advance("2013", datetime(2013, 2, 1, tzinfo=UTC))
    assert told((await on_clock.invoices_of())[1])[0] == ("COMMITMENT", "20", "298.00")
    await on_clock.customer("AA", "2013")
    later = await on_clock.provision("AA", "airline", commitments={"gates": "20"})
    assert (answer.subscription.plan_version, later.subscription.plan_version) == (1, 2)
    assert later.invoice.total.amount == "20.00"


async def test_what_cannot_be_raised(on_clock: World) -> None:
    subscription_id = (await on_clock.provision("UA", "airline", commitments={"gates": "20"})).subscription.id
    assert (await refused(on_clock.raise_to("sub_unknown", {"gates": "1"}))).reason == "SUBSCRIPTION_NOT_FOUND"
    assert (await refused(on_clock.raise_to(subscription_id, {"gates": "0"}))).reason == "COMMITMENT_INVALID"
    assert (await refused(on_clock.raise_to(subscription_id, {"runways": "2"}))).reason == "COMMITMENT_INVALID"
    refusal = await refused(on_clock.raise_to(subscription_id, {}))
    assert [violation.path for violation in refusal.violations] == ["commitments"]
    equal = await on_clock.raise_to(subscription_id, {"gates": "20"})
    assert not equal.HasField("invoice")
    assert equal.subscription == await on_clock.subscription(subscription_id)
    assert len(await on_clock.invoices_of()) == 1


async def test_a_raise_goes_on_until_the_scheduled_end(on_clock: World) -> None:
    subscription_id = (await on_clock.provision("UA", "airline", commitments={"gates": "20"})).subscription.id
    canceled = await on_clock.cancel(subscription_id)
    assert await on_clock.cancel(subscription_id) == canceled
    await on_clock.advance("2013", JANUARY.replace(day=16))
    raised = await on_clock.raise_to(subscription_id, {"gates": "24"})
    assert told(raised.invoice) == [("COMMITMENT_PRORATION", "24", "20.65")]
    assert raised.subscription.cancel_time == canceled.cancel_time


async def test_a_repeated_request_answers_the_first_outcome(on_clock: World) -> None:
    first = await on_clock.provision("UA", "airline", commitments={"gates": "20"}, request_id="begin")
    assert await on_clock.provision("UA", "airline", commitments={"gates": "20"}, request_id="begin") == first
    refusal = await refused(on_clock.provision("UA", "airline", commitments={"gates": "21"}, request_id="begin"))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED")
    refusal = await refused(on_clock.raise_to(first.subscription.id, {"gates": "21"}, request_id="begin"))
    assert refusal.reason == "REQUEST_ID_REUSED"

    raised = await on_clock.raise_to(first.subscription.id, {"gates": "21"}, request_id="raise")
    await on_clock.raise_to(first.subscription.id, {"gates": "22"})
    assert await on_clock.raise_to(first.subscription.id, {"gates": "21"}, request_id="raise") == raised
    request = pb.CancelSubscriptionRequest(subscription_id=first.subscription.id, request_id="cancel")
    canceled = await call(on_clock.subscriptions.CancelSubscription, request)
    await on_clock.advance("2013", datetime(2013, 2, 1, tzinfo=UTC))
    assert await call(on_clock.subscriptions.CancelSubscription, request) == canceled


async def test_a_refused_request_leaves_its_id_free(on_clock: World) -> None:
    refusal = await refused(on_clock.provision("UA", "airline", commitments={"gates": "0"}, request_id="begin"))
    assert refusal.reason == "COMMITMENT_INVALID"
    assert (await on_clock.provision("UA", "airline", request_id="begin")).invoice.number == "TK-000001"


async def test_racing_equal_requests_have_one_outcome(on_clock: World) -> None:
    answers = await asyncio.gather(
        *(on_clock.provision("UA", "airline", commitments={"gates": "20"}, request_id="begin") for _ in range(8))
    )
    assert all(answer == answers[0] for answer in answers)
    assert [invoice.number for invoice in await on_clock.invoices_of()] == ["TK-000001"]


async def test_racing_requests_make_one_subscription(on_clock: World) -> None:
    outcomes = await asyncio.gather(
        *(on_clock.provision("UA", "airline", commitments={"gates": str(20 + i)}) for i in range(8)),
        return_exceptions=True,
    )
    refusals = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert len(refusals) == 7
    assert {getattr(refusal, "reason", None) for refusal in refusals} == {"SUBSCRIPTION_EXISTS"}
    assert len(await on_clock.invoices_of()) == 1


async def test_racing_changes_charge_each_gate_once(on_clock: World) -> None:
    subscription_id = (await on_clock.provision("UA", "airline", commitments={"gates": "1"})).subscription.id
    await on_clock.advance("2013", JANUARY.replace(day=16))
    # Those that come after a greater one are decreases, and scheduled: all are answered.
    answers = await asyncio.gather(*(on_clock.raise_to(subscription_id, {"gates": str(i)}) for i in range(2, 18)))
    last = max(answers, key=lambda answer: answer.subscription.revision)
    held = await on_clock.subscription(subscription_id)
    assert held == last.subscription
    assert held.commitments[0].quantity == "17"
    lines = [line for invoice in await on_clock.invoices_of() for line in invoice.lines]
    # 30 × 15/31 + 268 × 16/31, whoever came first.
    assert sum(Decimal(line.amount.amount) for line in lines) == Decimal("152.84")
    assert len(lines) == 1 + sum(answer.HasField("invoice") for answer in answers)


async def test_the_plan_that_is_asked_for_is_compared_with_the_one_that_is_held_by_then(world: World) -> None:
    world.catalog.publish(
        plan("airline", gates(price("10"), pricing="FLAT_RATE")), plan("lite", gates(price("5"), pricing="FLAT_RATE"))
    )
    await world.customer("UA")
    begun = (await world.provision("UA", "airline", commitments={"gates": "2"}, subscription_id="ua")).subscription
    await world.update("ua", plan_id="lite")
    # Its period is over, and nobody has renewed it yet.
    world.real_time.time = begun.current_period.end_time.ToDatetime(UTC)
    back = await world.update("ua", plan_id="airline")
    assert back.subscription.plan_id == "airline"
    assert sorted(told(back.invoice)) == [
        ("COMMITMENT_PRORATION", "0", "-10.00"),
        ("COMMITMENT_PRORATION", "2", "20.00"),
    ]


async def test_lists_are_paged(on_clock: World) -> None:
    on_clock.catalog.publish(
        *(plan(f"plan-{i}", charge("fee", "FLAT_FEE", price("1")), product_id=f"p{i}") for i in range(5))
    )
    for i in range(5):
        await on_clock.provision("UA", f"plan-{i}", subscription_id=f"s{i}")
    listing = on_clock.subscriptions.ListSubscriptions
    first = await call(listing, pb.ListSubscriptionsRequest(customer_id="UA", page_size=3))
    assert [one.id for one in first.subscriptions] == ["s0", "s1", "s2"]
    token = first.next_page_token
    second = await call(listing, pb.ListSubscriptionsRequest(customer_id="UA", page_size=3, page_token=token))
    assert ([one.id for one in second.subscriptions], second.next_page_token) == (["s3", "s4"], "")
    refusal = await refused(call(listing, pb.ListSubscriptionsRequest(page_size=3, page_token=token)))
    assert refusal.reason == "INVALID_PAGE_TOKEN"
    assert (await refused(call(listing, pb.ListSubscriptionsRequest(customer_id="a b")))).reason == "INVALID_FIELD"
    unknown = pb.GetSubscriptionRequest(subscription_id="unknown")
    assert (await refused(call(on_clock.subscriptions.GetSubscription, unknown))).reason == "SUBSCRIPTION_NOT_FOUND"


async def test_racing_customers_share_no_subscription_id(world: World) -> None:
    world.catalog.publish(plan("airline", gates()))
    names = [f"customer-{number}" for number in range(8)]
    for name in names:
        await world.customer(name)
    asked = [world.provision(name, "airline", subscription_id="wanted") for name in names]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    refusals = [answer.reason for answer in answers if isinstance(answer, RemoteRefusal)]
    assert refusals == ["SUBSCRIPTION_ID_TAKEN"] * 7
    [(owner,)] = await world.rows("SELECT customer_id FROM subscription")
    assert await world.rows("SELECT DISTINCT customer_id FROM invoice") == [(owner,)]
