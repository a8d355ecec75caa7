"""A whole catalog as one document, and what the catalog holds of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from catalog.domain.add_on import AddOn, AddOnVersion
from catalog.domain.add_on_content import AddOnContent
from catalog.domain.content import Content
from catalog.domain.content_rules import settle_content
from catalog.domain.coupon import Coupon, CouponSpec, settle_coupon
from catalog.domain.feature import Feature, FeatureSpec, settle_feature
from catalog.domain.offering import Offering, OfferingSpec, OfferingVersion, settle_offering
from catalog.domain.offering_kind import OfferingKind
from catalog.domain.plan import Plan, PlanVersion
from catalog.domain.plan_content import PlanContent
from catalog.domain.product import Product, ProductSpec, settle_product
from catalog.domain.surroundings import Neighbor, Surroundings, held_neighbors

C = TypeVar("C", bound=Content)


@dataclass(frozen=True, slots=True)
class OfferingDocument(Generic[C]):
    """A plan or an add-on with its content, as a document writes it."""

    spec: OfferingSpec
    content: C | None

    @property
    def checked_content(self) -> C:
        """The content, which a document that was checked has.

        Raises:
            ValueError: There is none.
        """
        if self.content is None:
            raise ValueError("a document without a content was not checked")
        return self.content


PlanDocument = OfferingDocument[PlanContent]
AddOnDocument = OfferingDocument[AddOnContent]


@dataclass(frozen=True, slots=True)
class CatalogDocument:
    """What the catalog should hold."""

    features: tuple[FeatureSpec, ...] = ()
    products: tuple[ProductSpec, ...] = ()
    add_ons: tuple[AddOnDocument, ...] = ()
    plans: tuple[PlanDocument, ...] = ()
    coupons: tuple[CouponSpec, ...] = ()

    @property
    def offerings(self) -> tuple[OfferingDocument[Any], ...]:
        """Its add-ons and plans."""
        return (*self.add_ons, *self.plans)

    @property
    def size(self) -> int:
        """How many things it lists."""
        return len(self.features) + len(self.products) + len(self.offerings) + len(self.coupons)

    @property
    def feature_ids(self) -> frozenset[str]:
        """The features that it lists or that its contents name."""
        named = {feature_id for each in self.offerings if each.content for feature_id in each.content.feature_ids}
        return frozenset(named | {feature.id for feature in self.features})

    @property
    def product_ids(self) -> frozenset[str]:
        """The products that it lists or that its offerings name."""
        return frozenset([product.id for product in self.products] + [each.spec.product_id for each in self.offerings])

    def offering_ids(self, kind: OfferingKind) -> frozenset[str]:
        """The plans or the add-ons that it lists or that its contents name."""
        listed = self.plans if kind is OfferingKind.PLAN else self.add_ons
        references = (reference for each in self.offerings if each.content for reference in each.content.references)
        named = {reference.id for reference in references if reference.kind is kind}
        return frozenset(named | {each.spec.id for each in listed})


@dataclass(frozen=True, slots=True)
class HeldCatalog:
    """What the catalog holds of what a document lists or names, and of what that names in turn, by id.

    Attributes:
        plan_versions: The newest published version of each plan that has one.
        add_on_versions: The newest published version of each add-on that has one.
    """

    features: Mapping[str, Feature] = field(default_factory=dict)
    products: Mapping[str, Product] = field(default_factory=dict)
    add_ons: Mapping[str, AddOn] = field(default_factory=dict)
    add_on_versions: Mapping[str, AddOnVersion] = field(default_factory=dict)
    plans: Mapping[str, Plan] = field(default_factory=dict)
    plan_versions: Mapping[str, PlanVersion] = field(default_factory=dict)
    coupons: Mapping[str, Coupon] = field(default_factory=dict)


def settle_document(document: CatalogDocument, held: HeldCatalog) -> CatalogDocument:
    """The checked document with its defaults filled in and its numbers canonical."""
    around = surroundings_of(document, held)
    return CatalogDocument(
        features=tuple(map(settle_feature, document.features)),
        products=tuple(map(settle_product, document.products)),
        add_ons=tuple(_settled(each, around) for each in document.add_ons),
        plans=tuple(_settled(each, around) for each in document.plans),
        coupons=tuple(map(settle_coupon, document.coupons)),
    )


def surroundings_of(document: CatalogDocument, held: HeldCatalog) -> Surroundings:
    """What the document's contents can name: its own things, and the catalog's."""
    features = {feature.id: feature.spec for feature in held.features.values()}
    return Surroundings(
        features=features | {spec.id: spec for spec in document.features},
        plans=_held_neighbors(held.plans, held.plan_versions) | _written_neighbors(document.plans),
        add_ons=_held_neighbors(held.add_ons, held.add_on_versions) | _written_neighbors(document.add_ons),
    )


def _held_neighbors(
    offerings: Mapping[str, Offering], versions: Mapping[str, OfferingVersion[Any]]
) -> dict[str, Neighbor]:
    return held_neighbors(offerings, {version.id: version.content for version in versions.values()})


def _written_neighbors(documents: Iterable[OfferingDocument[Any]]) -> dict[str, Neighbor]:
    return {
        each.spec.id: Neighbor(
            each.spec.product_id, links=each.content.links if each.content else (), archived=each.spec.archived
        )
        for each in documents
    }


def _settled(each: OfferingDocument[C], around: Surroundings) -> OfferingDocument[C]:
    content = None if each.content is None else settle_content(each.content, around)
    return OfferingDocument(settle_offering(each.spec), content)
