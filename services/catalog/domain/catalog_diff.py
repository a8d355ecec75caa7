"""How a document differs from the catalog: a pure comparison, place by place."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from catalog.domain.catalog_document import CatalogDocument, HeldCatalog, PlanDocument, features_of
from catalog.domain.charge import Charge
from catalog.domain.feature import FeatureSpec
from catalog.domain.outline import Outline, outline_content, outline_feature, outline_names
from catalog.domain.plan import PlanVersion
from catalog.domain.plan_content import PlanContent, default_name, named_content


class ResourceType(StrEnum):
    """The kinds of things in a catalog."""

    FEATURE = "FEATURE"
    PRODUCT = "PRODUCT"
    PLAN = "PLAN"


class ChangeType(StrEnum):
    """Whether a thing is new, different or equal."""

    CREATED = "CREATED"
    CHANGED = "CHANGED"
    UNCHANGED = "UNCHANGED"


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One place where a thing differs; empty text where nothing stands."""

    path: str
    old_value: str
    new_value: str


@dataclass(frozen=True, slots=True)
class ResourceChange:
    """How one thing of the document differs from the catalog.

    Attributes:
        fields: Where it differs; empty unless changed.
        plan_version: Of a plan: the version that is, or would be, the newest afterwards.
    """

    resource: ResourceType
    id: str
    type: ChangeType
    fields: tuple[FieldChange, ...] = ()
    plan_version: int = 0

    @property
    def names_differ(self) -> bool:
        """Whether anything but a plan's content differs."""
        return any(not field.path.startswith("content.") for field in self.fields)

    @property
    def content_differs(self) -> bool:
        """Whether a plan's content differs, so that it gets a new version."""
        return self.type is ChangeType.CREATED or any(field.path.startswith("content.") for field in self.fields)


def compare(document: CatalogDocument, held: HeldCatalog) -> tuple[ResourceChange, ...]:
    """One change for each thing of a checked and settled document: features, products, plans, in its order."""
    changes: list[ResourceChange] = []
    for feature in document.features:
        known = held.features.get(feature.id)
        old = None if known is None else outline_feature(known.spec)
        changes.append(_change(ResourceType.FEATURE, feature.id, old=old, new=outline_feature(feature)))
    for product in document.products:
        had = held.products.get(product.id)
        old = None if had is None else outline_names(had.display_name, had.description)
        new = outline_names(product.display_name, product.description)
        changes.append(_change(ResourceType.PRODUCT, product.id, old=old, new=new))
    features = features_of(document, held)
    changes += [_compare_plan(each, features, held) for each in document.plans]
    return tuple(changes)


def _compare_plan(each: PlanDocument, features: Mapping[str, FeatureSpec], held: HeldCatalog) -> ResourceChange:
    plan, published = held.plans.get(each.plan.id), held.versions.get(each.plan.id)
    content = named_content(each.content or PlanContent(None), features, each.plan.display_name)
    new = outline_names(each.plan.display_name, each.plan.description)
    old = None if plan is None else outline_names(plan.display_name, plan.description)
    if old is None or published is None:
        new |= outline_content(content)
    else:
        content = _keep_default_names(content, each.content or content, published)
        old_part, new_part = _without_the_same(published.content, content)
        old |= outline_content(old_part)
        new |= outline_content(new_part)
    change = _change(ResourceType.PLAN, each.plan.id, old=old, new=new)
    latest = 0 if plan is None else plan.latest_version
    return replace(change, plan_version=latest + 1 if change.content_differs else latest)


def _without_the_same(one: PlanContent, other: PlanContent) -> tuple[PlanContent, PlanContent]:
    """Both without what stands in both: most of a large catalog, of which no outline need be made."""
    charges = frozenset(one.charges) & frozenset(other.charges)
    entitlements = frozenset(one.entitlements) & frozenset(other.entitlements)

    def rest(content: PlanContent) -> PlanContent:
        return replace(
            content,
            entitlements=tuple(each for each in content.entitlements if each not in entitlements),
            charges=tuple(charge for charge in content.charges if charge not in charges),
        )

    return rest(one), rest(other)


def _keep_default_names(named: PlanContent, written: PlanContent, published: PlanVersion) -> PlanContent:
    """The named content, where a name left out again stays as published.

    Renaming a feature or a plan so makes no new version: a published version keeps the name that it was sold under.
    """
    features = {feature.id: feature.spec for feature in published.features}
    names = {charge.id: charge.display_name for charge in published.content.charges}

    def kept(charge: Charge, as_written: Charge) -> Charge:
        default = default_name(charge, features, published.display_name)
        keeps = not as_written.display_name and default and names.get(charge.id) == default
        return replace(charge, display_name=default) if keeps else charge

    return replace(named, charges=tuple(map(kept, named.charges, written.charges)))


def _change(resource: ResourceType, id: str, *, old: Outline | None, new: Outline) -> ResourceChange:
    if old is None:
        return ResourceChange(resource, id, ChangeType.CREATED)
    paths = [path for path in new if new[path] != old.get(path)] + [path for path in old if path not in new]
    fields = tuple(FieldChange(path, old.get(path, ""), new.get(path, "")) for path in paths)
    return ResourceChange(resource, id, ChangeType.CHANGED if fields else ChangeType.UNCHANGED, fields)
