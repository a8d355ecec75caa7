"""How things of a document differ from the catalog: a pure comparison, place by place."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, TypeVar

from catalog.domain.charge import Charge
from catalog.domain.content import Content, default_name, named_content
from catalog.domain.feature import FeatureSpec
from catalog.domain.offering import OfferingVersion
from catalog.domain.outline import Outline, outline_content, outline_entitlements
from catalog.domain.plan import PlanVersion

C = TypeVar("C", bound=Content)


class ResourceType(StrEnum):
    """The kinds of things in a catalog, in the order in which they are told of: what is named before what names it."""

    FEATURE = "FEATURE"
    PRODUCT = "PRODUCT"
    ADD_ON = "ADD_ON"
    PLAN = "PLAN"
    COUPON = "COUPON"


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


Fields = tuple[FieldChange, ...]


@dataclass(frozen=True, slots=True)
class ResourceChange:
    """How one thing of the document differs from the catalog.

    Attributes:
        fields: Where it differs; empty unless changed.
        version: Of a plan or an add-on: the version that is, or would be, the newest afterwards.
    """

    resource: ResourceType
    id: str
    type: ChangeType
    fields: Fields = ()
    version: int = 0


def change_of(
    resource: ResourceType, id: str, *, old: Outline | None, new: Outline, more: Fields = ()
) -> ResourceChange:
    """How a thing differs, of which the catalog had `old`, and `more` beside it; None where it had nothing."""
    if old is None:
        return ResourceChange(resource, id, ChangeType.CREATED)
    fields = (*differences(old, new), *more)
    return ResourceChange(resource, id, ChangeType.CHANGED if fields else ChangeType.UNCHANGED, fields)


def differences(old: Outline, new: Outline) -> Fields:
    """Each place where two outlines differ: those of the new one first."""
    paths = [path for path in new if new[path] != old.get(path)] + [path for path in old if path not in new]
    return tuple(FieldChange(path, old.get(path, ""), new.get(path, "")) for path in paths)


def content_fields(old: Content | None, new: Content, path: str = "content") -> Fields:
    """Each place where two contents differ; where there was none, each place of the new one."""
    if old is None:
        return differences({}, outline_content(new, path))
    old_part, new_part = _without_the_same(old, new)
    return differences(outline_content(old_part, path), outline_content(new_part, path))


def completion_fields(old: PlanVersion, new: PlanVersion, told: Fields) -> Fields:
    """Each place where what two plan versions took along from around them differs.

    Args:
        old: As published.
        new: As it would be published.
        told: What is said already of their contents: a plan's own entitlement is not told twice.
    """
    same = frozenset(old.effective_entitlements) & frozenset(new.effective_entitlements)
    where = "effective_entitlements"
    effective = differences(
        outline_entitlements([each for each in old.effective_entitlements if each not in same], where),
        outline_entitlements([each for each in new.effective_entitlements if each not in same], where),
    )
    fields = [each for each in effective if replace(each, path=f"content.{_own(each.path)}") not in told]
    pinned = {add_on.id: add_on.content for add_on in old.add_ons}
    for add_on in new.add_ons:
        # An add-on that comes or goes is told by the content's own list.
        if add_on.id in pinned:
            fields += content_fields(pinned[add_on.id], add_on.content, f"add_ons[{add_on.id}].content")
    if old.multiple_subscriptions != new.multiple_subscriptions:
        said = {True: "true", False: "false"}
        fields.append(
            FieldChange("multiple_subscriptions", said[old.multiple_subscriptions], said[new.multiple_subscriptions])
        )
    return tuple(fields)


def kept_names(content: C, features: Mapping[str, FeatureSpec], name: str, *, version: OfferingVersion[Any]) -> C:
    """The settled content with its charges' names, where a name left out again stays as published.

    Renaming a feature or a plan so makes no new version: a published version keeps the name that it was sold under.
    """
    had = {feature.id: feature.spec for feature in version.features}
    names = {charge.id: charge.display_name for charge in version.content.charges}

    def kept(charge: Charge, as_written: Charge) -> Charge:
        default = default_name(charge, had, version.display_name)
        keeps = not as_written.display_name and default and names.get(charge.id) == default
        return replace(charge, display_name=default) if keeps else charge

    named = named_content(content, features, name)
    return replace(named, charges=tuple(map(kept, named.charges, content.charges)))


def _own(path: str) -> str:
    return path.removeprefix("effective_")


def _without_the_same(one: Content, other: Content) -> tuple[Content, Content]:
    """Both without what stands in both: most of a large catalog, of which no outline need be made."""
    charges = frozenset(one.charges) & frozenset(other.charges)
    entitlements = frozenset(one.entitlements) & frozenset(other.entitlements)
    return _without(one, charges, entitlements), _without(other, charges, entitlements)


def _without(content: Content, charges: AbstractSet[Any], entitlements: AbstractSet[Any]) -> Content:
    return replace(
        content,
        entitlements=tuple(each for each in content.entitlements if each not in entitlements),
        charges=tuple(charge for charge in content.charges if charge not in charges),
    )
