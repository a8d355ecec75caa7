"""Promotional grants beside subscriptions: when they hold, what they resolve to, the order of reasons, and shadow mode."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from entitlements.domain import decision
from entitlements.domain.control import Control, Offers
from entitlements.domain.entitlement import Allowance
from entitlements.domain.entry import Entry
from entitlements.domain.plan import (
    BooleanGrant,
    EnumGrant,
    MeteredGrant,
    NumericGrant,
    PlainGrant,
    PlanVersion,
    Reset,
    ResetInterval,
)
from entitlements.domain.promotional_grant import PromotionalGrant, fits, resolve_grant
from entitlements.domain.subscription import Subscription
from kernel.recurrence import Interval, Recurrence
from tests.unit.entitlements.build import (
    FEATURES,
    START,
    boolean,
    control,
    enum,
    install,
    metered,
    numeric,
    plan,
    subscription,
    utc,
    window,
)

DAY = timedelta(days=1)
TICK = timedelta(microseconds=1)


def limited(limit: str | None, *, soft: bool = False, reset: Reset | None = None) -> MeteredGrant:
    """Usage up to a limit; None: without."""
    return MeteredGrant(None if limit is None else Decimal(limit), soft, reset)


def grant(
    feature_id: str = "gates",
    content: PlainGrant | None = None,
    *,
    id: str = "gift",
    start: datetime = START,
    expire: datetime | None = None,
    revoke: datetime | None = None,
    zone: str = "UTC",
) -> PromotionalGrant:
    """A grant to the customer c."""
    return PromotionalGrant(
        id=id,
        customer_id="c",
        feature_id=feature_id,
        content=content or limited("5"),
        time_zone=zone,
        start_time=start,
        expire_time=expire,
        reason="",
        create_time=START,
        revoke_time=revoke,
        revision=9,
        fingerprint=b"",
    )


def state(
    *holdings: tuple[Subscription, PlanVersion],
    grants: tuple[PromotionalGrant, ...] = (),
    revoked: frozenset[str] = frozenset(),
) -> Control:
    """Everything about the customer c but its usage."""
    return replace(control(*holdings), grants=grants, revoked=revoked)


def entry_with(given: Control) -> Entry:
    """The customer c in memory."""
    entry = Entry("c")
    install(entry, given)
    return entry


def reason(
    entry: Entry, feature_id: str, *, now: datetime = START, requested: str = "1", values: tuple[str, ...] = ()
) -> str:
    """The reason of a decision."""
    feature = FEATURES.get(feature_id)
    return entry.decide(feature_id, feature, requested=Decimal(requested), values=values, now=now).reason.value


@pytest.mark.parametrize(
    ("now", "holds"),
    [(START - TICK, False), (START, True), (START + DAY - TICK, True), (START + DAY, False)],
)
def test_a_grant_holds_from_its_start_until_it_expires(now: datetime, holds: bool) -> None:  # noqa: FBT001 - a column.
    given = grant(expire=START + DAY)
    assert given.holds(now) is holds
    entry = entry_with(state(grants=(given,)))
    assert reason(entry, "gates", now=now) == ("WITHIN_LIMIT" if holds else "NO_ACTIVE_SUBSCRIPTION")
    assert not replace(given, revoke_time=START).holds(now)


@pytest.mark.parametrize(
    ("reset", "zone", "recurrence"),
    [
        (None, "UTC", None),
        (Reset(ResetInterval.MONTH), "Asia/Tokyo", Recurrence(Interval.MONTH, START, "Asia/Tokyo")),
        (Reset(ResetInterval.HOUR), "UTC", Recurrence(Interval.HOUR, START, "UTC")),
        (Reset(ResetInterval.DAY, at_calendar=True), "UTC", Recurrence(Interval.DAY, utc(2026, 1, 31), "UTC")),
        # 31 January 2026 is a Saturday.
        (Reset(ResetInterval.WEEK, at_calendar=True), "UTC", Recurrence(Interval.WEEK, utc(2026, 1, 26), "UTC")),
        (
            Reset(ResetInterval.YEAR, at_calendar=True),
            "America/New_York",
            Recurrence(Interval.YEAR, utc(2026, 1, 1, 5), "America/New_York"),
        ),
    ],
)
def test_usage_of_a_grant_counts_in_periods_from_its_start_or_of_the_calendar(
    reset: Reset | None, zone: str, recurrence: Recurrence | None
) -> None:
    resolved = resolve_grant(grant(content=limited("5", reset=reset), zone=zone))
    assert resolved.grant == Allowance(Decimal(5), False, recurrence)
    assert (resolved.source.promotional_grant_id, resolved.source.subscription_id) == ("gift", "")


def test_what_is_granted_must_fit_the_feature() -> None:
    airports = replace(enum(), values=("EWR", "JFK"))
    contents: list[PlainGrant] = [BooleanGrant(), NumericGrant(Decimal(1)), EnumGrant(("JFK",)), limited("1")]
    for feature, fitting in zip((boolean(), numeric(), airports, metered()), contents, strict=True):
        assert [content for content in contents if fits(feature, content)] == [fitting]
    assert not fits(airports, EnumGrant(("JFK", "LHR")))


# In the order in which they are tried; each row gives what the one before lacks.
@pytest.mark.parametrize(
    ("given", "feature_id", "values", "requested", "expected"),
    [
        (state(revoked=frozenset({"gates"})), "gates", (), "1", "NO_ACTIVE_SUBSCRIPTION"),
        (state(), "nothing", (), "1", "NO_ACTIVE_SUBSCRIPTION"),
        (state(grants=(grant("calls"),)), "nothing", (), "1", "FEATURE_UNKNOWN"),
        (state(grants=(grant("calls"),), revoked=frozenset({"gates"})), "gates", (), "1", "FEATURE_NOT_INCLUDED"),
        (state(grants=(grant(),), revoked=frozenset({"gates"})), "gates", (), "9", "REVOKED"),
        (
            state(grants=(grant("airports", EnumGrant(("JFK",))),), revoked=frozenset({"airports"})),
            "airports",
            ("LHR",),
            "1",
            "REVOKED",
        ),
        (state(grants=(grant("airports", EnumGrant(("JFK",))),)), "airports", ("LHR",), "1", "VALUE_NOT_GRANTED"),
        (state(grants=(grant(),)), "gates", (), "6", "LIMIT_EXCEEDED"),
        (state(grants=(grant(),)), "gates", (), "5", "WITHIN_LIMIT"),
        (state(grants=(grant(content=limited("5", soft=True)),)), "gates", (), "6", "OVER_SOFT_LIMIT"),
        (state(grants=(grant(content=limited(None)),)), "gates", (), "6", "UNLIMITED"),
        (state(grants=(grant("nights", BooleanGrant()),)), "nights", (), "1", "INCLUDED"),
        (state(grants=(grant("history", NumericGrant(Decimal(7))),)), "history", (), "1", "INCLUDED"),
    ],
)
def test_the_order_of_reasons(
    given: Control, feature_id: str, values: tuple[str, ...], requested: str, expected: str
) -> None:
    assert reason(entry_with(given), feature_id, values=values, requested=requested) == expected


def test_a_customer_that_is_not_known_comes_before_everything() -> None:
    entry = Entry("c")
    entry.install_unknown()
    assert reason(entry, "gates") == "CUSTOMER_UNKNOWN"


@pytest.mark.parametrize(
    ("used", "limits", "winner"),
    [
        # The plan grants 10; among those with room the higher limit, else the higher limit.
        ("0", ["5"], "sub-1"),
        ("0", ["11"], "g0"),
        ("0", ["11", "12"], "g1"),
        ("20", ["11", "12"], "g1"),
        # Among equals the subscription, then the older grant.
        ("0", ["10"], "sub-1"),
        ("0", ["11", "11"], "g0"),
    ],
)
def test_the_most_generous_source_decides(used: str, limits: list[str], winner: str) -> None:
    grants = tuple(grant(id=f"g{number}", content=limited(limit)) for number, limit in enumerate(limits))
    entry = entry_with(state((subscription(), plan({"gates": limited("10")})), grants=grants))
    entry.apply(window("gates", used, 3))
    source = entry.decide("gates", FEATURES["gates"], requested=Decimal(1), values=(), now=START).source
    assert source is not None
    assert (source.subscription_id or source.promotional_grant_id) == winner


def test_values_unite_and_the_greatest_number_is_granted_whoever_grants_it() -> None:
    grants = (
        grant("airports", EnumGrant(("SWF", "JFK"))),
        grant("history", NumericGrant(Decimal(30)), id="more"),
    )
    held = plan({"airports": EnumGrant(("JFK", "EWR")), "history": NumericGrant(Decimal(7))})
    entry = entry_with(state((subscription(), held), grants=grants))
    decided = entry.decide("airports", FEATURES["airports"], requested=Decimal(1), values=("SWF", "EWR"), now=START)
    assert (decided.granted, decided.values) == (True, ("EWR", "JFK", "SWF"))
    decided = entry.decide("history", FEATURES["history"], requested=Decimal(1), values=(), now=START)
    assert decided.number == 30
    assert decided.source is not None
    assert decided.source.promotional_grant_id == "more"


def test_a_grant_stays_when_what_plans_carry_is_resolved_again() -> None:
    held = subscription()
    first, second = plan({"gates": limited("10")}), plan({"gates": limited("3")})
    entry = entry_with(state((held, first), grants=(grant(content=limited("5")),), revoked=frozenset({"calls"})))
    newer = entry.resolved_from(Offers({held.plan_keys[0]: second}, {"carrier": 40}, FEATURES, {"c": 7}))
    assert newer is not None
    # One that changed by then is read anew, and so is one that has met newer plans.
    assert entry.resolved_from(Offers({held.plan_keys[0]: second}, {"carrier": 40}, FEATURES, {"c": 8})) is None
    install(entry, newer)
    decided = entry.decide("gates", FEATURES["gates"], requested=Decimal(1), values=(), now=START)
    assert decided.standing is not None
    assert (decided.standing.limit, entry.is_revoked("calls"), entry.ceiling_revision) == (Decimal(5), True, 40)
    assert entry.resolved_from(Offers({held.plan_keys[0]: first}, {"carrier": 39}, FEATURES, {"c": 7})) is None


@pytest.mark.parametrize("shadow", [True, False])
def test_shadow_mode_grants_every_refusal_of_a_known_feature_and_says_what_for(shadow: bool) -> None:  # noqa: FBT001 - a column.
    feature = replace(FEATURES["gates"], shadow_mode=shadow)
    given = state(grants=(grant(),))
    entry = entry_with(replace(given, features={**FEATURES, "gates": feature}))
    decided = entry.decide("gates", feature, requested=Decimal(6), values=(), now=START)
    assert (decided.granted, decided.shadowed, decided.reason.value) == (shadow, shadow, "LIMIT_EXCEEDED")
    assert decided.explanation == "0 of 5 gates are used; 6 more would pass the limit of 5 by 1."
    later = entry.decide("gates", feature, requested=Decimal(1), values=(), now=START - DAY)
    assert (later.granted, later.reason.value) == (shadow, "NO_ACTIVE_SUBSCRIPTION")
    fits_in = entry.decide("gates", feature, requested=Decimal(5), values=(), now=START)
    assert (fits_in.granted, fits_in.shadowed) == (True, False)
    unknown = decision.in_shadow(decision.feature_unknown("x"), None)
    assert not unknown.granted
