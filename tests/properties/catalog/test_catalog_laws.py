"""Laws of the catalog as code: whatever is written, the answer is all mistakes or an equal catalog."""

import random
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.domain.catalog_application import Application
from catalog.domain.catalog_diff import ChangeType, completion_fields, content_fields
from catalog.domain.catalog_document import CatalogDocument, HeldCatalog
from catalog.domain.charge import TIERED, Charge, Price
from catalog.domain.content_rules import check_content, settle_content
from catalog.domain.entitlement import EnumEntitlement
from catalog.domain.feature import create_feature, settle_feature
from catalog.domain.outline import outline_content
from catalog.domain.plan_content import PlanContent
from catalog.domain.surroundings import Neighbor, Owner, Surroundings
from catalog.messages.add_on import add_on_version_from_proto, add_on_version_to_proto
from catalog.messages.catalog import document_from_proto
from catalog.messages.coupon import coupon_from_proto, coupon_to_proto
from catalog.messages.feature import feature_from_proto, feature_spec_from_proto, feature_to_proto
from catalog.messages.plan import plan_version_from_proto, plan_version_to_proto
from catalog.messages.plan_content import plan_content_from_proto, plan_content_to_proto
from kernel.errors import ErrorKind, Mistakes, TollkeeperError
from kernel.pricing import (
    FlatRate,
    Graduated,
    Package,
    PriceList,
    PricingModel,
    StairStep,
    StairStepTier,
    Tier,
    violations,
)
from tests.integration.catalog import samples
from tests.properties.catalog.messages import chances, fill, mutate
from tests.unit.catalog.samples import NOW, apply
from tollkeeper.catalog.v1 import catalog_service_pb2, charge_pb2, entitlement_pb2, plan_pb2

NOTHING = HeldCatalog()


HELD = apply(document_from_proto(samples.document(**samples.WHOLE)), NOTHING)[1]


@settings(max_examples=200)
@given(chances)
def test_any_message_ends_in_all_its_mistakes_or_a_catalog_that_is_equal_then(chance: random.Random) -> None:
    message = catalog_service_pb2.ApplyCatalogRequest()
    fill(message, chance)
    _ends_well(message)


@settings(max_examples=200)
@given(chances, st.integers(1, 4))
def test_so_does_a_document_that_is_nearly_right(chance: random.Random, mutations: int) -> None:
    message = samples.document(**samples.WHOLE)
    for _ in range(mutations):
        mutate(message, chance)
    _ends_well(message)


def _ends_well(message: catalog_service_pb2.ApplyCatalogRequest) -> None:
    document = document_from_proto(message)
    for held in (NOTHING, HELD):
        outcome = _attempt(document, held)
        if isinstance(outcome, TollkeeperError):
            assert (outcome.kind, outcome.reason) == (ErrorKind.INVALID_ARGUMENT, "INVALID_FIELD")
            assert outcome.violations
            assert all(violation.path and violation.message for violation in outcome.violations)
            # They travel in headers: what a caller wrote, however long, does not come back in them.
            assert all(len(violation.path + violation.message) < 1_000 for violation in outcome.violations)
            continue
        done, after = outcome
        again, _ = apply(document, after)
        assert {change.type for change in again.changes} <= {ChangeType.UNCHANGED}
        assert not again.happenings
        for coupon in [*done.coupons.new, *done.coupons.changed]:
            assert coupon_from_proto(coupon_to_proto(coupon)) == coupon
        for sold in done.add_on_versions:
            assert add_on_version_from_proto(add_on_version_to_proto(sold)) == sold
        for version in done.plan_versions:
            assert plan_version_from_proto(plan_version_to_proto(version)) == version
            assert completion_fields(version, version, ()) == content_fields(version.content, version.content) == ()
            for charge in version.content.charges:
                assert not [mistake for price in charge.prices for mistake in violations(_list(charge, price), "p")]


def _list(charge: Charge, price: Price) -> PriceList:
    """What billing will price by."""
    ends = [*map(Decimal, charge.tier_ends), None]
    tiers = zip(ends, price.tiers, strict=charge.pricing_model in TIERED)
    match charge.pricing_model:
        case PricingModel.PACKAGE:
            return Package(Decimal(charge.block_size), Decimal(price.amount))
        case PricingModel.STAIR_STEP:
            return StairStep(tuple(StairStepTier(end, Decimal(tier.total_price)) for end, tier in tiers))
        case PricingModel.GRADUATED | PricingModel.VOLUME:
            return Graduated(tuple(Tier(end, Decimal(tier.unit_price), Decimal(tier.flat_fee)) for end, tier in tiers))
        case _:
            return FlatRate(Decimal(price.amount))


def _attempt(document: CatalogDocument, held: HeldCatalog) -> tuple[Application, HeldCatalog] | TollkeeperError:
    try:
        return apply(document, held)
    except TollkeeperError as error:
        return error


@given(st.sampled_from([*samples.FEATURES, samples.DELAY]), chances)
def test_what_is_stored_is_what_was_said(fields: dict[str, Any], chance: random.Random) -> None:
    spec = feature_spec_from_proto(samples.feature(_shuffled(deepcopy(fields), chance)))
    feature = create_feature(settle_feature(spec), NOW, revision=7)
    assert feature_from_proto(feature_to_proto(feature)) == feature
    assert settle_feature(feature.spec) == feature.spec


def _shuffled(fields: Any, chance: random.Random) -> Any:
    """The same content: lists in another order, but for tiers, and numbers written otherwise."""
    if isinstance(fields, dict):
        return {name: _shuffled_field(name, value, chance) for name, value in fields.items()}
    return fields


