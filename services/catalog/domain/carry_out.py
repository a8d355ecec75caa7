"""Applies a checked document: what is named goes before what names it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Generic, TypeVar

from catalog.domain.add_on import AddOn, AddOnVersion
from catalog.domain.catalog_application import Application, Happening, Written
from catalog.domain.catalog_diff import (
    ChangeType,
    FieldChange,
    Fields,
    ResourceChange,
    ResourceType,
    change_of,
    completion_fields,
    content_fields,
    kept_names,
)
from catalog.domain.catalog_document import (
    AddOnDocument,
    CatalogDocument,
    HeldCatalog,
    OfferingDocument,
    PlanDocument,
    surroundings_of,
)
from catalog.domain.content import Content, named_content
from catalog.domain.coupon import Coupon, change_coupon, create_coupon
from catalog.domain.feature import Feature, change_feature, create_feature
from catalog.domain.mistakes import BoundedMistakes
from catalog.domain.offering import (
    O,
    Offering,
    OfferingVersion,
    change_offering,
    create_offering,
    next_version,
    publish,
)
from catalog.domain.outline import Outline, outline_coupon, outline_feature, outline_offering, outline_product
from catalog.domain.plan import Completion, Plan, complete_version, publish_plan
from catalog.domain.product import Product, change_product, create_product
from catalog.domain.surroundings import check_in_use
from kernel.errors import Mistakes

# A new plan is made and published; another changes its name and is published.
REVISIONS_PER_THING: Final = 2

T = TypeVar("T", Feature, Product, Coupon)


def carry_out(
    document: CatalogDocument, held: HeldCatalog, *, now: datetime, revisions: Iterator[int], carry: bool = False
) -> Application:
    """Compares a checked and settled document with the catalog, and applies it.

    Args:
        document: What the catalog should hold.
        held: What it holds.
        now: The time of every change.
        revisions: Ascending and new: `REVISIONS_PER_THING` for each thing of the document at most.
        carry: Whether the entitlements of the plan versions that are published reach older subscriptions.

    Raises:
        TollkeeperError: `INVALID_FIELD`: what would be published anew names something archived.
    """
    step = _Step(document, held, now=now, revisions=revisions)
    done = step.done
    for feature in document.features:
        step.features[feature.id] = step.thing(_FEATURES, feature, held.features.get(feature.id), done.features)
    for product in document.products:
        step.products[product.id] = step.thing(_PRODUCTS, product, held.products.get(product.id), done.products)
    done.changes += [step.add_on(number, add_on) for number, add_on in enumerate(document.add_ons)]
    by_number = {number: step.plan(number, document.plans[number], carry=carry) for number in _bases_first(document)}
    done.changes += [by_number[number] for number in range(len(document.plans))]
    order = {each.spec.id: number for number, each in enumerate(document.plans)}
    done.plan_versions.sort(key=lambda version: order[version.id])
    for coupon in document.coupons:
        step.thing(_COUPONS, coupon, held.coupons.get(coupon.id), done.coupons)
    step.mistakes.check()
    return done


@dataclass(frozen=True, slots=True)
class _Kind(Generic[T]):
    """How things without versions are compared, made and changed."""

    resource: ResourceType
    outline: Callable[[Any], Outline]
    create: Callable[..., T]
    change: Callable[..., T]


_FEATURES: Final = _Kind(ResourceType.FEATURE, outline_feature, create_feature, change_feature)
_PRODUCTS: Final = _Kind(ResourceType.PRODUCT, outline_product, create_product, change_product)
_COUPONS: Final = _Kind(ResourceType.COUPON, outline_coupon, create_coupon, change_coupon)


class _Step:
    """Applies one thing after another: what is named before what names it."""

    def __init__(
        self, document: CatalogDocument, held: HeldCatalog, *, now: datetime, revisions: Iterator[int]
    ) -> None:
        self._held = held
        self._now = now
        self._revisions = revisions
        self._around = surroundings_of(document, held)
        self.features = dict(held.features)
        self.products = dict(held.products)
        self._add_on_versions = dict(held.add_on_versions)
        self._plan_versions = dict(held.plan_versions)
        self.mistakes: Mistakes = BoundedMistakes()
        self.done = Application()

    def thing(self, kind: _Kind[T], spec: Any, held: T | None, written: Written[T]) -> T:
        """A thing without versions, as it becomes."""
        old = None if held is None else kind.outline(held.spec)
        change = change_of(kind.resource, spec.id, old=old, new=kind.outline(spec))
        self.done.changes.append(change)
        if held is not None and change.type is ChangeType.UNCHANGED:
            return held
        revision = next(self._revisions)
        if held is None:
            thing = kind.create(spec, self._now, revision=revision)
            written.new.append(thing)
        else:
            thing = kind.change(held, spec, self._now, revision=revision)
            written.changed.append(thing)
        self._happens("updated" if held else "created", thing)
        return thing

    def add_on(self, number: int, each: AddOnDocument) -> ResourceChange:
        """An add-on, and its next version where its content differs."""
        content, held = each.checked_content, self._held.add_ons.get(each.spec.id)
        version = self._held.add_on_versions.get(each.spec.id)
        fields = self._content_fields(each, version)
        change = _change(ResourceType.ADD_ON, each, held, fields)
        add_on = self._named(AddOn, each, held)
        if version is None or fields:
            self._check_in_use(content, f"add_ons[{number}].content")
            version = next_version(AddOnVersion, add_on, content, self.features, now=self._now)
            add_on = publish(add_on, version, self._now, revision=next(self._revisions))
            self._add_on_versions[add_on.id] = version
            self.done.add_on_versions.append(version)
            self._happens("published", add_on)
        _write(self.done.add_ons, add_on, held)
        return replace(change, version=add_on.latest_version)

    def plan(self, number: int, each: PlanDocument, *, carry: bool) -> ResourceChange:
        """A plan, and its next version where that would differ from the newest."""
        content, held = each.checked_content, self._held.plans.get(each.spec.id)
        version, plan = self._held.plan_versions.get(each.spec.id), self._named(Plan, each, held)
        candidate = complete_version(plan, content, self._completion(each), now=self._now)
        fields = self._content_fields(each, version)
        fields += () if version is None else completion_fields(version, candidate, fields)
        change = _change(ResourceType.PLAN, each, held, fields)
        if version is None or fields:
            self._check_in_use(content, f"plans[{number}].content")
            plan = publish_plan(plan, candidate, self._now, revision=next(self._revisions), carry=carry)
            self._plan_versions[plan.id] = candidate
            self.done.plan_versions.append(candidate)
            self._happens("published", plan)
        _write(self.done.plans, plan, held)
        return replace(change, version=plan.latest_version)

    def _completion(self, each: PlanDocument) -> Completion:
        content = each.checked_content
        return Completion(
            self.features,
            base=self._plan_versions.get(content.base_plan_id),
            add_ons=[self._add_on_versions[add_on_id] for add_on_id in content.compatible_add_on_ids],
            multiple_subscriptions=self.products[each.spec.product_id].multiple_subscriptions,
        )

    def _content_fields(self, each: OfferingDocument[Any], version: OfferingVersion[Any] | None) -> Fields:
        features, name = self._around.features, each.spec.display_name
        if version is not None:
            return content_fields(version.content, kept_names(each.checked_content, features, name, version=version))
        # An empty content is one, too, and becomes a version.
        fields = content_fields(None, named_content(each.checked_content, features, name))
        return fields or (FieldChange("content", "", "empty"),)

    def _named(self, make: type[O], each: OfferingDocument[Any], held: O | None) -> O:
        if held is None:
            offering = create_offering(make, each.spec, self._now, revision=next(self._revisions))
        elif held.spec != each.spec:
            offering = change_offering(held, each.spec, self._now, revision=next(self._revisions))
        else:
            return held
        self._happens("updated" if held else "created", offering)
        return offering

    def _check_in_use(self, content: Content, path: str) -> None:
        check_in_use(content, self._around, path=path, mistakes=self.mistakes)

    def _happens(self, verb: str, thing: Any) -> None:
        self.done.happenings.append(Happening(verb, thing))


def _change(
    resource: ResourceType, each: OfferingDocument[Any], held: Offering | None, fields: Fields
) -> ResourceChange:
    old = None if held is None else outline_offering(held.spec)
    return change_of(resource, each.spec.id, old=old, new=outline_offering(each.spec), more=fields)


def _write(written: Written[Any], offering: Offering, held: Offering | None) -> None:
    if held is None:
        written.new.append(offering)
    elif offering is not held:
        written.changed.append(offering)


def _bases_first(document: CatalogDocument) -> Iterator[int]:
    """The numbers of the document's plans, base plans before what inherits from them."""
    numbers = {each.spec.id: number for number, each in enumerate(document.plans)}
    done: set[int] = set()

    def walk(number: int) -> Iterator[int]:
        if number not in done:
            done.add(number)
            base = document.plans[number].checked_content.base_plan_id
            if base in numbers:
                yield from walk(numbers[base])
            yield number

    for number in numbers.values():
        yield from walk(number)
