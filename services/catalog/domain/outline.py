"""A thing of the catalog as a flat list of its places and what stands there, as text.

Two settled things are equal exactly when their outlines are, as mappings: lists are keyed by the ids in them, so that
their order means nothing, except that of tiers, which are numbered.
"""

from collections.abc import Iterator
from typing import assert_never

from catalog.domain.charge import Charge, Price
from catalog.domain.entitlement import (
    BooleanEntitlement,
    Entitlement,
    EnumEntitlement,
    Limit,
    MeteredEntitlement,
    Unlimited,
)
from catalog.domain.feature import EnumFeature, FeatureSpec, MeteredFeature
from catalog.domain.plan_content import PlanContent
from catalog.domain.usage_reset import UsageReset

Outline = dict[str, str]


def outline_names(display_name: str, description: str) -> Outline:
    """What people read of any thing."""
    return _said({"display_name": display_name, "description": description})


def outline_feature(spec: FeatureSpec) -> Outline:
    """What of a feature may change."""
    outline = outline_names(spec.display_name, spec.description)
    match spec.type:
        case EnumFeature(values=values):
            return outline | {f"enum.values[{value}]": value for value in values}
        case MeteredFeature():
            units = {"unit_singular": spec.type.unit_singular, "unit_plural": spec.type.unit_plural}
            return outline | {f"metered.{name}": unit for name, unit in units.items()}
        case _:
            return outline


def outline_content(content: PlanContent) -> Outline:
    """What a plan includes and what it costs."""
    outline = _said({"content.pricing_type": content.pricing_type or ""})
    for entitlement in content.entitlements:
        outline |= dict(_entitlement(entitlement, f"content.entitlements[{entitlement.feature_id}]"))
    for charge in content.charges:
        outline |= _charge(charge, f"content.charges[{charge.id}]")
    return outline


def _entitlement(entitlement: Entitlement, path: str) -> Iterator[tuple[str, str]]:
    match entitlement.value:
        case BooleanEntitlement():
            yield f"{path}.boolean", "true"
        case EnumEntitlement(values=values):
            for value in values:
                yield f"{path}.enum.values[{value}]", value
        case MeteredEntitlement():
            yield from _metered(entitlement.value, f"{path}.metered")
        case None:
            pass
        case _:
            assert_never(entitlement.value)


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
        said |= _price(price, f"{path}.prices[{price.billing_period} {price.currency}]")
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
