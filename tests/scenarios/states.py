"""A subscription as a story tells it: "is active, 20 gates, period 2013-01-01 to 2013-02-01"."""

import re
from collections.abc import Callable
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from tests.scenarios.story import Line
from tests.scenarios.words import DECIMAL, NAME, TIME, clauses, same_amount, shown_time, to_proto, word
from tests.scenarios.world import World
from tollkeeper.billing.v1.subscription_pb2 import Subscription, SubscriptionState
from tollkeeper.catalog.v1.charge_pb2 import BillingPeriod


def check_state(world: World, line: Line, said: str, subscription: Subscription) -> None:
    """Compares with the clauses that follow "is"."""
    state, *more = clauses(said)
    if word(SubscriptionState, subscription.state) != state:
        line.fail(f"The subscription is:\n{subscription}")
    for clause in more:
        if not _is(world, line, clause, subscription):
            line.fail(f"{clause!r} does not hold. The subscription is:\n{_shown(world, subscription)}")


def check_schedule(world: World, line: Line, said: str, subscription: Subscription) -> None:
    """Compares with what follows "schedules": "nothing", or "for 2013-02-01: 15 gates, plan basic"."""
    if said == "nothing":
        if subscription.HasField("scheduled_change"):
            line.fail(f"It schedules:\n{subscription.scheduled_change}")
        return
    told = re.fullmatch(rf"for ({TIME}): (.+)", said)
    if told is None:
        line.fail("says: schedules nothing, or schedules for TIME: what")
    scheduled = subscription.scheduled_change
    if not subscription.HasField("scheduled_change") or scheduled.effective_time != to_proto(world.at(told[1])):
        line.fail(f"It schedules:\n{scheduled}")
    for clause in clauses(told[2]):
        if not _holds(world, line, clause, scheduled):
            line.fail(f"{clause!r} is not scheduled. It schedules:\n{scheduled}")


def _is(world: World, line: Line, clause: str, subscription: Subscription) -> bool:
    for pattern, holds in _CLAUSES:
        if said := pattern.fullmatch(clause):
            return holds(world, said, subscription)
    return _holds(world, line, clause, subscription)


def _holds(world: World, line: Line, clause: str, held: Any) -> bool:
    """What a subscription and a scheduled change have in common."""
    for pattern, holds in _HELD_CLAUSES:
        if said := pattern.fullmatch(clause):
            return holds(world, said, held)
    return line.fail(f"what does {clause!r} mean?")


def _is_span(world: World, said: re.Match[str], subscription: Subscription) -> bool:
    period = subscription.current_period if said[1] == "period" else subscription.access_period
    start, end = to_proto(world.at(said[2])), to_proto(world.at(said[3]))
    return period.start_time == start and period.end_time == end


def _is_time(world: World, said: re.Match[str], subscription: Subscription) -> bool:
    present, time = _TIMES[said[1]](subscription)
    return present and time == to_proto(world.at(said[2]))


def _is_absent(_world: World, said: re.Match[str], subscription: Subscription) -> bool:
    return not _TIMES[_ABSENT[said[1]]](subscription)[0]


def _is_text(_world: World, said: re.Match[str], subscription: Subscription) -> bool:
    return bool(getattr(subscription, _TEXTS[said[1]]) == said[2])


def _has_coupon(world: World, said: re.Match[str], subscription: Subscription) -> bool:
    until = to_proto(world.at(said[2])) if said[2] else None
    return any(
        coupon.coupon_id == world.id(said[1])
        and (coupon.end_time == until if until is not None else not coupon.HasField("end_time"))
        for coupon in subscription.coupons
    )


def _has_quantity(world: World, said: re.Match[str], held: Any) -> bool:
    quantity = "0" if said[1] == "no" else said[1]
    if world.catalog.things.get(said[2]) == "add-on":
        actual = (str(one.quantity) for one in held.add_ons if one.add_on_id == world.id(said[2]))
    else:
        actual = (one.quantity for one in held.commitments if one.feature_id == world.id(said[2]))
    return same_amount(quantity, next(actual, "0"))


def _shown(world: World, subscription: Subscription) -> str:
    times = ((name, *read(subscription)) for name, read in _TIMES.items())
    shown = [f"{name} {shown_time(time, world.zone)}" for name, present, time in times if present]
    period = subscription.current_period
    shown.append(f"period {shown_time(period.start_time, world.zone)} to {shown_time(period.end_time, world.zone)}")
    return f"{subscription}{', '.join(shown)}"


_Times = Callable[[Subscription], tuple[bool, Timestamp]]
_TIMES: dict[str, _Times] = {
    "anchor": lambda one: (True, one.anchor_time),
    "starts": lambda one: (True, one.start_time),
    "ends": lambda one: (one.HasField("cancel_time"), one.cancel_time),
    "ended": lambda one: (one.HasField("end_time"), one.end_time),
    "trial ends": lambda one: (one.HasField("trial_end_time"), one.trial_end_time),
    "trial ended": lambda one: (one.HasField("trial_end_time"), one.trial_end_time),
    "access from": lambda one: (one.HasField("access_period"), one.access_period.start_time),
    "access until": lambda one: (one.access_period.HasField("end_time"), one.access_period.end_time),
}

_ABSENT = {"end": "ends", "access": "access from", "trial": "trial ends"}
_TEXTS = {"currency": "currency", "country": "country", "zone": "time_zone", "on": "resource_id"}

_Holds = Callable[[World, re.Match[str], Any], bool]
_CLAUSES: tuple[tuple[re.Pattern[str], _Holds], ...] = (
    (re.compile(rf"(period|access) ({TIME}) to ({TIME})"), _is_span),
    (re.compile(rf"({'|'.join(_TIMES)}) ({TIME})"), _is_time),
    (re.compile(rf"no ({'|'.join(_ABSENT)})"), _is_absent),
    (re.compile(rf"({'|'.join(_TEXTS)}) (\S+)"), _is_text),
    (re.compile(rf"coupon ({NAME})(?: until ({TIME}))?"), _has_coupon),
)
_HELD_CLAUSES: tuple[tuple[re.Pattern[str], _Holds], ...] = (
    (re.compile(rf"plan ({NAME})"), lambda world, said, held: bool(held.plan_id == world.id(said[1]))),
    (re.compile(r"version (\d+)"), lambda _, said, held: bool(held.plan_version == int(said[1]))),
    (
        re.compile(rf"from then anchor ({TIME})"),
        lambda world, said, held: bool(held.anchor_time == to_proto(world.at(said[1]))),
    ),
    (
        re.compile("(monthly|quarterly|yearly)"),
        lambda _, said, held: word(BillingPeriod, held.billing_period) == said[1],
    ),
    (re.compile(rf"({DECIMAL}|no) ({NAME})"), _has_quantity),
)
