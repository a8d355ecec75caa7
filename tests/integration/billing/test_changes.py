"""Changes of subscriptions over the wire: what is shown is what happens, once, to whoever knows the state, and is announced."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import grpc
import pytest
from nats.js.api import ConsumerConfig, DeliverPolicy

from kernel.token import FactKind, Token
from kit.broker import Broker, stream_name
from kit.proto import timestamp_to_proto
from tests.integration.billing.plans import QUARTERLY, add_on, charge, departures, gates, percent_off, plan, price
from tests.integration.billing.world import World, add_ons_of, at, refused, told
from tollkeeper.billing.v1 import billing_events_pb2, invoice_pb2, subscription_pb2
from tollkeeper.billing.v1 import subscription_service_pb2 as pb

JANUARY = datetime(2013, 1, 1, tzinfo=UTC)
MIDDLE = datetime(2013, 1, 16, 12, tzinfo=UTC)
FEBRUARY = datetime(2013, 2, 1, tzinfo=UTC)
LOUNGE = add_on("lounge", price("3"), price("9", billing_period=QUARTERLY))

Change = Callable[..., Awaitable[Any]]


def flat(amount: str) -> list[Any]:
    """A price of a gate by the month and the quarter."""
    return [price(amount), price(str(3 * Decimal(amount)), billing_period=QUARTERLY)]


@pytest.fixture
async def airline(world: World) -> World:
    """UA on the airline's plan, on a clock that stands at the start of 2013: 20 gates and a lounge, a tenth off."""
    fees = [price("5"), price("15", billing_period=QUARTERLY)]
    used = departures(price("5"), price("5", billing_period=QUARTERLY))
    world.catalog.publish(
        plan(
            "airline", charge("fee", "FLAT_FEE", *fees), gates(*flat("10"), pricing="FLAT_RATE"), used, add_ons=[LOUNGE]
        ),
        plan("pro", gates(*flat("20"), pricing="FLAT_RATE"), used, add_ons=[LOUNGE]),
        plan("lite", gates(*flat("5"), pricing="FLAT_RATE")),
    )
    world.catalog.coupons = {"tenth": percent_off("tenth", "10"), "half": percent_off("half", "50", duration="ONCE")}
    await world.clock("2013", JANUARY)
    await world.customer("UA", "2013")
    return world


async def begin(world: World, **more: Any) -> subscription_pb2.Subscription:
    """UA subscribes."""
    answer = await world.provision(
        "UA",
        "airline",
        commitments={"gates": "20"},
        add_ons=add_ons_of({"lounge": 1}),
        coupon_ids=["tenth"],
        subscription_id="ua",
        **more,
    )
    return answer.subscription


def essence(answer: Any) -> Any:
    """An answer without what only its execution has: numbers, ids, times of issue, revisions."""
    copy = type(answer)()
    copy.CopyFrom(answer)
    copy.token = ""
    for name in ("revision", "etag"):
        copy.subscription.ClearField(name)
    if copy.HasField("invoice"):
        for name in ("id", "number", "state", "finalize_time", "paid_time", "revision", "create_time"):
            copy.invoice.ClearField(name)
    return copy


UPDATES: dict[str, dict[str, Any]] = {
    "raise": {"commitments": {"gates": "24"}},
    "decrease": {"commitments": {"gates": "10"}},
    "decrease now": {"commitments": {"gates": "10"}, "timing": pb.CHANGE_TIMING_NOW},
    "add-on": {"add_ons": {"lounge": 3}},
    "add-on away": {"add_ons": {"lounge": 0}, "timing": pb.CHANGE_TIMING_NOW},
    "upgrade": {"plan_id": "pro"},
    "downgrade": {"plan_id": "lite"},
    "downgrade now": {"plan_id": "lite", "timing": pb.CHANGE_TIMING_NOW},
    "billing period": {"billing_period": QUARTERLY, "timing": pb.CHANGE_TIMING_NOW},
    "coupon": {"apply_coupon_ids": ["half"], "commitments": {"gates": "24"}},
    "no coupon": {"remove_coupon_ids": ["tenth"]},
    "everything": {
        "plan_id": "pro",
        "billing_period": QUARTERLY,
        "commitments": {"gates": "30"},
        "add_ons": {"lounge": 2},
        "apply_coupon_ids": ["half"],
        "remove_coupon_ids": ["tenth"],
    },
}


@pytest.mark.parametrize("asked", UPDATES.values(), ids=UPDATES)
async def test_an_update_is_as_it_was_shown_and_once(airline: World, broker: Broker, asked: dict[str, Any]) -> None:
    await begin(airline)
    airline.metering.use("UA", "departures", JANUARY, quantity="1500")
    await airline.advance("2013", MIDDLE)
    await _shown_then_done(airline, broker, airline.update, asked)


