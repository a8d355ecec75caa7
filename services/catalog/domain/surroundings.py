"""What a content must know of the catalog around it: the things that it names, and those that they name in turn."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from catalog.domain.content import Content
from catalog.domain.feature import FeatureSpec
from catalog.domain.offering import Offering
from catalog.domain.offering_kind import OfferingKind, Reference
from kernel.errors import Mistakes


@dataclass(frozen=True, slots=True)
class Neighbor:
    """A plan or an add-on that a content may name.

    Attributes:
        links: What it names of its own kind: a plan its base plan, an add-on those that it requires.
        published: Whether it has a version.
    """

    product_id: str
    links: tuple[str, ...] = ()
    archived: bool = False
    published: bool = True


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What there is, by id; of plans and add-ons all that can be reached from the content."""

    features: Mapping[str, FeatureSpec] = field(default_factory=dict)
    plans: Mapping[str, Neighbor] = field(default_factory=dict)
    add_ons: Mapping[str, Neighbor] = field(default_factory=dict)

    def find(self, reference: Reference) -> Neighbor | None:
        """What the reference names, if it is there."""
        return (self.plans if reference.kind is OfferingKind.PLAN else self.add_ons).get(reference.id)


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose content it is. An empty product is not known, and none is wrong then."""

    id: str
    product_id: str


def held_neighbors(offerings: Mapping[str, Offering], contents: Mapping[str, Content]) -> dict[str, Neighbor]:
    """What contents must know of the plans or add-ons that the catalog holds, by id.

    Args:
        offerings: By id.
        contents: The content of each that says what it names, where there is one.
    """
    return {
        each.id: Neighbor(
            each.product_id,
            links=contents[each.id].links if each.id in contents else (),
            archived=each.archived,
            published=each.latest_version > 0,
        )
        for each in offerings.values()
    }


def check_references(content: Content, around: Surroundings, owner: Owner, *, path: str, mistakes: Mistakes) -> None:
    """Notes each name of a plan or an add-on that there is not, or that belongs to another product."""
    for reference in content.references:
        neighbor, where = around.find(reference), f"{path}.{reference.field}"
        article = "a plan" if reference.kind is OfferingKind.PLAN else "an add-on"
        if neighbor is None:
            mistakes.add(where, f"must be the id of {article}: there is none with this one")
        elif owner.product_id and neighbor.product_id != owner.product_id:
            mistakes.add(where, f"must be {article} of the same product: this one belongs to another")


def check_in_use(content: Content, around: Surroundings, *, path: str, mistakes: Mistakes) -> None:
    """Notes each place that names something archived."""
    named = [
        (f"entitlements[{number}].feature_id", each.feature_id) for number, each in enumerate(content.entitlements)
    ]
    named += [(f"charges[{number}].feature_id", charge.feature_id) for number, charge in enumerate(content.charges)]
    for place, feature_id in named:
        if feature_id in around.features and around.features[feature_id].archived:
            mistakes.add(f"{path}.{place}", "names an archived feature: take it out, or bring the feature back")
    for reference in content.references:
        neighbor = around.find(reference)
        if neighbor is not None and neighbor.archived:
            message = f"names an archived {reference.kind.word}: take it out, or bring the {reference.kind.word} back"
            mistakes.add(f"{path}.{reference.field}", message)


def unpublished(content: Content, around: Surroundings) -> tuple[Reference, ...]:
    """Each place that names something without any version."""
    return tuple(
        reference
        for reference in content.references
        if (neighbor := around.find(reference)) is not None and not neighbor.published
    )
