"""What a plan includes and what it costs."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from catalog.domain.chain import chain_length, way_back
from catalog.domain.choice import Unknown, check_choice
from catalog.domain.content import Content, check_parts, settle_parts
from catalog.domain.offering_kind import OfferingKind, Reference, named_add_ons
from catalog.domain.surroundings import Owner, Surroundings, check_references
from catalog.domain.text import check_count, check_unique, some_of
from kernel.errors import Mistakes

# A check reads all of a customer's entitlements into memory.
MAX_ENTITLEMENTS: Final = 500
# An invoice shows a line or more for each.
MAX_CHARGES: Final = 100
# A published version holds each of them whole.
MAX_COMPATIBLE_ADD_ONS: Final = 50
# Whoever reads a plan follows its base plans by hand.
MAX_CHAIN: Final = 10
MAX_TRIAL_DAYS: Final = 730


class PricingType(StrEnum):
    """How a plan is priced."""

    FREE = "FREE"
    PAID = "PAID"
    CUSTOM = "CUSTOM"


class TrialEndBehavior(StrEnum):
    """What happens at the end of a trial: the subscription goes on and is charged, or expires."""

    CONVERT = "CONVERT"
    EXPIRE = "EXPIRE"


@dataclass(frozen=True, slots=True)
class Trial:
    """A time at the beginning of a subscription that costs nothing, in days of local time."""

    duration_days: int
    end_behavior: TrialEndBehavior | Unknown | None = None


@dataclass(frozen=True, slots=True)
class PlanContent(Content):
    """What a plan includes and what it costs.

    Attributes:
        base_plan_id: The plan whose entitlements it inherits; empty: none.
        compatible_add_on_ids: What may be bought with it, in no order.
    """

    pricing_type: PricingType | None = None
    base_plan_id: str = ""
    compatible_add_on_ids: tuple[str, ...] = ()
    trial: Trial | None = None

    @property
    def references(self) -> tuple[Reference, ...]:
        """The base plan and the compatible add-ons."""
        base = [Reference("base_plan_id", OfferingKind.PLAN, each) for each in self.links]
        return (*base, *named_add_ons("compatible_add_on_ids", self.compatible_add_on_ids))

    @property
    def links(self) -> tuple[str, ...]:
        """The base plan."""
        return (self.base_plan_id,) if self.base_plan_id else ()


def check_plan_content(
    content: PlanContent, around: Surroundings, owner: Owner, *, path: str, mistakes: Mistakes
) -> None:
    """Notes every mistake of a plan's content, but names of archived things.

    Args:
        content: As the vendor wrote it.
        around: What the catalog holds.
        owner: The plan.
        path: Of the content.
        mistakes: Takes the notes.
    """
    check_choice(content.pricing_type, PricingType, path=f"{path}.pricing_type", mistakes=mistakes)
    check_parts(
        content,
        around.features,
        most_entitlements=MAX_ENTITLEMENTS,
        most_charges=MAX_CHARGES,
        path=path,
        mistakes=mistakes,
    )
    for number, entitlement in enumerate(content.entitlements):
        if entitlement.merge_behavior is not None:
            where = f"{path}.entitlements[{number}].merge_behavior"
            mistakes.add(where, "must be left out: only an add-on's entitlement meets another one")
    _check_pricing(content, f"{path}.charges", mistakes)
    where = f"{path}.compatible_add_on_ids"
    check_references(content, around, owner, path=path, mistakes=mistakes)
    if content.base_plan_id:
        _check_chain(content, around, owner, path=f"{path}.base_plan_id", mistakes=mistakes)
    check_count(content.compatible_add_on_ids, where, mistakes, least=0, most=MAX_COMPATIBLE_ADD_ONS)
    check_unique(content.compatible_add_on_ids, where, mistakes)
    if content.trial is not None:
        _check_trial(content.trial, f"{path}.trial", mistakes)


def check_required_add_ons(content: PlanContent, around: Surroundings, *, path: str, mistakes: Mistakes) -> None:
    """Notes each add-on of the plan whose own required add-ons the plan does not name: nobody could ever buy it."""
    named = frozenset(content.compatible_add_on_ids)
    for number, add_on_id in enumerate(content.compatible_add_on_ids):
        neighbor = around.add_ons.get(add_on_id)
        missing = [each for each in neighbor.links if each not in named] if neighbor is not None else []
        if missing:
            where = f"{path}.compatible_add_on_ids[{number}]"
            mistakes.add(where, f"requires {some_of(missing)} beside it: name that as well")


def settle_plan_content(content: PlanContent, around: Surroundings) -> PlanContent:
    """The checked content with its defaults filled in and its numbers canonical. Names stay as they were written."""
    trial = content.trial
    if trial is not None:
        trial = replace(trial, end_behavior=trial.end_behavior or TrialEndBehavior.CONVERT)
    return replace(settle_parts(content, around.features), trial=trial)


def _check_pricing(content: PlanContent, path: str, mistakes: Mistakes) -> None:
    match content.pricing_type:
        case PricingType.FREE | PricingType.CUSTOM if content.charges:
            mistakes.add(path, f"must be empty: a {content.pricing_type} plan has no charges")
        case PricingType.PAID if not content.charges:
            mistakes.add(path, "must have at least one charge: the plan is PAID")
        case _:
            pass


def _check_chain(content: PlanContent, around: Surroundings, owner: Owner, *, path: str, mistakes: Mistakes) -> None:
    def bases(plan_id: str) -> tuple[str, ...]:
        if plan_id == owner.id:
            return content.links
        return around.plans[plan_id].links if plan_id in around.plans else ()

    way = way_back(owner.id, bases)
    if way:
        mistakes.add(path, f"must not lead back to the plan itself: {some_of(way)}")
    elif chain_length(owner.id, bases, limit=MAX_CHAIN) > MAX_CHAIN:
        mistakes.add(path, f"makes a chain of more than {MAX_CHAIN} plans: inherit from one nearer to its end")


def _check_trial(trial: Trial, path: str, mistakes: Mistakes) -> None:
    if not 1 <= trial.duration_days <= MAX_TRIAL_DAYS:
        mistakes.add(f"{path}.duration_days", f"must be 1 to {MAX_TRIAL_DAYS} days")
    check_choice(trial.end_behavior, TrialEndBehavior, path=f"{path}.end_behavior", mistakes=mistakes, required=False)
