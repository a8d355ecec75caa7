"""What updates of products and plans may change."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from catalog.domain.plan import Plan, PlanSpec, check_plan, settle_plan
from catalog.domain.product import Product, ProductSpec, check_product, settle_product
from catalog.domain.update_mask import OUTPUT_ONLY, check_mask
from kernel.errors import Mistakes, precondition

_CHANGEABLE: Final = frozenset({"display_name", "description"})
_PLAN_OUTPUT_ONLY: Final = OUTPUT_ONLY | {"latest_version", "has_draft"}


def revise_product(product: Product, spec: ProductSpec, paths: Sequence[str]) -> ProductSpec:
    """The product's settled spec with the named fields, or with all where none is named, taken from `spec`.

    Raises:
        TollkeeperError: `INVALID_FIELD`.
    """
    mistakes = Mistakes()
    check_mask(paths, _CHANGEABLE, mistakes, output_only=OUTPUT_ONLY)
    named = frozenset(paths) or _CHANGEABLE
    revised = replace(
        product.spec,
        display_name=spec.display_name if "display_name" in named else product.display_name,
        description=spec.description if "description" in named else product.description,
    )
    check_product(revised, "product", mistakes)
    mistakes.check()
    return settle_product(revised)


def revise_plan(plan: Plan, spec: PlanSpec, paths: Sequence[str]) -> PlanSpec:
    """The plan's settled spec with the named fields, or with all where none is named, taken from `spec`.

    Raises:
        TollkeeperError: `INVALID_FIELD`; `PLAN_IMMUTABLE_FIELD`.
    """
    mistakes = Mistakes()
    check_mask(paths, _CHANGEABLE | {"product_id"}, mistakes, output_only=_PLAN_OUTPUT_ONLY)
    named = frozenset(paths) or _CHANGEABLE
    revised = replace(
        plan.spec,
        display_name=spec.display_name if "display_name" in named else plan.display_name,
        description=spec.description if "description" in named else plan.description,
    )
    check_plan(revised, "plan", mistakes)
    mistakes.check()
    if "product_id" in paths or (not paths and spec.product_id not in {"", plan.product_id}):
        message = f"The plan {plan.id} belongs to the product {plan.product_id} for ever. Make a new plan instead."
        raise precondition("PLAN_IMMUTABLE_FIELD", message, plan_id=plan.id, field="product_id")
    return settle_plan(revised)
