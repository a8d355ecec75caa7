"""Documents with add-ons, base plans and coupons: their mistakes at once, and what of them is published when."""

from dataclasses import replace
from typing import Any

import pytest

from catalog.domain.add_on_content import AddOnContent
from catalog.domain.catalog_application import Application
from catalog.domain.catalog_diff import ChangeType, ResourceType
from catalog.domain.catalog_document import AddOnDocument, CatalogDocument, HeldCatalog, OfferingDocument, PlanDocument
from catalog.domain.coupon import CouponDuration, CouponSpec, PercentOff
from catalog.domain.document_rules import check_document
from catalog.domain.entitlement import BooleanEntitlement, Entitlement, Limit, MeteredEntitlement
from catalog.domain.offering import OfferingSpec
from catalog.domain.plan_content import PlanContent
from catalog.domain.product import ProductSpec
from kernel.errors import TollkeeperError
from tests.unit.catalog import samples
from tests.unit.catalog.samples import FEATURES, FLAT_FEE, FLAT_RATE, SSO, apply, entitled, free, paid

PRODUCT = ProductSpec("product", "Product", "")
OTHER = ProductSpec("other", "Other", "")
WELCOME = CouponSpec("WELCOME", "", "", PercentOff("20"), CouponDuration.ONCE)


def _limit(feature_id: str, units: str) -> Entitlement:
    return entitled(feature_id, MeteredEntitlement(Limit(units)))


def _plan(id: str, content: PlanContent | None = None, **changes: Any) -> PlanDocument:
    return OfferingDocument(replace(OfferingSpec(id, "product", "", ""), **changes), content or free())


def _add_on(id: str, *required: str, content: AddOnContent | None = None, **changes: Any) -> AddOnDocument:
    content = replace(content or AddOnContent(), required_add_on_ids=required)
    return OfferingDocument(replace(OfferingSpec(id, "product", "", ""), **changes), content)


def _based_on(plan_id: str, *entitlements: Entitlement) -> PlanContent:
    return replace(free(*entitlements), base_plan_id=plan_id)


def _document(**parts: Any) -> CatalogDocument:
    return replace(CatalogDocument(features=tuple(FEATURES.values()), products=(PRODUCT,)), **parts)


SILVER = _plan("silver", free(_limit("tokens", "5"), _limit("calls", "10")))
GOLD = _plan("gold", replace(_based_on("silver", _limit("tokens", "50")), compatible_add_on_ids=("more", "extra")))
EXTRA = _add_on("extra", content=AddOnContent((_limit("seats", "5"),), (FLAT_FEE,)))
MORE = _add_on("more", "extra")
# Plans that inherit stand before what they inherit from: the order of a document means nothing.
WHOLE = _document(plans=(GOLD, SILVER), add_ons=(MORE, EXTRA), coupons=(WELCOME,))
HELD = apply(WHOLE, HeldCatalog())[1]


def _mistakes(document: CatalogDocument, held: HeldCatalog = HELD) -> dict[str, str]:
    with pytest.raises(TollkeeperError) as refused:
        apply(document, held)
    assert refused.value.reason == "INVALID_FIELD"
    return {violation.path: violation.message for violation in refused.value.violations}


def _told(done: Application) -> dict[str, list[tuple[str, str, str]]]:
    """What changed, by id."""
    return {
        change.id: [(field.path, field.old_value, field.new_value) for field in change.fields]
        for change in done.changes
        if change.type is not ChangeType.UNCHANGED
    }


def test_a_whole_catalog_is_made_in_one_go_and_then_equal() -> None:
    done, held = apply(WHOLE, HeldCatalog())
    assert [(change.resource, change.id, change.version) for change in done.changes][len(FEATURES) :] == [
        (ResourceType.PRODUCT, "product", 0),
        (ResourceType.ADD_ON, "more", 1),
        (ResourceType.ADD_ON, "extra", 1),
        (ResourceType.PLAN, "gold", 1),
        (ResourceType.PLAN, "silver", 1),
        (ResourceType.COUPON, "WELCOME", 0),
    ]
    assert [version.id for version in done.plan_versions] == ["gold", "silver"]
    gold = done.plan_versions[0]
    assert [(each.feature_id, each.value) for each in gold.effective_entitlements] == [
        ("calls", MeteredEntitlement(Limit("10"))),
        ("tokens", MeteredEntitlement(Limit("50"))),
    ]
    assert [(add_on.id, add_on.version) for add_on in gold.add_ons] == [("extra", 1), ("more", 1)]
    assert [feature.id for feature in gold.features] == ["calls", "seats", "tokens"]
    # What was never written is published all the same: an add-on that only requires others has a version.
    assert held.add_on_versions["more"].content.required_add_on_ids == ("extra",)
    again, _ = apply(WHOLE, held)
    assert {change.type for change in again.changes} == {ChangeType.UNCHANGED}
    assert not again.happenings


