"""A whole catalog as one document: every mistake in it at once, and how it differs from what the catalog holds."""

from dataclasses import replace
from typing import Any

import pytest

from catalog.domain.catalog_diff import ChangeType, FieldChange, ResourceChange, ResourceType
from catalog.domain.catalog_document import (
    CatalogDocument,
    HeldCatalog,
    OfferingDocument,
)
from catalog.domain.charge import TierPrice
from catalog.domain.condition import Condition, Equals, NumberValue
from catalog.domain.document_rules import check_document
from catalog.domain.entitlement import BooleanEntitlement, EnumEntitlement, Limit, MeteredEntitlement, Unlimited
from catalog.domain.feature import EnumFeature, MeteredFeature, UsageBehavior, UsageSource
from catalog.domain.meter import Filter
from catalog.domain.mistakes import MAX_MISTAKES, BoundedMistakes
from catalog.domain.offering import OfferingSpec
from catalog.domain.plan_content import PlanContent
from catalog.domain.product import ProductSpec
from kernel.errors import ErrorKind, TollkeeperError
from tests.unit.catalog import samples
from tests.unit.catalog.samples import (
    CALLS,
    COUNT,
    FEATURES,
    FLAT_FEE,
    FLAT_RATE,
    GRADUATED,
    LATER,
    PACKAGE,
    SEATS,
    SSO,
    SUPPORT,
    entitled,
    free,
    paid,
)

PRODUCT = ProductSpec("product", "Product", "")
GOLD = OfferingSpec("gold", "product", "Gold", "")
NOTHING = HeldCatalog()
CONTENT = paid(GRADUATED, FLAT_FEE, entitlements=(entitled("sso", BooleanEntitlement()),))


def _document(content: PlanContent | None = CONTENT, plan: OfferingSpec = GOLD, **changes: Any) -> CatalogDocument:
    document = CatalogDocument(
        features=tuple(FEATURES.values()), products=(PRODUCT,), plans=(OfferingDocument(plan, content),)
    )
    return replace(document, **changes)


def _held(document: CatalogDocument) -> HeldCatalog:
    """A catalog that holds what the document says."""
    return samples.apply(document, NOTHING)[1]


HELD = _held(_document())


def _violations(document: CatalogDocument, held: HeldCatalog) -> set[str]:
    with pytest.raises(TollkeeperError) as refused:
        check_document(document, held)
    assert (refused.value.kind, refused.value.reason) == (ErrorKind.INVALID_ARGUMENT, "INVALID_FIELD")
    return {violation.path for violation in refused.value.violations}


def _changes(document: CatalogDocument, held: HeldCatalog = HELD) -> dict[str, ResourceChange]:
    return {change.id: change for change in samples.apply(document, held)[0].changes}


@pytest.mark.parametrize(
    ("document", "held", "paths"),
    [
        (_document(features=(), products=()), NOTHING, {"plans[0].plan.product_id", "plans[0].content.charges[0].feature_id", "plans[0].content.entitlements[0].feature_id"}),
        (_document(None), NOTHING, {"plans[0].content"}),
        (_document(features=(SSO, SSO), content=free()), NOTHING, {"features[1].id"}),
        (_document(products=(PRODUCT, PRODUCT)), NOTHING, {"products[1].id"}),
        (_document(plans=(OfferingDocument(GOLD, CONTENT),) * 2), NOTHING, {"plans[1].plan.id"}),
        (_document(plan=replace(GOLD, product_id="other"), products=(PRODUCT, replace(PRODUCT, id="other"))), HELD, {"plans[0].plan.product_id"}),
        (_document(features=tuple(samples.spec(f"f{n}", SSO.type) for n in range(1_001)), plans=()), NOTHING, {"features"}),
        (_document(products=tuple(ProductSpec(f"p{n}", "", "") for n in range(101)), plans=()), NOTHING, {"products"}),
        (_document(plans=tuple(OfferingDocument(replace(GOLD, id=f"p{n}"), free()) for n in range(501))), NOTHING, {"plans"}),
        (_document(features=(replace(SSO, type=EnumFeature(("a",))),), plans=()), HELD, {"features[0].enum"}),
        (_document(features=(replace(SUPPORT, type=EnumFeature(("chat",))),), plans=()), HELD, {"features[0].enum.values"}),
        # A feature whose type is not said is no feature of a wrong type.
        (_document(features=(replace(SSO, type=None), SEATS)), NOTHING, {"features[0].type"}),
        # What never changes is compared even where something else is wrong.
        (
            _document(
                features=(
                    replace(SEATS, display_name="x" * 201, type=MeteredFeature(UsageBehavior.INCREMENTAL, UsageSource.CALCULATED)),
                ),
                plans=(),
            ),
            HELD,
            {"features[0].display_name", "features[0].metered.usage_behavior"},
        ),
        (
            _document(
                features=(
                    replace(CALLS, type=MeteredFeature(UsageBehavior.INCREMENTAL, UsageSource.EVENTS, replace(COUNT, filters=(Filter((Condition("x", Equals(NumberValue("1e3"))),)),)))),
                ),
                plans=(),
            ),
            HELD,
            {"features[0].metered.meter.filters[0].conditions[0].equals.number_value"},
        ),
    ],
)  # fmt: skip
def test_each_mistake_is_named_by_its_path(document: CatalogDocument, held: HeldCatalog, paths: set[str]) -> None:
    assert _violations(document, held) == paths


