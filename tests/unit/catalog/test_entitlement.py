"""Which entitlements are well formed and fit their features, and when usage may reset."""

import pytest

from catalog.domain.choice import UNKNOWN
from catalog.domain.entitlement import (
    BooleanEntitlement,
    Entitlement,
    EnumEntitlement,
    Limit,
    MeteredEntitlement,
    NumericEntitlement,
    Unlimited,
    settle_entitlement,
)
from catalog.domain.entitlement_rules import check_entitlements
from catalog.domain.usage_reset import (
    ResetAnchor,
    ResetInterval,
    UsageReset,
    Weekday,
    check_reset,
    divides,
    settle_reset,
)
from tests.unit.catalog.samples import FEATURES, MONTHLY, QUARTERLY, YEARLY, entitled, mistakes_of

ON = BooleanEntitlement()
MONTH = UsageReset(ResetInterval.MONTH)
HOUR, DAY, WEEK, YEAR = ResetInterval.HOUR, ResetInterval.DAY, ResetInterval.WEEK, ResetInterval.YEAR
START, CALENDAR = ResetAnchor.SUBSCRIPTION_START, ResetAnchor.CALENDAR


def _check(*entitlements: Entitlement, charged: frozenset[str] = frozenset()) -> dict[str, str]:
    return mistakes_of(check_entitlements, entitlements, FEATURES, charged=charged, most=500, path="e")


@pytest.mark.parametrize(
    ("entitlement", "paths"),
    [
        (entitled("sso", ON), set()),
        (entitled("sso"), {"e[0].metered"}),
        (entitled("sso", EnumEntitlement(("a",))), {"e[0].enum"}),
        (Entitlement("sso", None), {"e[0].value"}),
        (Entitlement("", None), {"e[0].feature_id", "e[0].value"}),
        (entitled("nothing", ON), {"e[0].feature_id"}),
        (entitled("nothing", MeteredEntitlement(Limit("x"))), {"e[0].feature_id", "e[0].metered.limit"}),
        (entitled("support", EnumEntitlement(("phone", "email"))), set()),
        (entitled("support", EnumEntitlement(())), {"e[0].enum.values"}),
        (
            entitled("support", EnumEntitlement(("phone", "fax", "phone"))),
            {"e[0].enum.values[1]", "e[0].enum.values[2]"},
        ),
        (entitled("support", ON), {"e[0].boolean"}),
        (entitled("tokens"), set()),
        (entitled("tokens", ON), {"e[0].boolean"}),
        (entitled("tokens", MeteredEntitlement(None)), {"e[0].metered.bound"}),
        (entitled("tokens", MeteredEntitlement(Limit("0"))), set()),
        (entitled("tokens", MeteredEntitlement(Limit("-0.5"))), {"e[0].metered.limit"}),
        (entitled("tokens", MeteredEntitlement(Limit(""))), {"e[0].metered.limit"}),
        (entitled("tokens", MeteredEntitlement(Limit("9" * 18 + "." + "9" * 12))), set()),
        (entitled("tokens", MeteredEntitlement(Limit("1" + "0" * 18))), {"e[0].metered.limit"}),
        (entitled("tokens", MeteredEntitlement(Limit("1"), soft_limit=True)), set()),
        (entitled("tokens", MeteredEntitlement(Unlimited(), soft_limit=True)), {"e[0].metered.soft_limit"}),
        (entitled("tokens", MeteredEntitlement(Limit("1"), usage_reset=UsageReset(WEEK))), set()),
        (
            entitled("tokens", MeteredEntitlement(Limit("1"), usage_reset=UsageReset(None))),
            {"e[0].metered.usage_reset.interval"},
        ),
        (entitled("seats", MeteredEntitlement(Limit("1"), usage_reset=MONTH)), {"e[0].metered.usage_reset"}),
        (entitled("days", NumericEntitlement("0")), set()),
        (entitled("days", NumericEntitlement("30.5")), set()),
        (entitled("days", NumericEntitlement("-1")), {"e[0].numeric.value"}),
        (entitled("days", NumericEntitlement("")), {"e[0].numeric.value"}),
        (entitled("days", NumericEntitlement("many")), {"e[0].numeric.value"}),
        (entitled("days", MeteredEntitlement(Limit("1"))), {"e[0].metered"}),
        (entitled("tokens", NumericEntitlement("1")), {"e[0].numeric"}),
        (entitled("storage", MeteredEntitlement(Limit("1"), usage_reset=MONTH)), {"e[0].metered.usage_reset"}),
    ],
)
def test_each_mistake_is_named_by_its_path(entitlement: Entitlement, paths: set[str]) -> None:
    assert _check(entitlement).keys() == paths