def test_what_inherits_is_published_anew_with_what_it_inherits_from() -> None:
    silver = _plan("silver", free(_limit("tokens", "7"), _limit("calls", "11"), entitled("sso", BooleanEntitlement())))
    done, held = apply(replace(WHOLE, plans=(GOLD, silver)), HELD)
    assert _told(done) == {
        "silver": [
            ("content.entitlements[tokens].metered.limit", "5", "7"),
            ("content.entitlements[calls].metered.limit", "10", "11"),
            ("content.entitlements[sso].boolean", "", "true"),
        ],
        # Of the tokens gold says its own.
        "gold": [
            ("effective_entitlements[calls].metered.limit", "10", "11"),
            ("effective_entitlements[sso].boolean", "", "true"),
        ],
    }
    assert [each.feature_id for each in held.plan_versions["gold"].effective_entitlements] == ["calls", "sso", "tokens"]
    assert [(version.id, version.version) for version in done.plan_versions] == [("gold", 2), ("silver", 2)]


def test_what_takes_the_place_of_an_inherited_entitlement_is_told_with_what_it_replaces() -> None:
    own = replace(GOLD.content or free(), entitlements=())
    done, held = apply(replace(WHOLE, plans=(replace(GOLD, content=own), SILVER)), HELD)
    assert _told(done)["gold"] == [
        ("content.entitlements[tokens].metered.limit", "50", ""),
        ("content.entitlements[tokens].metered.soft_limit", "false", ""),
        ("effective_entitlements[tokens].metered.limit", "50", "5"),
    ]
    charged = paid(replace(FLAT_RATE, feature_id="calls"))
    done, _ = apply(_document(plans=(_plan("gold", replace(charged, base_plan_id="silver")), SILVER)), held)
    assert ("effective_entitlements[calls].metered.limit", "10", "") in _told(done)["gold"]


def test_a_new_version_of_an_add_on_reaches_the_plans_of_the_document() -> None:
    extra = _add_on("extra", content=AddOnContent((_limit("seats", "9"),), (FLAT_FEE,), maximum_quantity=3))
    changes = [
        ("content.maximum_quantity", "", "3"),
        ("content.entitlements[seats].metered.limit", "5", "9"),
    ]
    done, held = apply(replace(WHOLE, add_ons=(MORE, extra)), HELD)
    assert _told(done) == {
        "extra": changes,
        "gold": [(f"add_ons[extra].{path}", old, new) for path, old, new in changes],
    }
    assert [(add_on.id, add_on.version) for add_on in held.plan_versions["gold"].add_ons] == [("extra", 2), ("more", 1)]
    # What the document does not name keeps the add-on that it was published with.
    done, alone = apply(_document(add_ons=(MORE, extra)), HELD)
    assert _told(done).keys() == {"extra"}
    assert alone.plan_versions["gold"].add_ons[0].version == 1


def test_an_add_on_that_comes_or_goes_is_told_once() -> None:
    fewer = replace(GOLD, content=replace(GOLD.content or free(), compatible_add_on_ids=("extra",)))
    done, held = apply(replace(WHOLE, plans=(fewer, SILVER)), HELD)
    assert _told(done) == {"gold": [("content.compatible_add_on_ids[more]", "more", "")]}
    assert _told(apply(WHOLE, held)[0]) == {"gold": [("content.compatible_add_on_ids[more]", "", "more")]}


def test_renaming_an_add_on_publishes_nothing() -> None:
    named = replace(EXTRA, spec=replace(EXTRA.spec, display_name="Extra seats"))
    done, held = apply(replace(WHOLE, add_ons=(MORE, named)), HELD)
    assert _told(done) == {"extra": [("display_name", "extra", "Extra seats")]}
    assert held.add_on_versions == HELD.add_on_versions


def test_what_a_product_allows_is_taken_along() -> None:
    several = replace(PRODUCT, multiple_subscriptions=True)
    done, held = apply(replace(WHOLE, products=(several,)), HELD)
    assert _told(done) == {
        "product": [("multiple_subscriptions", "", "true")],
        "gold": [("multiple_subscriptions", "false", "true")],
        "silver": [("multiple_subscriptions", "false", "true")],
    }
    assert all(version.multiple_subscriptions for version in held.plan_versions.values())


