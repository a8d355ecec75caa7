"""What one unit of an add-on grants and costs."""

from dataclasses import dataclass, replace
from typing import Final

from catalog.domain.chain import way_back
from catalog.domain.charge import BillingModel
from catalog.domain.choice import check_choice
from catalog.domain.content import Content, check_parts, settle_parts
from catalog.domain.entitlement import MergeBehavior
from catalog.domain.offering_kind import Reference, named_add_ons
from catalog.domain.surroundings import Owner, Surroundings, check_references
from catalog.domain.text import check_count, check_unique, some_of
from kernel.errors import Mistakes

# A published plan version holds up to fifty add-ons whole, so each is smaller than a plan.
MAX_ENTITLEMENTS: Final = 100
MAX_CHARGES: Final = 20
MAX_REQUIRED: Final = 10
# A commitment that is larger is a mistake in typing.
MAX_QUANTITY: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class AddOnContent(Content):
    """What one unit of an add-on grants and costs.

    Attributes:
        maximum_quantity: The greatest quantity that one subscription may hold; 0: any up to `MAX_QUANTITY`.
        required_add_on_ids: What a subscription must hold as well, in no order.
    """

    maximum_quantity: int = 0
    required_add_on_ids: tuple[str, ...] = ()

    @property
    def references(self) -> tuple[Reference, ...]:
        """The required add-ons."""
        return named_add_ons("required_add_on_ids", self.required_add_on_ids)

    @property
    def links(self) -> tuple[str, ...]:
        """The required add-ons."""
        return self.required_add_on_ids


def check_add_on_content(
    content: AddOnContent, around: Surroundings, owner: Owner, *, path: str, mistakes: Mistakes
) -> None:
    """Notes every mistake of an add-on's content, but names of archived things.

    Args:
        content: As the vendor wrote it.
        around: What the catalog holds.
        owner: The add-on.
        path: Of the content.
        mistakes: Takes the notes.
    """
    check_parts(
        content,
        around.features,
        most_entitlements=MAX_ENTITLEMENTS,
        most_charges=MAX_CHARGES,
        path=path,
        mistakes=mistakes,
    )
    for number, entitlement in enumerate(content.entitlements):
        where = f"{path}.entitlements[{number}].merge_behavior"
        check_choice(entitlement.merge_behavior, MergeBehavior, path=where, mistakes=mistakes, required=False)
    for number, charge in enumerate(content.charges):
        if charge.billing_model is BillingModel.PER_UNIT:
            message = "must be FLAT_FEE or USAGE_BASED: the commitment of an add-on is its own quantity"
            mistakes.add(f"{path}.charges[{number}].billing_model", message)
    if not 0 <= content.maximum_quantity <= MAX_QUANTITY:
        mistakes.add(f"{path}.maximum_quantity", f"must be 1 to {MAX_QUANTITY:,}, or left out for any")
    check_references(content, around, owner, path=path, mistakes=mistakes)
    _check_required(content, around, owner, path=f"{path}.required_add_on_ids", mistakes=mistakes)


def settle_add_on_content(content: AddOnContent, around: Surroundings) -> AddOnContent:
    """The checked content with its defaults filled in and its numbers canonical. Names stay as they were written."""
    settled = settle_parts(content, around.features)
    entitlements = (
        replace(each, merge_behavior=each.merge_behavior or MergeBehavior.INCREMENT) for each in settled.entitlements
    )
    return replace(settled, entitlements=tuple(entitlements))


def _check_required(
    content: AddOnContent, around: Surroundings, owner: Owner, *, path: str, mistakes: Mistakes
) -> None:
    check_count(content.required_add_on_ids, path, mistakes, least=0, most=MAX_REQUIRED)
    check_unique(content.required_add_on_ids, path, mistakes)
    # One look over the whole graph; only where there is a loop, which of the names lead into it.
    if _way_back(content.required_add_on_ids, around, owner):
        for number, add_on_id in enumerate(content.required_add_on_ids):
            way = _way_back((add_on_id,), around, owner)
            if way:
                mistakes.add(f"{path}[{number}]", f"must not lead back to the add-on itself: {some_of(way)}")


def _way_back(required: tuple[str, ...], around: Surroundings, owner: Owner) -> list[str]:
    """The way over these required add-ons back to their owner; empty where there is none."""

    def requires(add_on_id: str) -> tuple[str, ...]:
        if add_on_id == owner.id:
            return required
        return around.add_ons[add_on_id].links if add_on_id in around.add_ons else ()

    return way_back(owner.id, requires)