def test_what_the_catalog_holds_need_not_stand_in_the_document() -> None:
    check_document(_document(), NOTHING)
    check_document(_document(features=(), products=()), HELD)


def test_plans_with_an_open_draft_are_named() -> None:
    many = [OfferingDocument(replace(GOLD, id=f"plan{number:03}"), free()) for number in range(500)]
    held = replace(HELD, plans={each.spec.id: samples.plan(each.spec.id, has_draft=True) for each in many})
    with pytest.raises(TollkeeperError) as refused:
        check_document(_document(plans=tuple(many)), held)
    assert (refused.value.kind, refused.value.reason) == (ErrorKind.FAILED_PRECONDITION, "DRAFT_OPEN")
    assert len(refused.value.violations) == 500
    assert refused.value.violations[3].path == "plans[3].plan.id"
    # They travel in headers: what does not fit is named by the violations alone.
    assert refused.value.metadata["plan_ids"].startswith("plan000, plan001, ")
    assert len(refused.value.metadata["plan_ids"]) < 2_100


def test_a_document_of_nothing_but_mistakes_ends_early() -> None:
    mistakes = BoundedMistakes()
    for number in range(MAX_MISTAKES - 1):
        mistakes.add(f"features[{number}]", "is wrong")
    with pytest.raises(TollkeeperError) as refused:
        mistakes.add("features[9999]", "is wrong")
    assert len(refused.value.violations) == MAX_MISTAKES


def test_an_equal_document_changes_nothing() -> None:
    changes = _changes(_document())
    assert {change.type for change in changes.values()} == {ChangeType.UNCHANGED}
    assert changes["gold"].version == 1


def test_a_new_catalog_is_created() -> None:
    changes = _changes(_document(), NOTHING)
    assert {change.type for change in changes.values()} == {ChangeType.CREATED}
    assert [change.resource for change in changes.values()] == [
        *[ResourceType.FEATURE] * len(FEATURES),
        ResourceType.PRODUCT,
        ResourceType.PLAN,
    ]
    assert changes["gold"].version == 1
    assert changes["gold"].fields == ()


@pytest.mark.parametrize(
    ("content", "fields"),
    [
        (replace(CONTENT, charges=CONTENT.charges[::-1]), []),
        (
            replace(CONTENT, charges=(FLAT_FEE,), entitlements=()),
            [
                ("content.charges[seats].billing_model", "PER_UNIT", ""),
                ("content.entitlements[sso].boolean", "true", ""),
            ],
        ),
        (
            replace(CONTENT, entitlements=(*CONTENT.entitlements, entitled("tokens", MeteredEntitlement(Limit("5.0"))))),
            [
                ("content.entitlements[tokens].metered.limit", "", "5"),
                ("content.entitlements[tokens].metered.soft_limit", "", "false"),
            ],
        ),
        (
            replace(CONTENT, entitlements=(*CONTENT.entitlements, entitled("support", EnumEntitlement(("email",))))),
            [("content.entitlements[support].enum.values[email]", "", "email")],
        ),
        (
            replace(CONTENT, charges=(replace(GRADUATED, tier_ends=("5", "11"), maximum_quantity="20"), FLAT_FEE)),
            [
                ("content.charges[seats].tier_ends[1]", "10", "11"),
                ("content.charges[seats].maximum_quantity", "", "20"),
            ],
        ),
        (
            replace(
                CONTENT,
                charges=(
                    replace(GRADUATED, prices=(replace(GRADUATED.prices[0], tiers=(TierPrice("20", "10"),) * 3),)),
                    FLAT_FEE,
                ),
            ),
            [
                ("content.charges[seats].prices[MONTHLY USD].tiers[1].unit_price", "15", "20"),
                ("content.charges[seats].prices[MONTHLY USD].tiers[1].flat_fee", "8", "10"),
                ("content.charges[seats].prices[MONTHLY USD].tiers[2].unit_price", "10", "20"),
                ("content.charges[seats].prices[MONTHLY USD].tiers[2].flat_fee", "5", "10"),
            ],
        ),
    ],
)  # fmt: skip
def test_each_place_that_differs_is_named(content: PlanContent, fields: list[tuple[str, str, str]]) -> None:
    change = _changes(_document(content))["gold"]
    named = [(field.path, field.old_value, field.new_value) for field in change.fields]
    assert set(fields) <= set(named)
    assert (change.type is ChangeType.UNCHANGED) == (not fields) == (not named)
    assert change.version == (2 if fields else 1)


