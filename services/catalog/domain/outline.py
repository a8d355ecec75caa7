"""A thing of the catalog as a flat list of its places and what stands there, as text.

Two settled things are equal exactly when their outlines are, as mappings: lists are keyed by the ids in them, so that
their order means nothing, except that of tiers, which are numbered.
"""

from collections.abc import Iterable, Iterator
from typing import assert_never

from catalog.domain.add_on_content import AddOnContent
from catalog.domain.charge import Charge, Price
from catalog.domain.content import Content
from catalog.domain.coupon import CouponSpec, FixedDiscount, PercentOff
from catalog.domain.entitlement import (
    BooleanEntitlement,
    Entitlement,
    EnumEntitlement,
    Limit,
    MeteredEntitlement,
    NumericEntitlement,
    Unlimited,
)
from catalog.domain.feature import EnumFeature, FeatureSpec, MeteredFeature, NumericFeature
from catalog.domain.offering import OfferingSpec
from catalog.domain.plan_content import PlanContent
from catalog.domain.product import ProductSpec
from catalog.domain.thresholds import settle_thresholds
from catalog.domain.usage_reset import UsageReset

Outline = dict[str, str]


def outline_feature(spec: FeatureSpec) -> Outline:
    """What of a feature may change."""
    outline = _names(spec) | ({"shadow_mode": "true"} if spec.shadow_mode else {})
    match spec.type:
        case EnumFeature(values=values):
            return outline | {f"enum.values[{value}]": value for value in values}
        case NumericFeature(unit_singular=singular, unit_plural=plural):
            return outline | {"numeric.unit_singular": singular, "numeric.unit_plural": plural}
        case MeteredFeature(unit_singular=singular, unit_plural=plural, thresholds=percents):
            announced = map(str, settle_thresholds(percents))
            outline |= {f"metered.thresholds.percents[{percent}]": percent for percent in announced}
            return outline | {"metered.unit_singular": singular, "metered.unit_plural": plural}
        case _:
            return outline


def outline_product(spec: ProductSpec) -> Outline:
    """What a vendor says of a product."""
    several = {"multiple_subscriptions": "true"} if spec.multiple_subscriptions else {}
    return _said({"display_name": spec.display_name, "description": spec.description}) | several


def outline_offering(spec: OfferingSpec) -> Outline:
    """What of a plan or an add-on may change, besides its content."""
    return _names(spec)


def outline_coupon(spec: CouponSpec) -> Outline:
    """What a vendor says of a coupon."""
    outline = _names(spec) | {"duration": str(spec.duration or "")}
    match spec.discount:
        case PercentOff(percent=percent):
            outline["percent_off"] = percent
        case FixedDiscount(amounts=amounts):
            outline |= {f"amount_off.amounts[{each.currency}]": each.amount for each in amounts}
        case None:
            pass
    return outline | ({"duration_months": str(spec.duration_months)} if spec.duration_months else {})


def outline_content(content: Content, path: str = "content") -> Outline:
    """What a plan or an add-on includes and what it costs."""
    outline: Outline = {}
    match content:
        case PlanContent():
            outline |= _of_plan(content, path)
        case AddOnContent():
            outline |= _of_add_on(content, path)
        case _:
            pass
    outline |= outline_entitlements(content.entitlements, f"{path}.entitlements")
    for charge in content.charges:
        outline |= _charge(charge, f"{path}.charges[{charge.id}]")
    return outline


def outline_entitlements(entitlements: Iterable[Entitlement], path: str) -> Outline:
    """What is granted."""
    outline: Outline = {}
    for entitlement in entitlements:
        outline |= dict(_entitlement(entitlement, f"{path}[{entitlement.feature_id}]"))
    return outline


def _names(spec: FeatureSpec | OfferingSpec | CouponSpec) -> Outline:
    names = _said({"display_name": spec.display_name, "description": spec.description})
    return names | ({"archived": "true"} if spec.archived else {})


def _of_plan(content: PlanContent, path: str) -> Outline:
    outline = {
        f"{path}.pricing_type": content.pricing_type or "",
        f"{path}.base_plan_id": content.base_plan_id,
        **{f"{path}.compatible_add_on_ids[{each}]": each for each in content.compatible_add_on_ids},
    }
    if content.trial is not None:
        outline[f"{path}.trial.duration_days"] = str(content.trial.duration_days)
        outline[f"{path}.trial.end_behavior"] = str(content.trial.end_behavior or "")
    return _said(outline)


def _of_add_on(content: AddOnContent, path: str) -> Outline:
    maximum = {f"{path}.maximum_quantity": str(content.maximum_quantity)} if content.maximum_quantity else {}
    return maximum | {f"{path}.required_add_on_ids[{each}]": each for each in content.required_add_on_ids}


def _entitlement(entitlement: Entitlement, path: str) -> Iterator[tuple[str, str]]:
    match entitlement.value:
        case BooleanEntitlement():
            yield f"{path}.boolean", "true"
        case EnumEntitlement(values=values):
            for value in values:
                yield f"{path}.enum.values[{value}]", value
        case MeteredEntitlement():
            yield from _metered(entitlement.value, f"{path}.metered")
        case NumericEntitlement(number=number):
            yield f"{path}.numeric.value", number
        case None:
            pass
        case _:
            assert_never(entitlement.value)
    if entitlement.merge_behavior is not None:
        yield f"{path}.merge_behavior", str(entitlement.merge_behavior)


def _metered(value: MeteredEntitlement, path: str) -> Iterator[tuple[str, str]]:
    match value.bound:
        case Limit(units=units):
            yield f"{path}.limit", units
            yield f"{path}.soft_limit", "true" if value.soft_limit else "false"
        case Unlimited():
            yield f"{path}.unlimited", "true"
        case None:
            pass
        case _:
            assert_never(value.bound)
    yield from _reset(value.usage_reset, path).items()


def _charge(charge: Charge, path: str) -> Outline:
    outline = {
        "display_name": charge.display_name,
        "billing_model": charge.billing_model or "",
        "feature_id": charge.feature_id,
        "pricing_model": str(charge.pricing_model or ""),
        **{f"tier_ends[{number}]": end for number, end in enumerate(charge.tier_ends)},
        "block_size": charge.block_size,
        "minimum_quantity": charge.minimum_quantity,
        "maximum_quantity": charge.maximum_quantity,
    }
    said = _said({f"{path}.{name}": text for name, text in outline.items()})
    for price in charge.prices:
        what_for = " ".join(filter(None, map(str, price.key)))
        said |= _price(price, f"{path}.prices[{what_for}]")
    return said | _reset(charge.usage_reset, path)


def _price(price: Price, path: str) -> Outline:
    outline = {f"{path}.amount": price.amount}
    for number, tier in enumerate(price.tiers):
        where = f"{path}.tiers[{number}]"
        outline[f"{where}.unit_price"] = tier.unit_price
        outline[f"{where}.flat_fee"] = tier.flat_fee
        outline[f"{where}.total_price"] = tier.total_price
    return _said(outline)


def _reset(reset: UsageReset | None, path: str) -> Outline:
    if reset is None:
        return {}
    parts = {"interval": reset.interval, "anchor": reset.anchor, "week_start": reset.week_start}
    return {f"{path}.usage_reset.{name}": str(part) for name, part in parts.items() if part is not None}


def _said(outline: Outline) -> Outline:
    """Without the places where nothing stands."""
    return {path: text for path, text in outline.items() if text}
