"""A plan: an offer of a product, whose content stands in numbered versions."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from catalog.domain.feature import Feature
from catalog.domain.plan_content import PlanContent, named_content
from catalog.domain.text import MAX_DESCRIPTION, MAX_DISPLAY_NAME
from kernel.errors import Mistakes, precondition
from kernel.ids import check_id
from kernel.text import check_text


@dataclass(frozen=True, slots=True)
class PlanSpec:
    """What a vendor says of a plan, besides its content."""

    id: str
    product_id: str
    display_name: str
    description: str


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan as the catalog holds it.

    Attributes:
        latest_version: The newest published version; 0 where none is published.
        has_draft: Whether a draft is open; it will be the version after the latest.
    """

    id: str
    product_id: str
    display_name: str
    description: str
    latest_version: int
    has_draft: bool
    revision: int
    create_time: datetime
    update_time: datetime

    @property
    def spec(self) -> PlanSpec:
        """What the vendor said of it."""
        return PlanSpec(self.id, self.product_id, self.display_name, self.description)


class PlanVersionState(StrEnum):
    """Whether a version may still be edited."""

    DRAFT = "DRAFT"
    PUBLISHED = "PUBLISHED"


@dataclass(frozen=True, slots=True)
class PlanVersion:
    """One state of a plan's content.

    Attributes:
        content: Of a published version: with every charge's name, where none was given the feature's or the plan's.
            Of a draft: with the names that were given.
        features: Of a published version: every feature that the content names, as it was then.
        publish_time: Of a published version.
    """

    plan_id: str
    version: int
    product_id: str
    display_name: str
    state: PlanVersionState
    content: PlanContent
    features: tuple[Feature, ...] = ()
    publish_time: datetime | None = None


def check_plan(spec: PlanSpec, path: str, mistakes: Mistakes) -> None:
    """Notes every mistake of a plan, besides its content."""
    mistakes.attempt(check_id, spec.id, f"{path}.id")
    mistakes.attempt(check_id, spec.product_id, f"{path}.product_id")
    mistakes.attempt(check_text, spec.display_name, f"{path}.display_name", limit=MAX_DISPLAY_NAME)
    mistakes.attempt(check_text, spec.description, f"{path}.description", limit=MAX_DESCRIPTION)


def settle_plan(spec: PlanSpec) -> PlanSpec:
    """The checked plan with its defaults filled in."""
    return replace(spec, display_name=spec.display_name or spec.id)


def create_plan(spec: PlanSpec, now: datetime, *, revision: int) -> Plan:
    """A new plan of a settled spec, without any version."""
    return Plan(
        id=spec.id,
        product_id=spec.product_id,
        display_name=spec.display_name,
        description=spec.description,
        latest_version=0,
        has_draft=False,
        revision=revision,
        create_time=now,
        update_time=now,
    )


def change_plan(plan: Plan, spec: PlanSpec, now: datetime, *, revision: int) -> Plan:
    """The plan with the name and description of a settled spec."""
    return replace(
        plan, display_name=spec.display_name, description=spec.description, revision=revision, update_time=now
    )


def save_draft(plan: Plan, now: datetime, *, revision: int) -> Plan:
    """The plan with an open draft."""
    return replace(plan, has_draft=True, revision=revision, update_time=now)


def discard_draft(plan: Plan, now: datetime, *, revision: int) -> Plan:
    """The plan without its draft.

    Raises:
        TollkeeperError: `DRAFT_NOT_OPEN`.
    """
    check_draft_open(plan)
    return replace(plan, has_draft=False, revision=revision, update_time=now)


def check_draft_open(plan: Plan) -> None:
    """Refuses a plan without an open draft.

    Raises:
        TollkeeperError: `DRAFT_NOT_OPEN`.
    """
    if not plan.has_draft:
        message = f"The plan {plan.id} has no open draft. Save one first."
        raise precondition("DRAFT_NOT_OPEN", message, plan_id=plan.id)


def draft_of(plan: Plan, content: PlanContent) -> PlanVersion:
    """The open draft, with the number it will have when published."""
    return PlanVersion(
        plan.id, plan.latest_version + 1, plan.product_id, plan.display_name, PlanVersionState.DRAFT, content
    )


def publish(
    plan: Plan, content: PlanContent, features: Mapping[str, Feature], *, now: datetime, revision: int
) -> tuple[Plan, PlanVersion]:
    """The plan with its next version, and that version: frozen and complete.

    Args:
        plan: With or without an open draft; afterwards without.
        content: Checked and settled.
        features: At least those that the content names, by id.
        now: When it is published.
        revision: The plan's next.
    """
    specs = {feature_id: features[feature_id].spec for feature_id in sorted(content.feature_ids)}
    version = PlanVersion(
        plan_id=plan.id,
        version=plan.latest_version + 1,
        product_id=plan.product_id,
        display_name=plan.display_name,
        state=PlanVersionState.PUBLISHED,
        content=named_content(content, specs, plan.display_name),
        features=tuple(features[feature_id] for feature_id in specs),
        publish_time=now,
    )
    published = replace(plan, latest_version=version.version, has_draft=False, revision=revision, update_time=now)
    return published, version