def test_other_names_make_no_new_version() -> None:
    renamed = tuple(replace(each, display_name=f"New {each.id}") for each in FEATURES.values())
    changes = _changes(_document(plan=replace(GOLD, display_name="Best"), features=renamed))
    assert changes["seats"].fields == (FieldChange("display_name", "seats", "New seats"),)
    assert changes["gold"].fields == (FieldChange("display_name", "Gold", "Best"),)
    assert changes["gold"].version == 1


@pytest.mark.parametrize(("published", "written", "fields"), [
    ("", "seats", []),
    ("", "Places", [("seats", "Places")]),
    ("Places", "Places", []),
    ("Places", "", [("Places", "seats")]),
    ("seats", "", []),
])  # fmt: skip
def test_the_name_of_a_charge(published: str, written: str, fields: list[tuple[str, str]]) -> None:
    held = _held(_document(paid(replace(FLAT_RATE, display_name=published))))
    change = _changes(_document(paid(replace(FLAT_RATE, display_name=written))), held)["gold"]
    assert [(field.old_value, field.new_value) for field in change.fields] == fields


def test_a_plan_without_any_version_gets_its_first() -> None:
    held = replace(HELD, plans={"gold": samples.plan()}, plan_versions={})
    change = _changes(_document(free()), held)["gold"]
    assert (change.type, change.version) == (ChangeType.CHANGED, 1)
    assert change.fields == (FieldChange("content.pricing_type", "", "FREE"),)


def test_carrying_out_makes_state_and_happenings() -> None:
    content = replace(CONTENT, charges=(*CONTENT.charges, PACKAGE))
    silver = OfferingDocument(replace(GOLD, id="silver"), free(entitled("tokens", MeteredEntitlement(Unlimited()))))
    document = replace(
        _document(
            features=(replace(SSO, display_name="Login"), samples.spec("new", SSO.type), SEATS),
            products=(replace(PRODUCT, description="Better"), ProductSpec("other", "", "")),
        ),
        plans=(OfferingDocument(replace(GOLD, display_name="Best"), content), silver),
    )
    done, _ = samples.apply(document, HELD, first_revision=100)
    assert [(each.verb, each.thing.id, each.thing.revision) for each in done.happenings] == [
        ("updated", "sso", 100),
        ("created", "new", 101),
        ("updated", "product", 102),
        ("created", "other", 103),
        ("updated", "gold", 104),
        ("published", "gold", 105),
        ("created", "silver", 106),
        ("published", "silver", 107),
    ]
    assert [(plan.id, plan.latest_version, plan.revision) for plan in done.plans.changed] == [("gold", 2, 105)]
    assert [(plan.id, plan.latest_version, plan.create_time) for plan in done.plans.new] == [("silver", 1, LATER)]
    gold = done.plan_versions[0]
    # A version takes along its features as they are after the change.
    assert {each.id: each.display_name for each in gold.features}["sso"] == "Login"
    assert gold.display_name == "Best"
    assert [charge.display_name for charge in gold.content.charges] == ["seats", "Best", "calls"]
    assert (done.features.new[0].id, done.features.changed[0].create_time) == ("new", LATER)


def test_the_content_of_a_price_is_part_of_the_plan() -> None:
    yearly = replace(GRADUATED, prices=(*GRADUATED.prices, replace(GRADUATED.prices[0], currency="EUR")))
    change = _changes(_document(replace(CONTENT, charges=(yearly, FLAT_FEE))))["gold"]
    assert change.version == 2
    assert all(field.path.startswith("content.charges[seats].prices[MONTHLY EUR]") for field in change.fields)
