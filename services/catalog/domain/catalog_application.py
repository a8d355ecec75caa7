"""What the catalog becomes when a document is applied, and what happens on the way."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from catalog.domain.catalog_diff import ChangeType, ResourceChange, ResourceType
from catalog.domain.catalog_document import CatalogDocument, HeldCatalog, PlanDocument
from catalog.domain.feature import Feature, FeatureSpec, change_feature, create_feature
from catalog.domain.plan import Plan, PlanVersion, change_plan, create_plan, publish
from catalog.domain.product import Product, ProductSpec, change_product, create_product

# A new plan is made and published; another changes its name and is published.
REVISIONS_PER_CHANGE: Final = 2


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that the world must hear of: "created", "updated" or "published", with the thing's whole state."""

    verb: str
    thing: Feature | Product | Plan


@dataclass(slots=True)
class Application:
    """The new state of what changes, and what happened, in order. Not frozen: it grows thing by thing."""

    new_features: list[Feature] = field(default_factory=list)
    changed_features: list[Feature] = field(default_factory=list)
    new_products: list[Product] = field(default_factory=list)
    changed_products: list[Product] = field(default_factory=list)
    new_plans: list[Plan] = field(default_factory=list)
    changed_plans: list[Plan] = field(default_factory=list)
    versions: list[PlanVersion] = field(default_factory=list)
    happenings: list[Happening] = field(default_factory=list)


def carry_out(
    document: CatalogDocument,
    held: HeldCatalog,
    changes: Sequence[ResourceChange],
    *,
    now: datetime,
    revisions: Iterator[int],
) -> Application:
    """Applies a checked and settled document.

    Args:
        document: What the catalog should hold.
        held: What it holds.
        changes: How they differ, by `compare`.
        now: The time of every change.
        revisions: Ascending and new: `REVISIONS_PER_CHANGE` for each change.
    """
    step = _Step(held, now=now, revisions=revisions)
    by_thing = {(change.resource, change.id): change for change in changes}
    for feature in document.features:
        if by_thing[ResourceType.FEATURE, feature.id].type is not ChangeType.UNCHANGED:
            step.feature(feature)
    for product in document.products:
        if by_thing[ResourceType.PRODUCT, product.id].type is not ChangeType.UNCHANGED:
            step.product(product)
    for each in document.plans:
        change = by_thing[ResourceType.PLAN, each.plan.id]
        if change.type is not ChangeType.UNCHANGED:
            step.plan(each, change)
    return step.done


class _Step:
    """Applies one thing after another: features first, since plans take them along."""

    def __init__(self, held: HeldCatalog, *, now: datetime, revisions: Iterator[int]) -> None:
        self._held = held
        self._now = now
        self._revisions = revisions
        self._features = dict(held.features)
        self.done = Application()

    def feature(self, spec: FeatureSpec) -> None:
        held, revision = self._held.features.get(spec.id), next(self._revisions)
        if held is None:
            feature = create_feature(spec, self._now, revision=revision)
            self.done.new_features.append(feature)
        else:
            feature = change_feature(held, spec, self._now, revision=revision)
            self.done.changed_features.append(feature)
        self._features[spec.id] = feature
        self._happens("updated" if held else "created", feature)

    def product(self, spec: ProductSpec) -> None:
        held, revision = self._held.products.get(spec.id), next(self._revisions)
        if held is None:
            product = create_product(spec, self._now, revision=revision)
            self.done.new_products.append(product)
        else:
            product = change_product(held, spec, self._now, revision=revision)
            self.done.changed_products.append(product)
        self._happens("updated" if held else "created", product)

    def plan(self, each: PlanDocument, change: ResourceChange) -> None:
        held = self._held.plans.get(each.plan.id)
        plan = held or create_plan(each.plan, self._now, revision=next(self._revisions))
        if held is None:
            self._happens("created", plan)
        elif change.names_differ:
            plan = change_plan(held, each.plan, self._now, revision=next(self._revisions))
            self._happens("updated", plan)
        if change.content_differs and each.content is not None:
            revision = next(self._revisions)
            plan, version = publish(plan, each.content, self._features, now=self._now, revision=revision)
            self.done.versions.append(version)
            self._happens("published", plan)
        (self.done.changed_plans if held else self.done.new_plans).append(plan)

    def _happens(self, verb: str, thing: Feature | Product | Plan) -> None:
        self.done.happenings.append(Happening(verb, thing))
