"""A whole catalog as one document, and every mistake in it at once."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Final

from catalog.domain.feature import (
    Feature,
    FeatureSpec,
    MeteredFeature,
    check_feature,
    fixed_differences,
    settle_feature,
)
from catalog.domain.mistakes import BoundedMistakes
from catalog.domain.plan import Plan, PlanSpec, PlanVersion, check_plan, settle_plan
from catalog.domain.plan_content import PlanContent, check_content, settle_content
from catalog.domain.product import Product, ProductSpec, check_product, settle_product
from catalog.domain.text import check_count, check_unique
from kernel.errors import ErrorKind, FieldViolation, Mistakes, TollkeeperError

MAX_FEATURES: Final = 1_000
MAX_PRODUCTS: Final = 100
MAX_PLANS: Final = 500

# What a refusal lists of plan ids: they travel in headers, of which clients accept little.
_MAX_LISTED: Final = 2_000


@dataclass(frozen=True, slots=True)
class PlanDocument:
    """A plan with its content, as a document writes it."""

    plan: PlanSpec
    content: PlanContent | None


@dataclass(frozen=True, slots=True)
class CatalogDocument:
    """Features, products and plans that the catalog should hold."""

    features: tuple[FeatureSpec, ...]
    products: tuple[ProductSpec, ...]
    plans: tuple[PlanDocument, ...]

    @property
    def feature_ids(self) -> frozenset[str]:
        """The features that it lists or that its plans name."""
        named = {feature_id for each in self.plans if each.content for feature_id in each.content.feature_ids}
        return frozenset(named | {feature.id for feature in self.features})

    @property
    def product_ids(self) -> frozenset[str]:
        """The products that it lists or that its plans name."""
        return frozenset([product.id for product in self.products] + [each.plan.product_id for each in self.plans])

    @property
    def plan_ids(self) -> frozenset[str]:
        """The plans that it lists."""
        return frozenset(each.plan.id for each in self.plans)


@dataclass(frozen=True, slots=True)
class HeldCatalog:
    """What the catalog holds of what a document lists or names, by id.

    Attributes:
        versions: The newest published version of each plan that has one.
    """

    features: Mapping[str, Feature]
    products: Mapping[str, Product]
    plans: Mapping[str, Plan]
    versions: Mapping[str, PlanVersion]


def check_document(document: CatalogDocument, held: HeldCatalog) -> None:
    """Refuses a document with mistakes, and one whose plans are being edited otherwise.

    Raises:
        TollkeeperError: `INVALID_FIELD` naming every mistake; `DRAFT_OPEN` naming every plan with an open draft.
    """
    mistakes = BoundedMistakes()
    check_count(document.features, "features", mistakes, least=0, most=MAX_FEATURES)
    check_unique([feature.id for feature in document.features], "features", mistakes, field="id")
    for number, feature in enumerate(document.features):
        _check_feature(feature, held.features.get(feature.id), path=f"features[{number}]", mistakes=mistakes)
    check_count(document.products, "products", mistakes, least=0, most=MAX_PRODUCTS)
    check_unique([product.id for product in document.products], "products", mistakes, field="id")
    for number, product in enumerate(document.products):
        check_product(product, f"products[{number}]", mistakes)
    check_count(document.plans, "plans", mistakes, least=0, most=MAX_PLANS)
    check_unique([each.plan.id for each in document.plans], "plans", mistakes, field="plan.id")
    features, products = features_of(document, held), held.products.keys() | {each.id for each in document.products}
    for number, each in enumerate(document.plans):
        path = f"plans[{number}]"
        _check_plan(each.plan, products, held=held.plans.get(each.plan.id), path=f"{path}.plan", mistakes=mistakes)
        if each.content is None:
            mistakes.add(f"{path}.content", "is required: what the plan includes and what it costs")
        else:
            check_content(each.content, features, path=f"{path}.content", mistakes=mistakes)
    mistakes.check()
    _refuse_open_drafts(document, held)


def settle_document(document: CatalogDocument, held: HeldCatalog) -> CatalogDocument:
    """The checked document with its defaults filled in and its numbers canonical."""
    features = features_of(document, held)

    def settled(each: PlanDocument) -> PlanDocument:
        content = None if each.content is None else settle_content(each.content, features)
        return PlanDocument(settle_plan(each.plan), content)

    return CatalogDocument(
        features=tuple(map(settle_feature, document.features)),
        products=tuple(map(settle_product, document.products)),
        plans=tuple(map(settled, document.plans)),
    )


def features_of(document: CatalogDocument, held: HeldCatalog) -> Mapping[str, FeatureSpec]:
    """The features that the document's plans can name: its own and the catalog's, by id."""
    held_specs = {feature.id: feature.spec for feature in held.features.values()}
    return held_specs | {spec.id: spec for spec in document.features}


def _check_feature(spec: FeatureSpec, held: Feature | None, *, path: str, mistakes: Mistakes) -> None:
    before = len(mistakes.found)
    check_feature(spec, path, mistakes)
    if held is None:
        return
    clean = len(mistakes.found) == before
    for field, message in fixed_differences(held.spec, settle_feature(spec) if clean else _readable(spec, held)):
        mistakes.add(f"{path}.{field}", message)


def _readable(spec: FeatureSpec, held: Feature) -> FeatureSpec:
    """A feature with mistakes, without the part that cannot be compared as it is."""
    match spec.type, held.type:
        case MeteredFeature(), MeteredFeature(meter=meter):
            return replace(spec, type=replace(spec.type, meter=meter))
        case _:
            return spec


def _check_plan(
    spec: PlanSpec, products: AbstractSet[str], *, held: Plan | None, path: str, mistakes: Mistakes
) -> None:
    check_plan(spec, path, mistakes)
    if held is not None and held.product_id != spec.product_id:
        mistakes.add(f"{path}.product_id", f"is {held.product_id} for ever: make a new plan instead")
    elif spec.product_id and spec.product_id not in products:
        mistakes.add(f"{path}.product_id", "must be the id of a product: there is none with this one")


def _refuse_open_drafts(document: CatalogDocument, held: HeldCatalog) -> None:
    ids = [each.plan.id for each in document.plans]
    violations = tuple(
        FieldViolation(f"plans[{number}].plan.id", "has an open draft: publish or discard it first")
        for number, plan_id in enumerate(ids)
        if plan_id in held.plans and held.plans[plan_id].has_draft
    )
    if not violations:
        return
    listed = ", ".join(plan_id for plan_id in ids if plan_id in held.plans and held.plans[plan_id].has_draft)
    if len(listed) > _MAX_LISTED:
        listed = f"{listed[:_MAX_LISTED].rpartition(', ')[0]}, …"
    raise TollkeeperError(
        ErrorKind.FAILED_PRECONDITION,
        "DRAFT_OPEN",
        f"These plans have an open draft that the document did not make: {listed}. Publish or discard each first.",
        violations,
        {"plan_ids": listed},
    )