ENDS: dict[str, dict[str, Any]] = {
    "at the end": {},
    "now": {"timing": pb.CANCEL_TIMING_NOW},
    "now with credit": {"timing": pb.CANCEL_TIMING_NOW, "prorate": True},
    "at a date": {"timing": pb.CANCEL_TIMING_AT_TIME, "cancel_time": timestamp_to_proto(FEBRUARY.replace(day=9))},
}


@pytest.mark.parametrize("asked", ENDS.values(), ids=ENDS)
async def test_an_end_is_as_it_was_shown_and_once(airline: World, broker: Broker, asked: dict[str, Any]) -> None:
    await begin(airline)
    airline.metering.use("UA", "departures", JANUARY, quantity="1500")
    await airline.advance("2013", MIDDLE)
    await _shown_then_done(airline, broker, airline.end, asked)


async def _shown_then_done(world: World, broker: Broker, change: Change, asked: dict[str, Any]) -> None:
    before, invoices = await world.subscription("ua"), await world.invoices_of()
    shown = await change("ua", **asked, validate_only=True)
    assert await change("ua", **asked, validate_only=True) == shown
    assert (await world.subscription("ua"), await world.invoices_of()) == (before, invoices)
    assert (shown.token, shown.invoice.number, shown.invoice.id) == ("", "", "")

    assert (await refused(change("ua", **asked, etag="0"))).reason == "ETAG_MISMATCH"
    done = await change("ua", **asked, etag=before.etag, request_id="once")
    assert essence(done) == essence(shown)
    assert await world.subscription("ua") == done.subscription
    assert await change("ua", **asked, etag=before.etag, request_id="once") == done
    refusal = await refused(change("ua", **asked, etag="1", request_id="once"))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED")

    token = Token.decode(done.token, "token")
    assert token.revision(FactKind.SUBSCRIPTION, "ua") == done.subscription.revision > before.revision
    assert token.revision(FactKind.CUSTOMER, "UA") == (await world.get_customer("UA")).revision
    assert (await world.invoices_of())[len(invoices) :] == ([done.invoice] if done.HasField("invoice") else [])
    verb = "canceled" if done.subscription.HasField("end_time") else "updated"
    assert (await _first_event(broker, verb)).subscription == done.subscription


async def _first_event(broker: Broker, verb: str) -> Any:
    """The first that was told of ua with the verb."""
    subject = f"tollkeeper.billing.subscription.{verb}.ua"
    subscription = await broker.jetstream.subscribe(
        subject,
        stream=stream_name("billing"),
        ordered_consumer=True,
        config=ConsumerConfig(deliver_policy=DeliverPolicy.ALL),
    )
    message = await subscription.next_msg(timeout=5)
    await subscription.unsubscribe()
    kinds = {
        "canceled": billing_events_pb2.SubscriptionCanceled,
        "provisioned": billing_events_pb2.SubscriptionProvisioned,
        "updated": billing_events_pb2.SubscriptionUpdated,
    }
    return kinds[verb].FromString(message.data)


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"coupon_ids": ["half"], "add_ons": add_ons_of({"lounge": 2})},
        {"start_time": timestamp_to_proto(FEBRUARY)},
        {"start_time": timestamp_to_proto(datetime(2012, 12, 20, tzinfo=UTC))},
        {"trial": pb.TrialOverride(end_time=timestamp_to_proto(FEBRUARY))},
        {"billing_period": QUARTERLY},
    ],
    ids=["now", "coupon and add-on", "later", "before", "trial", "quarterly"],
)
async def test_provisioning_is_as_it_was_shown_and_once(airline: World, broker: Broker, more: dict[str, Any]) -> None:
    async def provision(**asked: Any) -> pb.ProvisionSubscriptionResponse:
        quantities = {"gates": "20"}
        return await airline.provision("UA", "airline", commitments=quantities, subscription_id="ua", **more, **asked)

    shown = await provision(validate_only=True)
    assert await provision(validate_only=True) == shown
    assert (await airline.invoices_of(), shown.token, shown.invoice.number) == ([], "", "")
    done = await provision(request_id="once")
    assert essence(done) == essence(shown)
    assert await provision(request_id="once") == done
    assert await airline.subscription("ua") == done.subscription
    assert await airline.invoices_of() == ([done.invoice] if done.HasField("invoice") else [])
    assert (await _first_event(broker, "provisioned")).subscription == done.subscription


async def test_a_renewal_is_as_it_was_shown(airline: World) -> None:
    await begin(airline)
    await airline.update("ua", plan_id="lite", add_ons={})
    airline.metering.use("UA", "departures", JANUARY, quantity="1500")
    shown = await airline.preview_renewal("ua")
    assert len(await airline.invoices_of()) == 1
    await airline.advance("2013", FEBRUARY)
    done = (await airline.invoices_of())[-1]
    assert list(shown.invoice.lines) == list(done.lines)
    assert (shown.invoice.total, shown.invoice.amount_due) == (done.total, done.amount_due)
    held = await airline.subscription("ua")
    assert (held.plan_id, held.current_period) == (shown.subscription.plan_id, shown.subscription.current_period)


