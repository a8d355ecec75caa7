"""Which contents of plans fit together, what they offer, and how their charges are called."""

from dataclasses import replace

import pytest

from catalog.domain.content import named_content, offers
from catalog.domain.content_rules import check_content, settle_content
from catalog.domain.entitlement import BooleanEntitlement, Limit, MeteredEntitlement
from catalog.domain.plan_content import PlanContent, PricingType
from catalog.domain.surroundings import Owner, Surroundings
from catalog.domain.usage_reset import ResetInterval, UsageReset
from tests.unit.catalog.samples import (
    FEATURES,
    FLAT_FEE,
    FLAT_RATE,
    GRADUATED,
    MONTHLY,
    PACKAGE,
    YEARLY,
    entitled,
    free,
    mistakes_of,
    paid,
    price,
)

AROUND = Surroundings(FEATURES)
GOLD = Owner("gold", "product")
BOTH = replace(FLAT_RATE, prices=(price(amount="1"), price(YEARLY, amount="10")))
ONLY_YEARLY = replace(FLAT_FEE, prices=(price(YEARLY, amount="10"),))
EUROS = replace(FLAT_FEE, prices=(price(currency="EUR", amount="1"),))
YEAR = UsageReset(ResetInterval.YEAR)
LIMITED = MeteredEntitlement(Limit("5"))


@pytest.mark.parametrize(
    ("content", "paths"),
    [
        (free(), set()),
        (free(entitled("sso", BooleanEntitlement())), set()),
        (replace(free(), charges=(FLAT_FEE,)), {"p.charges"}),
        (paid(FLAT_FEE), set()),
        (paid(FLAT_FEE, FLAT_RATE, PACKAGE), set()),
        (paid(), {"p.charges"}),
        (PlanContent(), {"p.pricing_type"}),
        (paid(BOTH, ONLY_YEARLY), set()),
        (paid(FLAT_RATE, ONLY_YEARLY), {"p.charges"}),
        (paid(FLAT_RATE, EUROS), {"p.charges"}),
        (paid(FLAT_FEE, replace(FLAT_FEE, display_name="Again")), {"p.charges[1].id"}),
        (paid(FLAT_RATE, replace(GRADUATED, id="more")), {"p.charges[1].feature_id"}),
        (paid(FLAT_RATE, entitlements=(entitled("seats", LIMITED),)), {"p.entitlements[0].feature_id"}),
        (paid(PACKAGE, entitlements=(entitled("calls"),)), {"p.entitlements[0].feature_id"}),
        (paid(FLAT_RATE, entitlements=(entitled("tokens", LIMITED),)), set()),
        # Where only years are offered, a year divides; a plan by month has no whole year in it.
        (paid(replace(BOTH, feature_id="tokens", usage_reset=YEAR), ONLY_YEARLY), set()),
        (paid(replace(BOTH, feature_id="tokens", usage_reset=YEAR)), {"p.charges[0].usage_reset.interval"}),
        # Two mistakes that have nothing to do with each other are told together.
        (
            paid(replace(FLAT_RATE, feature_id="tokens", usage_reset=YEAR), EUROS),
            {"p.charges", "p.charges[0].usage_reset.interval"},
        ),
    ],
)
def test_each_mistake_is_named_by_its_path(content: PlanContent, paths: set[str]) -> None:
    assert mistakes_of(check_content, content, AROUND, GOLD, path="p").keys() == paths


def test_there_are_a_hundred_charges_at_most() -> None:
    charges = [replace(FLAT_FEE, id=f"fee{number}") for number in range(101)]
    assert mistakes_of(check_content, paid(*charges[:100]), AROUND, GOLD, path="p") == {}
    assert mistakes_of(check_content, paid(*charges), AROUND, GOLD, path="p").keys() == {"p.charges"}


@pytest.mark.parametrize(
    ("content", "offered"),
    [
        (free(), set()),
        (paid(FLAT_FEE), {(MONTHLY, "USD")}),
        (paid(BOTH), {(MONTHLY, "USD"), (YEARLY, "USD")}),
        (paid(BOTH, ONLY_YEARLY), {(YEARLY, "USD")}),
        (paid(BOTH, EUROS), set()),
    ],
)
def test_what_every_charge_prices_is_offered(content: PlanContent, offered: set[object]) -> None:
    assert offers(content) == offered


def test_a_charge_without_a_name_is_called_like_its_feature_or_its_plan() -> None:
    features = {"seats": replace(FEATURES["seats"], display_name="Seats"), "calls": FEATURES["calls"]}
    content = paid(FLAT_FEE, FLAT_RATE, replace(PACKAGE, display_name="API"))
    named = named_content(content, features, "Gold")
    assert [charge.display_name for charge in named.charges] == ["Gold", "Seats", "API"]


def test_settling_twice_is_settling_once() -> None:
    content = paid(FLAT_FEE, GRADUATED, PACKAGE, entitlements=(entitled("tokens", LIMITED),))
    settled = settle_content(content, AROUND)
    assert settle_content(settled, AROUND) == settled
    assert settled.pricing_type is PricingType.PAID