def test_a_feature_stands_once_and_not_beside_its_charge() -> None:
    assert _check(entitled("sso", ON), entitled("sso", ON)).keys() == {"e[1].feature_id"}
    assert _check(entitled("tokens"), charged=frozenset({"tokens"})).keys() == {"e[0].feature_id"}


def test_there_are_five_hundred_at_most() -> None:
    assert "e" not in _check(*[entitled("sso", ON)] * 500)
    assert "e" in _check(*[entitled("sso", ON)] * 501)


@pytest.mark.parametrize(
    ("reset", "paths"),
    [
        (UsageReset(HOUR), set()),
        (UsageReset(DAY, CALENDAR), set()),
        (UsageReset(WEEK, CALENDAR, Weekday.SUNDAY), set()),
        (UsageReset(WEEK, START, Weekday.SUNDAY), {"r.week_start"}),
        (UsageReset(WEEK, None, Weekday.SUNDAY), {"r.week_start"}),
        (UsageReset(DAY, CALENDAR, Weekday.MONDAY), {"r.week_start"}),
        (UsageReset(ResetInterval.BILLING_PERIOD), set()),
        (UsageReset(ResetInterval.BILLING_PERIOD, START), {"r.anchor"}),
        (UsageReset(ResetInterval.BILLING_PERIOD, CALENDAR), {"r.anchor"}),
        (UsageReset(None), {"r.interval"}),
        (UsageReset(WEEK, CALENDAR, UNKNOWN), {"r.week_start"}),
        (UsageReset(DAY, UNKNOWN), {"r.anchor"}),
    ],
)
def test_resets(reset: UsageReset, paths: set[str]) -> None:
    assert mistakes_of(check_reset, reset, "r").keys() == paths


@pytest.mark.parametrize(
    ("reset", "settled"),
    [
        (None, None),
        (UsageReset(DAY), UsageReset(DAY, START)),
        (UsageReset(WEEK), UsageReset(WEEK, START)),
        (UsageReset(WEEK, CALENDAR), UsageReset(WEEK, CALENDAR, Weekday.MONDAY)),
        (UsageReset(WEEK, CALENDAR, Weekday.FRIDAY), UsageReset(WEEK, CALENDAR, Weekday.FRIDAY)),
        (UsageReset(ResetInterval.BILLING_PERIOD), UsageReset(ResetInterval.BILLING_PERIOD)),
    ],
)
def test_the_defaults_of_resets(reset: UsageReset | None, settled: UsageReset | None) -> None:
    assert settle_reset(reset) == settled


@pytest.mark.parametrize(
    ("interval", "periods"),
    [
        (HOUR, {MONTHLY, QUARTERLY, YEARLY}),
        (DAY, {MONTHLY, QUARTERLY, YEARLY}),
        (WEEK, set()),
        (ResetInterval.MONTH, {MONTHLY, QUARTERLY, YEARLY}),
        (YEAR, {YEARLY}),
        (ResetInterval.BILLING_PERIOD, {MONTHLY, QUARTERLY, YEARLY}),
    ],
)
def test_which_intervals_divide_which_billing_periods(interval: ResetInterval, periods: set[object]) -> None:
    assert {period for period in (MONTHLY, QUARTERLY, YEARLY) if divides(interval, period)} == periods


def test_limits_are_canonical() -> None:
    settled = settle_entitlement(entitled("tokens", MeteredEntitlement(Limit("+005.50"), usage_reset=MONTH)))
    assert settled.value == MeteredEntitlement(Limit("5.5"), usage_reset=UsageReset(ResetInterval.MONTH, START))


def test_configured_numbers_are_canonical() -> None:
    assert settle_entitlement(entitled("days", NumericEntitlement("030.0"))).value == NumericEntitlement("30")
