"""Which contents of plans fit together, what they offer, and how their charges are called."""

from dataclasses import replace

import pytest

from catalog.domain.charge import Price
from catalog.domain.choice import UNKNOWN, Unknown
from catalog.domain.content import named_content, offers
from catalog.domain.content_rules import check_content, settle_content
from catalog.domain.entitlement import BooleanEntitlement, Limit, MergeBehavior, MeteredEntitlement
from catalog.domain.plan_content import PlanContent, PricingType, Trial, TrialEndBehavior, check_required_add_ons
from catalog.domain.surroundings import Neighbor, Owner, Surroundings, check_in_use, unpublished
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

AROUND = Surroundings(
    {**FEATURES, "old": replace(FEATURES["sso"], archived=True)},
    plans={
        "silver": Neighbor("product"),
        "iron": Neighbor("product", links=("silver",)),
        "loop": Neighbor("product", links=("under",)),
        "under": Neighbor("product", links=("gold",)),
        "foreign": Neighbor("other"),
        "gone": Neighbor("product", archived=True),
        "draft": Neighbor("product", published=False),
        **{f"p{number}": Neighbor("product", links=(f"p{number - 1}",) if number else ()) for number in range(10)},
    },
    add_ons={
        "extra": Neighbor("product"),
        "more": Neighbor("product", links=("extra",)),
        "foreign": Neighbor("other"),
        "gone": Neighbor("product", archived=True),
        "draft": Neighbor("product", published=False),
    },
)
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


def _based_on(plan_id: str) -> PlanContent:
    return replace(free(), base_plan_id=plan_id)


def _with_add_ons(*ids: str) -> PlanContent:
    return replace(free(), compatible_add_on_ids=ids)


def _trial(days: int, end: TrialEndBehavior | Unknown | None = None) -> PlanContent:
    return replace(free(), trial=Trial(days, end))


CUSTOM = PlanContent(pricing_type=PricingType.CUSTOM)
MERGED = replace(entitled("sso", BooleanEntitlement()), merge_behavior=MergeBehavior.INCREMENT)


@pytest.mark.parametrize(
    ("content", "paths"),
    [
        (CUSTOM, set()),
        (replace(CUSTOM, entitlements=(entitled("tokens"),)), set()),
        (replace(CUSTOM, charges=(FLAT_FEE,)), {"p.charges"}),
        (free(MERGED), {"p.entitlements[0].merge_behavior"}),
        (free(replace(MERGED, merge_behavior=UNKNOWN)), {"p.entitlements[0].merge_behavior"}),
        (_based_on("silver"), set()),
        (_based_on("iron"), set()),
        (_based_on("nothing"), {"p.base_plan_id"}),
        (_based_on("foreign"), {"p.base_plan_id"}),
        (_based_on("gold"), {"p.base_plan_id"}),
        (_based_on("loop"), {"p.base_plan_id"}),
        # Ten plans in a chain, itself among them.
        (_based_on("p8"), set()),
        (_based_on("p9"), {"p.base_plan_id"}),
        (_with_add_ons("extra", "more"), set()),
        (_with_add_ons("extra", "extra"), {"p.compatible_add_on_ids[1]"}),
        (_with_add_ons("nothing", "extra", "foreign", ""), {"p.compatible_add_on_ids[0]", "p.compatible_add_on_ids[2]", "p.compatible_add_on_ids[3]"}),
        (_trial(1), set()),
        (_trial(730, TrialEndBehavior.EXPIRE), set()),
        (_trial(0), {"p.trial.duration_days"}),
        (_trial(731), {"p.trial.duration_days"}),
        (_trial(-1, UNKNOWN), {"p.trial.duration_days", "p.trial.end_behavior"}),
    ],
)  # fmt: skip
def test_what_a_plan_inherits_offers_beside_it_and_begins_with(content: PlanContent, paths: set[str]) -> None:
    assert mistakes_of(check_content, content, AROUND, GOLD, path="p").keys() == paths


def test_a_loop_is_told_by_its_way() -> None:
    found = mistakes_of(check_content, _based_on("loop"), AROUND, GOLD, path="p")
    assert found == {"p.base_plan_id": "must not lead back to the plan itself: gold, loop, under, gold"}


def test_there_are_fifty_compatible_add_ons_at_most() -> None:
    around = Surroundings(add_ons={f"a{number}": Neighbor("product") for number in range(51)})
    for count, paths in ((50, set()), (51, {"p.compatible_add_on_ids"})):
        content = _with_add_ons(*(f"a{number}" for number in range(count)))
        assert mistakes_of(check_content, content, around, GOLD, path="p").keys() == paths


def test_a_required_add_on_is_named_as_well() -> None:
    for ids, paths in ((("extra", "more"), set()), (("more",), {"p.compatible_add_on_ids[0]"}), (("extra",), set())):
        assert mistakes_of(check_required_add_ons, _with_add_ons(*ids), AROUND, path="p").keys() == paths


def test_what_is_archived_or_not_published_is_told_by_its_place() -> None:
    content = replace(
        paid(replace(FLAT_RATE, feature_id="old"), entitlements=(entitled("old"), entitled("sso"))),
        base_plan_id="gone",
        compatible_add_on_ids=("extra", "draft", "gone"),
    )
    assert mistakes_of(check_in_use, content, AROUND, path="p").keys() == {
        "p.entitlements[0].feature_id",
        "p.charges[0].feature_id",
        "p.base_plan_id",
        "p.compatible_add_on_ids[2]",
    }
    content = replace(content, base_plan_id="draft")
    assert [(each.kind, each.id) for each in unpublished(content, AROUND)] == [("PLAN", "draft"), ("ADD_ON", "draft")]


def test_a_trial_converts_unless_said_otherwise() -> None:
    assert settle_content(_trial(14), AROUND).trial == Trial(14, TrialEndBehavior.CONVERT)
    assert settle_content(_trial(14, TrialEndBehavior.EXPIRE), AROUND).trial == Trial(14, TrialEndBehavior.EXPIRE)


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
        # A price of a country offers nothing.
        (
            paid(replace(FLAT_FEE, prices=(*FLAT_FEE.prices, Price(YEARLY, "USD", "9", country="DE")))),
            {(MONTHLY, "USD")},
        ),
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
