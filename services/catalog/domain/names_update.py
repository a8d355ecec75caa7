"""What updates of products, plans, add-ons and coupons may change: their names, and whether they are still offered."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from catalog.domain.coupon import Coupon, CouponSpec, check_coupon, fixed_coupon_differences, settle_coupon
from catalog.domain.errors import immutable
from catalog.domain.offering import Offering, OfferingSpec, check_offering, settle_offering
from catalog.domain.product import Product, ProductSpec, check_product, settle_product
from catalog.domain.update_mask import OUTPUT_ONLY, check_mask
from kernel.errors import Mistakes, precondition

_NAMES: Final = frozenset({"display_name", "description", "archived"})
_OF_PRODUCTS: Final = frozenset({"display_name", "description", "multiple_subscriptions"})
_OFFERING_OUTPUT_ONLY: Final = OUTPUT_ONLY | {"latest_version", "has_draft", "carried_version", "etag"}
_FIXED_OF_COUPONS: Final = frozenset({"percent_off", "amount_off", "duration", "duration_months"})


def revise_product(product: Product, spec: ProductSpec, paths: Sequence[str]) -> ProductSpec:
    """The product's settled spec with the named fields, or with all where none is named, taken from `spec`.

    Raises:
        TollkeeperError: `INVALID_FIELD`.
    """
    mistakes = Mistakes()
    check_mask(paths, _OF_PRODUCTS, mistakes, output_only=OUTPUT_ONLY)
    revised = replace(product.spec, **_taken(spec, paths, _OF_PRODUCTS))
    check_product(revised, "product", mistakes)
    mistakes.check()
    return settle_product(revised)


def revise_offering(offering: Offering, spec: OfferingSpec, paths: Sequence[str]) -> OfferingSpec:
    """The offering's settled spec with the named fields, or with all where none is named, taken from `spec`.

    Raises:
        TollkeeperError: `INVALID_FIELD`; `PLAN_IMMUTABLE_FIELD`; `ADD_ON_IMMUTABLE_FIELD`.
    """
    kind, mistakes = offering.kind, Mistakes()
    check_mask(paths, _NAMES | {"product_id"}, mistakes, output_only=_OFFERING_OUTPUT_ONLY)
    revised = replace(offering.spec, **_taken(spec, paths, _NAMES))
    check_offering(revised, kind.field, mistakes)
    mistakes.check()
    if "product_id" in paths or (not paths and spec.product_id not in {"", offering.product_id}):
        belongs = f"The {kind.word} {offering.id} belongs to the product {offering.product_id} for ever."
        raise precondition(
            f"{kind}_IMMUTABLE_FIELD",
            f"{belongs} Make a new {kind.word} instead.",
            **{f"{kind.field}_id": offering.id, "field": "product_id"},
        )
    return settle_offering(revised)


def revise_coupon(coupon: Coupon, spec: CouponSpec, paths: Sequence[str]) -> CouponSpec:
    """The coupon's settled spec with the named fields, or with all where none is named, taken from `spec`.

    Raises:
        TollkeeperError: `INVALID_FIELD`; `COUPON_IMMUTABLE_FIELD`.
    """
    mistakes = Mistakes()
    check_mask(paths, _NAMES | _FIXED_OF_COUPONS, mistakes, output_only=OUTPUT_ONLY)
    revised = replace(coupon.spec, **_taken(spec, paths, _NAMES))
    if not paths:
        # What is left out is left alone; what is given must be what it is.
        given = spec.duration is not None or spec.duration_months != 0
        revised = replace(
            revised,
            discount=spec.discount or coupon.spec.discount,
            duration=spec.duration or coupon.spec.duration,
            duration_months=spec.duration_months if given else coupon.spec.duration_months,
        )
    check_coupon(revised, "coupon", mistakes)
    mistakes.check()
    settled = settle_coupon(revised)
    named = [(path, "never changes: leave it out of update_mask") for path in paths if path in _FIXED_OF_COUPONS]
    differences = named or list(fixed_coupon_differences(coupon.spec, settled))
    if differences:
        raise immutable("coupon", differences)
    return settled


def _taken(spec: Any, paths: Sequence[str], names: frozenset[str]) -> dict[str, Any]:
    return {name: getattr(spec, name) for name in names if not paths or name in paths}