def test_carried_entitlements_are_those_of_what_is_published() -> None:
    silver = _plan("silver", free(_limit("tokens", "7")))
    held = apply(replace(WHOLE, plans=(silver,)), HELD, carry=True)[1]
    assert {plan.id: (plan.latest_version, plan.carried_version) for plan in held.plans.values()} == {
        "silver": (2, 2),
        "gold": (1, 0),
    }


def test_coupons_change_their_names_only() -> None:
    named = replace(WELCOME, display_name="Welcome", archived=True)
    done, held = apply(replace(WHOLE, coupons=(named, replace(WELCOME, id="NEW"))), HELD)
    assert _told(done) == {"WELCOME": [("display_name", "WELCOME", "Welcome"), ("archived", "", "true")], "NEW": []}
    assert held.coupons["WELCOME"].spec.archived
    assert [(each.verb, each.thing.id) for each in done.happenings] == [("updated", "WELCOME"), ("created", "NEW")]
    larger = replace(WELCOME, discount=PercentOff("21"), duration=CouponDuration.FOREVER)
    assert _mistakes(_document(coupons=(larger,))).keys() == {"coupons[0].percent_off", "coupons[0].duration"}
    assert _mistakes(_document(coupons=(WELCOME, WELCOME))).keys() == {"coupons[1].id"}


def test_every_loop_and_every_chain_that_is_too_long_is_named() -> None:
    plans = [_plan("a", _based_on("b")), _plan("b", _based_on("c")), _plan("c", _based_on("a"))]
    plans += [_plan("d", _based_on("a")), _plan("e", _based_on("e"))]
    plans += [_plan("p0")] + [_plan(f"p{number}", _based_on(f"p{number - 1}")) for number in range(1, 12)]
    found = _mistakes(_document(plans=tuple(plans)), HeldCatalog())
    loops = {path for path, message in found.items() if "lead back" in message}
    assert loops == {f"plans[{number}].content.base_plan_id" for number in (0, 1, 2, 4)}
    assert found["plans[0].content.base_plan_id"].endswith("a, b, c, a")
    # Those that only lead to a loop, or have more than ten plans in their chain, are too long.
    assert found.keys() - loops == {f"plans[{number}].content.base_plan_id" for number in (3, 15, 16)}


def test_every_loop_of_add_ons_is_named_over_the_whole_graph() -> None:
    ring = tuple(_add_on(f"a{number}", f"a{(number + 1) % 100}") for number in range(100))
    found = _mistakes(_document(add_ons=ring), HeldCatalog())
    assert found.keys() == {f"add_ons[{number}].content.required_add_on_ids[0]" for number in range(100)}
    # One half of the loop is held, the other written.
    assert _mistakes(_document(add_ons=(_add_on("extra", "more"),))).keys() == {
        "add_ons[0].content.required_add_on_ids[0]"
    }
    # The document's word counts: more no longer requires extra.
    apply(_document(add_ons=(_add_on("extra", "more"), _add_on("more"))), replace(HELD, plan_versions={}, plans={}))


def test_what_a_plan_names_is_of_its_product_there_and_complete() -> None:
    foreign = _plan("foreign", product_id="other")
    plans = (
        _plan("a", replace(_based_on("foreign"), compatible_add_on_ids=("more", "nothing"))),
        foreign,
        _plan("b", _based_on("nowhere")),
    )
    found = _mistakes(_document(products=(PRODUCT, OTHER), plans=plans))
    assert found.keys() == {
        "plans[0].content.base_plan_id",
        "plans[0].content.compatible_add_on_ids[0]",
        "plans[0].content.compatible_add_on_ids[1]",
        "plans[2].content.base_plan_id",
    }
    assert "requires extra" in found["plans[0].content.compatible_add_on_ids[0]"]


def test_an_add_on_that_came_to_require_another_is_refused_where_it_is_named_alone() -> None:
    alone = replace(GOLD, content=replace(GOLD.content or free(), compatible_add_on_ids=("extra",)))
    held = apply(replace(WHOLE, plans=(alone, SILVER)), HELD)[1]
    add_ons = (_add_on("extra", "third", content=EXTRA.content), _add_on("third"))
    found = _mistakes(_document(add_ons=add_ons, plans=(alone, SILVER)), held)
    assert found.keys() == {"plans[0].content.compatible_add_on_ids[0]"}


def test_what_has_no_version_cannot_be_named() -> None:
    drafted = replace(HELD, plan_versions={}, plans={"silver": samples.plan("silver")}, add_on_versions={})
    drafted = replace(drafted, add_ons={"extra": replace(HELD.add_ons["extra"], latest_version=0)})
    plan = _plan("new", replace(_based_on("silver"), compatible_add_on_ids=("extra",)))
    found = _mistakes(_document(plans=(plan,), add_ons=(_add_on("more", "extra"),)), drafted)
    assert found.keys() == {
        "add_ons[0].content.required_add_on_ids[0]",
        "plans[0].content.base_plan_id",
        "plans[0].content.compatible_add_on_ids[0]",
    }
    assert all("no published version" in message for message in found.values())


