"""What customers do to their subscriptions: "acme provisions carrier monthly: 20 gates"."""

import re
from typing import Any

from tests.scenarios.changes import change, check_told, read_told
from tests.scenarios.story import Line
from tests.scenarios.words import DECIMAL, NAME, TIME, clauses, constant, listed, to_proto
from tests.scenarios.world import World, attempt
from tollkeeper.billing.v1.subscription_service_pb2 import (
    CANCEL_TIMING_AT_TIME,
    CANCEL_TIMING_NOW,
    CANCEL_TIMING_PERIOD_END,
    CHANGE_TIMING_NOW,
    CHANGE_TIMING_PERIOD_END,
    CancelSubscriptionRequest,
    MigrateSubscriptionsRequest,
    ProvisionSubscriptionRequest,
    ResumeSubscriptionRequest,
    UpdateCommitmentsRequest,
    UpdateSubscriptionRequest,
)
from tollkeeper.catalog.v1.charge_pb2 import BillingPeriod
from tollkeeper.catalog.v1.plan_pb2 import TrialEndBehavior

_PERIODS = ("monthly", "quarterly", "yearly")
_QUANTITY = re.compile(rf"({DECIMAL}|no) ({NAME})")


async def provision(world: World, line: Line, said: re.Match[str]) -> None:
    """`acme provisions carrier monthly as second: 20 gates, 2 lounge, coupon WELCOME, on eu, starts 2013-02-01`."""
    customer, plan, period, alias, rest = said.groups()
    name = alias or customer
    request = ProvisionSubscriptionRequest(
        customer_id=world.customers.get(customer, world.id(customer)),
        plan_id=world.id(plan),
        billing_period=constant(BillingPeriod, period) if period else 0,  # type: ignore[arg-type]  # checked by name.
        time_zone=world.zone.key,
        subscription_id=world.id(name),
    )
    again = False
    for clause in clauses(rest or ""):
        again |= _provision_clause(world, line, clause, request)
    known = name in world.owners
    world.owners.setdefault(name, customer)
    answer = await change(
        world, line, world.stubs.subscriptions.ProvisionSubscription, request, subject=name, again=again
    )
    if not known and not hasattr(answer, "subscription"):
        del world.owners[name]


def _provision_clause(world: World, line: Line, clause: str, request: ProvisionSubscriptionRequest) -> bool:
    if said := re.fullmatch(rf"starts ({TIME})", clause):
        request.start_time.CopyFrom(to_proto(world.at(said[1])))
    elif clause == "no trial":
        request.trial.SetInParent()
    elif said := re.fullmatch(rf"trial until ({TIME}) then (converts|expires)", clause):
        request.trial.end_time.CopyFrom(to_proto(world.at(said[1])))
        request.trial.end_behavior = constant(TrialEndBehavior, said[2].removesuffix("s"))  # type: ignore[assignment]  # checked by name.
    elif said := re.fullmatch(r"(zone|currency|country) (\S+)", clause):
        setattr(request, {"zone": "time_zone"}.get(said[1], said[1]), said[2])
    elif said := re.fullmatch(rf"on ({NAME})", clause):
        request.resource_id = said[1]
    elif said := re.fullmatch(rf"coupon ({NAME})", clause):
        request.coupon_ids.append(world.id(said[1]))
    else:
        return _common_clause(world, line, clause, request)
    return False


def _common_clause(world: World, line: Line, clause: str, request: Any) -> bool:
    """Quantities, and a request id; whether that was used before."""
    if said := re.fullmatch(rf"request ({NAME})", clause):
        request.request_id = world.id(said[1])
        again = request.request_id in world.request_ids
        world.request_ids.add(request.request_id)
        return again
    said = _QUANTITY.fullmatch(clause)
    if said is None:
        line.fail(f"what does {clause!r} mean?")
    quantity = "0" if said[1] == "no" else said[1]
    if world.catalog.things.get(said[2]) == "add-on":
        request.add_ons.add(add_on_id=world.id(said[2]), quantity=int(quantity))
    else:
        request.commitments.add(feature_id=world.id(said[2]), quantity=quantity)
    return False


