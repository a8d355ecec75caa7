"""Every mistake in a document at once."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Any, Final

from catalog.domain.catalog_diff import content_fields, kept_names
from catalog.domain.catalog_document import CatalogDocument, HeldCatalog, OfferingDocument, surroundings_of
from catalog.domain.content import Content
from catalog.domain.content_rules import check_content, settle_content
from catalog.domain.coupon import CouponSpec, check_coupon, fixed_coupon_differences, settle_coupon
from catalog.domain.feature import Feature, FeatureSpec, MeteredFeature, settle_feature
from catalog.domain.feature_rules import check_feature, fixed_differences
from catalog.domain.mistakes import BoundedMistakes
from catalog.domain.offering import Offering, OfferingSpec, OfferingVersion, check_offering, settle_offering
from catalog.domain.offering_kind import OfferingKind
from catalog.domain.plan_content import PlanContent, check_required_add_ons
from catalog.domain.product import check_product
from catalog.domain.surroundings import Owner, Surroundings, check_in_use, unpublished
from catalog.domain.text import check_count, check_unique, listed_within
from kernel.errors import ErrorKind, FieldViolation, Mistakes, TollkeeperError

MAX_FEATURES: Final = 1_000
MAX_PRODUCTS: Final = 100
MAX_PLANS: Final = 500
MAX_ADD_ONS: Final = 500
MAX_COUPONS: Final = 500


def check_document(document: CatalogDocument, held: HeldCatalog) -> None:
    """Refuses a document with mistakes, and one whose plans or add-ons are being edited otherwise.

    Raises:
        TollkeeperError: `INVALID_FIELD` naming every mistake; `DRAFT_OPEN` naming everything with an open draft.
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
    offerings = _Offerings(document, held, mistakes)
    offerings.check(
        OfferingKind.ADD_ON, document.add_ons, held.add_ons, versions=held.add_on_versions, most=MAX_ADD_ONS
    )
    offerings.check(OfferingKind.PLAN, document.plans, held.plans, versions=held.plan_versions, most=MAX_PLANS)
    check_count(document.coupons, "coupons", mistakes, least=0, most=MAX_COUPONS)
    check_unique([coupon.id for coupon in document.coupons], "coupons", mistakes, field="id")
    for number, coupon in enumerate(document.coupons):
        known = held.coupons.get(coupon.id)
        _check_coupon(coupon, None if known is None else known.spec, path=f"coupons[{number}]", mistakes=mistakes)
    mistakes.check()
    _refuse_open_drafts(document, held)


class _Offerings:
    """Checks the plans and add-ons of one document."""

    def __init__(self, document: CatalogDocument, held: HeldCatalog, mistakes: Mistakes) -> None:
        self._around: Surroundings = surroundings_of(document, held)
        self._products: AbstractSet[str] = held.products.keys() | {each.id for each in document.products}
        self._mistakes = mistakes

    def check(
        self,
        kind: OfferingKind,
        documents: Sequence[OfferingDocument[Any]],
        held: Mapping[str, Offering],
        *,
        versions: Mapping[str, OfferingVersion[Any]],
        most: int,
    ) -> None:
        """Notes every mistake of the plans, or of the add-ons."""
        things = f"{kind.field}s"
        check_count(documents, things, self._mistakes, least=0, most=most)
        check_unique([each.spec.id for each in documents], things, self._mistakes, field=f"{kind.field}.id")
        for number, each in enumerate(documents):
            path = f"{things}[{number}]"
            self._check_spec(each.spec, held.get(each.spec.id), kind, path=f"{path}.{kind.field}")
            if each.content is None:
                self._mistakes.add(f"{path}.content", f"is required: what the {kind.word} includes and what it costs")
            else:
                self._check_content(each.spec, each.content, versions.get(each.spec.id), path=f"{path}.content")

    def _check_spec(self, spec: OfferingSpec, held: Offering | None, kind: OfferingKind, *, path: str) -> None:
        check_offering(spec, path, self._mistakes)
        if held is not None and held.product_id != spec.product_id:
            self._mistakes.add(f"{path}.product_id", f"is {held.product_id} for ever: make a new {kind.word} instead")
        elif spec.product_id and spec.product_id not in self._products:
            self._mistakes.add(f"{path}.product_id", "must be the id of a product: there is none with this one")

    def _check_content(
        self, spec: OfferingSpec, content: Content, version: OfferingVersion[Any] | None, *, path: str
    ) -> None:
        mistakes, before = self._mistakes, len(self._mistakes.found)
        check_content(content, self._around, Owner(spec.id, spec.product_id), path=path, mistakes=mistakes)
        for reference in unpublished(content, self._around):
            message = "has no published version: publish it first, or write it into the document"
            mistakes.add(f"{path}.{reference.field}", message)
        if isinstance(content, PlanContent):
            check_required_add_ons(content, self._around, path=path, mistakes=mistakes)
        # What was published and is written down again may go on naming what was archived since.
        if len(mistakes.found) > before or version is None or self._differs(spec, content, version):
            check_in_use(content, self._around, path=path, mistakes=mistakes)

    def _differs(self, spec: OfferingSpec, content: Content, version: OfferingVersion[Any]) -> bool:
        settled, name = settle_content(content, self._around), settle_offering(spec).display_name
        return bool(content_fields(version.content, kept_names(settled, self._around.features, name, version=version)))


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


def _check_coupon(spec: CouponSpec, held: CouponSpec | None, *, path: str, mistakes: Mistakes) -> None:
    before = len(mistakes.found)
    check_coupon(spec, path, mistakes)
    if held is None or len(mistakes.found) > before:
        return
    for field, message in fixed_coupon_differences(held, settle_coupon(spec)):
        mistakes.add(f"{path}.{field}", message)


def _refuse_open_drafts(document: CatalogDocument, held: HeldCatalog) -> None:
    open_add_ons = _open(document.add_ons, held.add_ons)
    open_plans = _open(document.plans, held.plans)
    if not open_add_ons and not open_plans:
        return
    message = "has an open draft: publish or discard it first"
    violations = [FieldViolation(f"add_ons[{number}].add_on.id", message) for number in open_add_ons]
    violations += [FieldViolation(f"plans[{number}].plan.id", message) for number in open_plans]
    ids = {
        "add_on_ids": [document.add_ons[number].spec.id for number in open_add_ons],
        "plan_ids": [document.plans[number].spec.id for number in open_plans],
    }
    listed = listed_within([*ids["add_on_ids"], *ids["plan_ids"]])
    raise TollkeeperError(
        ErrorKind.FAILED_PRECONDITION,
        "DRAFT_OPEN",
        f"These have an open draft that the document did not make: {listed}. Publish or discard each first.",
        tuple(violations),
        {name: listed_within(some) for name, some in ids.items() if some},
    )


def _open(documents: Sequence[OfferingDocument[Any]], held: Mapping[str, Offering]) -> list[int]:
    return [number for number, each in enumerate(documents) if each.spec.id in held and held[each.spec.id].has_draft]