async def test_what_is_scheduled_is_shown_replaced_and_canceled(airline: World) -> None:
    await begin(airline)
    lower = await airline.update("ua", commitments={"gates": "10"}, add_ons={"lounge": 0})
    scheduled = lower.subscription.scheduled_change
    assert at(scheduled.effective_time) == FEBRUARY
    assert ([one.quantity for one in scheduled.commitments], list(scheduled.add_ons)) == (["10"], [])
    edited = (await airline.update("ua", commitments={"gates": "15"})).subscription
    assert edited.scheduled_change.commitments[0].quantity == "15"
    raised = await airline.update("ua", commitments={"gates": "21"}, add_ons={"lounge": 1})
    assert not raised.subscription.HasField("scheduled_change")
    assert told(raised.invoice) == [("COMMITMENT_PRORATION", "21", "9.00")]


async def test_an_end_is_taken_back(airline: World) -> None:
    await begin(airline)
    ended = await airline.end("ua", prorate=True)
    assert at(ended.subscription.cancel_time) == FEBRUARY
    resumed = await airline.resume("ua", etag=ended.subscription.etag, request_id="back")
    assert not resumed.subscription.HasField("cancel_time")
    assert await airline.resume("ua", etag=ended.subscription.etag, request_id="back") == resumed
    token = Token.decode(resumed.token, "token")
    assert token.revision(FactKind.SUBSCRIPTION, "ua") == resumed.subscription.revision
    await airline.advance("2013", FEBRUARY)
    assert (await airline.invoices_of())[-1].reason == invoice_pb2.INVOICE_REASON_RENEWAL


@pytest.mark.parametrize(
    ("reason", "asked"),
    [
        ("COMMITMENT_INVALID", {"commitments": {"runways": "1"}}),
        ("ADD_ON_INVALID", {"add_ons": {"sauna": 1}}),
        ("PLAN_NOT_FOUND", {"plan_id": "unknown"}),
        ("PRODUCT_MISMATCH", {"plan_id": "other"}),
        ("PLAN_ARCHIVED", {"plan_id": "old"}),
        ("COUPON_NOT_FOUND", {"apply_coupon_ids": ["unknown"]}),
        ("COUPON_NOT_APPLICABLE", {"apply_coupon_ids": ["gone"]}),
        ("COUPON_NOT_APPLICABLE", {"apply_coupon_ids": ["tenth"]}),
        ("PRICE_NOT_OFFERED", {"billing_period": 3}),
        ("INVALID_FIELD", {"billing_period": 99}),
        ("INVALID_FIELD", {"apply_coupon_ids": ["half", "half"]}),
    ],
)
async def test_what_is_refused_leaves_everything_as_it_was(airline: World, reason: str, asked: dict[str, Any]) -> None:
    airline.catalog.publish(plan("other", departures(), product_id="elsewhere"), plan("old", departures()))
    airline.catalog.archived.add("old")
    gone = percent_off("gone", "5")
    gone.archived = True
    airline.catalog.coupons["gone"] = gone
    before = await begin(airline)
    assert (await refused(airline.update("ua", **asked))).reason == reason
    assert await airline.subscription("ua") == before
    assert len(await airline.invoices_of()) == 1


async def test_a_repeated_request_asks_the_catalog_no_more(airline: World) -> None:
    await begin(airline)
    first = await airline.update("ua", commitments={"gates": "24"}, apply_coupon_ids=["half"], request_id="once")
    airline.catalog.coupons.clear()
    again = await airline.update("ua", commitments={"gates": "24"}, apply_coupon_ids=["half"], request_id="once")
    assert again == first


async def test_racing_changes_of_every_kind_are_charged_for_what_is_held_in_the_end(airline: World) -> None:
    await airline.provision("UA", "airline", commitments={"gates": "20"}, subscription_id="ua")
    await airline.advance("2013", JANUARY.replace(hour=1))
    changes = [
        airline.update("ua", commitments={"gates": "25"}),
        airline.update("ua", add_ons={"lounge": 4}),
        airline.update("ua", plan_id="pro"),
        airline.update("ua", apply_coupon_ids=["half"]),
        airline.update("ua", commitments={"gates": "22"}),
        airline.end("ua"),
        airline.resume("ua"),
        airline.update("ua", latest_version=True),
    ]
    outcomes = await asyncio.gather(*changes, return_exceptions=True)
    assert {getattr(one, "reason", "") for one in outcomes if isinstance(one, Exception)} <= {"SUBSCRIPTION_ENDED"}
    held = await airline.subscription("ua")
    assert held.plan_id == "pro"
    subtotal = sum(Decimal(one.subtotal.amount) for invoice in await airline.invoices_of() for one in invoice.lines)
    before, after = Decimal(205), 20 * Decimal(held.commitments[0].quantity) + 3 * held.add_ons[0].quantity
    # The first hour of 31 days at the old price, the rest at the new one; each item is rounded by itself.
    expected = (before + after * (31 * 24 - 1)) / (31 * 24)
    assert abs(subtotal - expected) <= Decimal("0.02")