async def update(world: World, line: Line, said: re.Match[str]) -> None:
    """`acme updates: plan premium, yearly, 25 gates, 2 lounge, at period end`; `acme commits: 25 gates` likewise."""
    name, verb, rest = said.groups()
    request: Any = (UpdateSubscriptionRequest if verb == "updates" else UpdateCommitmentsRequest)(
        subscription_id=world.id(name)
    )
    again = False
    for clause in clauses(rest):
        again |= _update_clause(world, line, clause, request)
    stub = world.stubs.subscriptions
    method = stub.UpdateSubscription if verb == "updates" else stub.UpdateCommitments
    await change(world, line, method, request, subject=name, again=again)


def _update_clause(world: World, line: Line, clause: str, request: Any) -> bool:
    if clause in {"now", "at period end"}:
        request.timing = CHANGE_TIMING_NOW if clause == "now" else CHANGE_TIMING_PERIOD_END
    elif said := re.fullmatch(rf"plan ({NAME})", clause):
        request.plan_id = world.id(said[1])
    elif clause in _PERIODS:
        request.billing_period = constant(BillingPeriod, clause)
    elif clause == "latest version":
        request.latest_version = True
    elif clause == "end the trial":
        request.end_trial = True
    elif said := re.fullmatch(rf"(apply|remove) coupon ({NAME})", clause):
        getattr(request, f"{said[1]}_coupon_ids").append(world.id(said[2]))
    elif not _etag_clause(world, clause, request):
        return _common_clause(world, line, clause, request)
    return False


def _etag_clause(world: World, clause: str, request: Any) -> bool:
    if clause == "with its etag":
        request.etag = world.known.subscriptions[request.subscription_id].etag
    elif clause == "with a stale etag":
        request.etag = world.stale_etags[request.subscription_id]
    return clause in {"with its etag", "with a stale etag"}


async def cancel(world: World, line: Line, said: re.Match[str]) -> None:
    """`acme cancels`, `acme cancels: now, prorated`, `acme cancels: at 2013-02-10`."""
    name, rest = said.groups()
    request = CancelSubscriptionRequest(subscription_id=world.id(name))
    again = False
    for clause in clauses(rest or ""):
        if clause == "now":
            request.timing = CANCEL_TIMING_NOW
        elif clause == "at period end":
            request.timing = CANCEL_TIMING_PERIOD_END
        elif told := re.fullmatch(rf"at ({TIME})", clause):
            request.timing = CANCEL_TIMING_AT_TIME
            request.cancel_time.CopyFrom(to_proto(world.at(told[1])))
        elif clause == "prorated":
            request.prorate = True
        elif not _etag_clause(world, clause, request):
            again |= _common_clause(world, line, clause, request)
    await change(world, line, world.stubs.subscriptions.CancelSubscription, request, subject=name, again=again)


async def resume(world: World, line: Line, said: re.Match[str]) -> None:
    """`acme resumes`."""
    request = ResumeSubscriptionRequest(subscription_id=world.id(said[1]))
    await change(world, line, world.stubs.subscriptions.ResumeSubscription, request, subject=said[1])


async def migrate(world: World, line: Line, said: re.Match[str]) -> None:
    """`carrier migrates now`, with `moves acme, beta` and `leaves gamma: PRICE_NOT_OFFERED` below it."""
    told = read_told(line, "moves", "leaves")
    timing = CHANGE_TIMING_NOW if said[2] == "now" else CHANGE_TIMING_PERIOD_END
    request = MigrateSubscriptionsRequest(plan_id=world.id(said[1]), timing=timing, page_size=1)
    before = world.known
    moved: list[str] = []
    left: dict[str, str] = {}
    while True:
        answer = await attempt(world.stubs.subscriptions.MigrateSubscriptions, request)
        if not hasattr(answer, "next_page_token"):
            break
        moved += answer.migrated_subscription_ids
        left |= {failure.subscription_id: failure.reason for failure in answer.failures}
        request.page_token = answer.next_page_token
        if not request.page_token:
            break
    await check_told(world, line, told, answer, before=before, subject=None)
    for other in told.others:
        verb, _, names = other.text.partition(" ")
        if verb == "moves":
            if {world.id(name) for name in listed(names)} != set(moved):
                other.fail(f"moved were {moved}")
        else:
            name, _, reason = names.partition(": ")
            if left.pop(world.id(name), None) != reason:
                other.fail(f"left were {left}")
    if left:
        line.fail(f"It left also {left}")
