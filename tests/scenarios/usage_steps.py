"""What customers use, and what they may: "acme uses 5 gates", "acme sends 30 departed at 2013-01-05", "check acme gates: …"."""

import re

from tests.scenarios.changes import check_told, read_told
from tests.scenarios.story import Line
from tests.scenarios.words import clauses, same_amount, to_proto, word
from tests.scenarios.world import World, answered
from tollkeeper.entitlements.v1.decision_pb2 import Decision, DecisionReason
from tollkeeper.entitlements.v1.entitlements_service_pb2 import (
    ENFORCEMENT_ENFORCE,
    ENFORCEMENT_RECORD,
    CheckEntitlementRequest,
    ReportUsageRequest,
)
from tollkeeper.metering.v1.event_pb2 import Event
from tollkeeper.metering.v1.event_service_pb2 import ReportEventsRequest


async def report(world: World, line: Line, said: re.Match[str]) -> None:
    """`acme uses 5 gates`, `acme tries 5 gates` (only where the limit allows it), `acme gives back 2 gates`."""
    name, verb, amount, feature = said.groups()
    customer_id = world.owner(line, name)
    tries = verb == "tries"
    request = ReportUsageRequest(
        customer_id=customer_id,
        feature_id=world.id(feature),
        value=f"-{amount}" if verb == "gives back" else amount,
        enforcement=ENFORCEMENT_ENFORCE if tries else ENFORCEMENT_RECORD,
        idempotency_key=world.unique(),
        consistency=world.freshness(customer_id),
    )
    answer = await answered(line, world.stubs.entitlements.ReportUsage, request)
    world.tokens.keep(f"usage of {feature}", answer.token, customer_id=customer_id)
    _check_decision(line, answer.decision if tries else None)


def _check_decision(line: Line, decision: Decision | None) -> None:
    for child in line.children:
        if decision is None or child.text not in {"granted", "refused"}:
            child.fail("is nothing that can be expected here")
        if decision.granted != (child.text == "granted"):
            child.fail(f"The answer is:\n{decision}")


async def send(world: World, line: Line, said: re.Match[str]) -> None:
    """`acme sends 30 departed at 2013-01-05 10:00, distance 100`: raw events, all at that time."""
    name, number, event, time, rest = said.groups()
    customer_id = world.owner(line, name)
    events = [
        Event(
            event_name=event,
            customer_id=customer_id,
            idempotency_key=world.unique(),
            timestamp=to_proto(world.at(time)),
        )
        for _ in range(int(number))
    ]
    for clause in clauses(rest or ""):
        dimension, _, value = clause.partition(" ")
        for one in events:
            one.dimensions[dimension].decimal_value = value
    answer = await answered(line, world.stubs.events.ReportEvents, ReportEventsRequest(events=events))
    world.tokens.keep("events", answer.token, customer_id=customer_id)
    if line.children:
        await check_told(world, line, read_told(line), answer, before=world.known, subject=name)


async def check(world: World, line: Line, said: re.Match[str]) -> None:
    """`check acme gates for 3: granted, limit 20, usage 5`; a refusal says its reason: `limit exceeded, limit 20`."""
    name, feature, requested, rest = said.groups()
    customer_id = world.owner(line, name)
    request = CheckEntitlementRequest(
        customer_id=customer_id,
        feature_id=world.id(feature),
        requested_usage=requested or "",
        consistency=world.freshness(customer_id),
    )
    decision = (await answered(line, world.stubs.entitlements.CheckEntitlement, request)).decision
    outcome, *more = clauses(rest)
    granted = outcome == "granted"
    if decision.granted != granted or (not granted and word(DecisionReason, decision.reason) != outcome):
        line.fail(f"The answer is:\n{decision}")
    for clause in more:
        if not _is(line, clause, decision):
            line.fail(f"{clause!r} does not hold. The answer is:\n{decision}")


def _is(line: Line, clause: str, decision: Decision) -> bool:
    if clause == "unlimited":
        return decision.unlimited
    kind, _, value = clause.partition(" ")
    if kind not in _NUMBERS:
        line.fail(f"what does {clause!r} mean?")
    return same_amount(getattr(decision, _NUMBERS[kind]), value)


_NUMBERS = {"limit": "limit", "usage": "usage", "remaining": "remaining", "number": "numeric_value"}
