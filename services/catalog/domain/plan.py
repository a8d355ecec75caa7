"""A plan: an offer of a product. A published version is complete: what it inherits and what may be bought with it is in it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar

from catalog.domain.add_on import AddOnVersion
from catalog.domain.entitlement import Entitlement
from catalog.domain.feature import Feature
from catalog.domain.offering import Offering, OfferingVersion, next_version, publish
from catalog.domain.offering_kind import OfferingKind
from catalog.domain.plan_content import PlanContent


@dataclass(frozen=True, slots=True)
class Plan(Offering):
    """A plan as the catalog holds it.

    Attributes:
        carried_version: The newest version whose entitlements reach the subscriptions of older versions; 0 for none.
    """

    kind: ClassVar[OfferingKind] = OfferingKind.PLAN

    carried_version: int = 0


@dataclass(frozen=True, slots=True)
class PlanVersion(OfferingVersion[PlanContent]):
    """One state of a plan's content. All but the content is of a published version.

    Attributes:
        effective_entitlements: What it grants beside its charges, by `flattened`.
        add_ons: The compatible add-ons as they were when it was published, in the order of their ids.
        multiple_subscriptions: The product's word when it was published.
    """

    effective_entitlements: tuple[Entitlement, ...] = ()
    add_ons: tuple[AddOnVersion, ...] = ()
    multiple_subscriptions: bool = False


@dataclass(frozen=True, slots=True)
class Completion:
    """What a plan version takes along from around it, so that it is understood without asking for anything else.

    Attributes:
        base: The newest version of its base plan; None without one.
        add_ons: The newest version of each compatible add-on.
        features: At least those that all of these and the content name, by id, as they are now.
        multiple_subscriptions: Whether its product allows several.
    """

    features: Mapping[str, Feature]
    base: PlanVersion | None = None
    add_ons: Sequence[AddOnVersion] = ()
    multiple_subscriptions: bool = False


def flattened(content: PlanContent, inherited: Sequence[Entitlement]) -> tuple[Entitlement, ...]:
    """What a plan grants beside its charges, in the order of feature ids.

    Its own entitlement takes the place of an inherited one of the same feature; a feature that it charges for is granted
    by the charge alone.
    """
    granted = {each.feature_id: each for each in [*inherited, *content.entitlements]}
    return tuple(granted[feature_id] for feature_id in sorted(granted.keys() - content.charged_feature_ids))


def complete_version(plan: Plan, content: PlanContent, completion: Completion, *, now: datetime) -> PlanVersion:
    """The plan's next version: frozen and complete. The content is checked and settled."""
    inherited = completion.base.effective_entitlements if completion.base is not None else ()
    effective = flattened(content, inherited)
    named = {each.feature_id for each in effective} | content.feature_ids
    named |= {feature_id for add_on in completion.add_ons for feature_id in add_on.content.feature_ids}
    return replace(
        next_version(PlanVersion, plan, content, completion.features, now=now),
        features=tuple(completion.features[feature_id] for feature_id in sorted(named)),
        effective_entitlements=effective,
        add_ons=tuple(sorted(completion.add_ons, key=lambda add_on: add_on.id)),
        multiple_subscriptions=completion.multiple_subscriptions,
    )


def publish_plan(plan: Plan, version: PlanVersion, now: datetime, *, revision: int, carry: bool) -> Plan:
    """The plan whose newest version is this one; with `carry`, its entitlements reach older subscriptions."""
    carried = version.version if carry else plan.carried_version
    return replace(publish(plan, version, now, revision=revision), carried_version=carried)