_NUMBERS = {
    *("unitPrice", "flatFee", "amount", "limit", "numberValue"),
    *("greaterThan", "greaterThanOrEqual", "lessThan", "lessThanOrEqual"),
}


def _shuffled_field(name: str, value: Any, chance: random.Random) -> Any:
    if name in _NUMBERS:
        sign, value = ("-", value[1:]) if value.startswith("-") else (chance.choice(["", "+"]), value)
        zeros = "0" * chance.randrange(3)
        return sign + chance.choice(["", "0"]) + (f"{value}{zeros}" if "." in value else f"{value}.0{zeros}")
    if isinstance(value, list):
        entries = [_shuffled(entry, chance) for entry in value]
        if name not in {"tiers", "tierEnds"}:
            chance.shuffle(entries)
        return entries
    return _shuffled(value, chance)


@settings(max_examples=200)
@given(chances)
def test_the_same_in_other_words_is_no_change(chance: random.Random) -> None:
    plan = {"plan": samples.GOLD, "content": _shuffled(deepcopy(samples.CONTENT), chance)}
    features = [_shuffled(deepcopy(fields), chance) for fields in [*samples.FEATURES, samples.DELAY]]
    chance.shuffle(features)
    document = document_from_proto(samples.document(plans=[plan], features=features))
    done, _ = apply(document, HELD)
    assert {change.type for change in done.changes} == {ChangeType.UNCHANGED}


Edit = Callable[[plan_pb2.PlanContent], None]


def _yearly(content: plan_pb2.PlanContent) -> None:
    for charge in content.charges:
        charge.prices.add().CopyFrom(charge.prices[0])
        charge.prices[1].billing_period = charge_pb2.BILLING_PERIOD_YEARLY


def _german(content: plan_pb2.PlanContent) -> None:
    prices = content.charges[1].prices
    prices.add().CopyFrom(prices[0])
    prices[-1].country = "DE"


EDITS: dict[str, Edit] = {
    "years": _yearly,
    "name": lambda content: setattr(content.charges[1], "display_name", "Base fee"),
    "fee": lambda content: setattr(content.charges[1].prices[0], "amount", "100"),
    "tier end": lambda content: content.charges[0].tier_ends.__setitem__(1, "11"),
    "flat fee": lambda content: content.charges[0].prices[0].tiers[2].ClearField("flat_fee"),
    "maximum": lambda content: setattr(content.charges[0], "maximum_quantity", "50"),
    "minimum by default": lambda content: setattr(content.charges[0], "minimum_quantity", "1.0"),
    "hard": lambda content: setattr(content.entitlements[2].metered, "soft_limit", False),
    "unlimited": lambda content: content.entitlements[2].metered.CopyFrom(
        entitlement_pb2.MeteredEntitlement(unlimited=entitlement_pb2.Unlimited())
    ),
    "reset": lambda content: setattr(
        content.entitlements[2].metered.usage_reset, "interval", entitlement_pb2.RESET_INTERVAL_BILLING_PERIOD
    ),
    "more support": lambda content: content.entitlements[1].enum.values.append("phone"),
    "turned around": lambda content: content.entitlements.sort(key=lambda each: each.feature_id),
    "German price": _german,
    "trial": lambda content: content.trial.CopyFrom(plan_pb2.Trial(duration_days=14)),
    "base": lambda content: setattr(content, "base_plan_id", "bronze"),
    "add-ons": lambda content: content.compatible_add_on_ids.extend(["extra", "more"]),
    "no lounge": lambda content: content.entitlements.remove(
        next(each for each in content.entitlements if each.feature_id == "lounge")
    ),
}


def _edited(names: list[str]) -> PlanContent:
    message = samples.content(samples.CONTENT)
    # In the order of the table: the last edits move entitlements.
    for name, edit in EDITS.items():
        if name in names:
            edit(message)
    content, features = plan_content_from_proto(message), {each.id: each.spec for each in HELD.features.values()}
    mistakes = Mistakes()
    neighbors = {each: Neighbor("airport") for each in ("bronze", "extra", "more")}
    around = Surroundings(features, plans=neighbors, add_ons=neighbors)
    check_content(content, around, Owner("gold", "airport"), path="content", mistakes=mistakes)
    mistakes.check()
    settled = settle_content(content, around)
    assert plan_content_from_proto(plan_content_to_proto(settled)) == settled
    return settled


_names = st.lists(st.sampled_from(sorted(EDITS)), max_size=3, unique=True)


@settings(max_examples=200)
@given(_names, _names)
def test_contents_are_equal_exactly_when_their_outlines_are(some: list[str], others: list[str]) -> None:
    one, other = _edited(some), _edited(others)
    assert (outline_content(one) == outline_content(other)) == (_sorted(one) == _sorted(other))


def _sorted(content: PlanContent) -> PlanContent:
    charges = (
        replace(charge, prices=tuple(sorted(charge.prices, key=lambda price: str(price.key))))
        for charge in content.charges
    )
    entitlements = (
        replace(each, value=EnumEntitlement(tuple(sorted(each.value.values))))
        if isinstance(each.value, EnumEntitlement)
        else each
        for each in content.entitlements
    )
    return replace(
        content,
        compatible_add_on_ids=tuple(sorted(content.compatible_add_on_ids)),
        charges=tuple(sorted(charges, key=lambda charge: charge.id)),
        entitlements=tuple(sorted(entitlements, key=lambda each: each.feature_id)),
    )