def test_open_drafts_of_add_ons_are_named_beside_those_of_plans() -> None:
    held = replace(
        HELD,
        plans={**HELD.plans, "gold": replace(HELD.plans["gold"], has_draft=True)},
        add_ons={**HELD.add_ons, "more": replace(HELD.add_ons["more"], has_draft=True)},
    )
    with pytest.raises(TollkeeperError) as refused:
        check_document(WHOLE, held)
    assert refused.value.reason == "DRAFT_OPEN"
    assert refused.value.metadata == {"add_on_ids": "more", "plan_ids": "gold"}
    assert [violation.path for violation in refused.value.violations] == ["add_ons[0].add_on.id", "plans[0].plan.id"]


ON = entitled("sso", BooleanEntitlement())


def test_what_is_archived_is_not_named_anew_and_kept_where_it_stands() -> None:
    features = tuple(replace(each, archived=each.id == "sso") for each in FEATURES.values())
    old = _plan("old", free(ON))
    held = apply(_document(plans=(old,), add_ons=(EXTRA,)), HeldCatalog())[1]
    # Its own plan may go on naming it as it did, and is not published anew.
    done, after = apply(_document(features=features, plans=(old,)), held)
    assert _told(done) == {"sso": [("archived", "", "true")]}
    assert after.features["sso"].archived
    assert after.plan_versions == held.plan_versions
    plans = (_plan("new", free(ON)), _plan("old", free(ON, _limit("tokens", "1"))))
    add_ons = (_add_on("seats", content=AddOnContent((ON,))),)
    assert _mistakes(_document(features=features, plans=plans, add_ons=add_ons), held).keys() == {
        "plans[0].content.entitlements[0].feature_id",
        "plans[1].content.entitlements[0].feature_id",
        "add_ons[0].content.entitlements[0].feature_id",
    }


def test_archived_plans_and_add_ons_are_not_named_by_what_is_published_from_now_on() -> None:
    archived = replace(EXTRA, spec=replace(EXTRA.spec, archived=True))
    # Nothing is published: gold's content and its add-ons are as they were.
    done, held = apply(replace(WHOLE, add_ons=(MORE, archived)), HELD)
    assert _told(done) == {"extra": [("archived", "", "true")]}
    silver = _plan("silver", free(_limit("tokens", "7")), archived=True)
    found = _mistakes(replace(WHOLE, add_ons=(MORE, archived), plans=(GOLD, silver)), held)
    # Gold would be published anew, since what it inherits changes.
    assert found.keys() == {"plans[0].content.base_plan_id", "plans[0].content.compatible_add_on_ids[1]"}
    assert _mistakes(_document(add_ons=(_add_on("third", "extra"),)), held).keys() == {
        "add_ons[0].content.required_add_on_ids[0]"
    }


def test_an_add_on_belongs_to_its_product_for_ever() -> None:
    moved = replace(EXTRA, spec=replace(EXTRA.spec, product_id="other"))
    found = _mistakes(_document(products=(PRODUCT, OTHER), add_ons=(moved,)))
    assert "for ever" in found["add_ons[0].add_on.product_id"]


def test_an_empty_add_on_that_had_no_version_is_published() -> None:
    made = {"bare": replace(HELD.add_ons["extra"], id="bare", display_name="bare", latest_version=0)}
    done, held = apply(_document(add_ons=(_add_on("bare"),)), replace(HELD, add_ons=made, add_on_versions={}))
    assert _told(done) == {"bare": [("content", "", "empty")]}
    assert held.add_ons["bare"].latest_version == 1


@pytest.mark.parametrize(
    ("parts", "path"),
    [
        ({"add_ons": tuple(_add_on(f"a{number}") for number in range(501))}, "add_ons"),
        ({"coupons": tuple(replace(WELCOME, id=f"c{number}") for number in range(501))}, "coupons"),
        ({"add_ons": (EXTRA, EXTRA)}, "add_ons[1].add_on.id"),
        ({"add_ons": (OfferingDocument(EXTRA.spec, None),)}, "add_ons[0].content"),
        ({"features": (replace(SSO, type=None),)}, "features[0].type"),
    ],
)
def test_lists_have_limits_and_ids_are_different(parts: dict[str, Any], path: str) -> None:
    assert path in _mistakes(_document(**parts), HeldCatalog())
