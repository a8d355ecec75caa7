"""What a holding becomes with another plan version: everything comes along that the version sells as well."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from billing.domain.add_on import asked_add_ons, check_add_ons, kept_add_ons
from billing.domain.commitment import Commitment, asked_commitments, first_commitments, in_order, kept_commitments
from billing.domain.holding import HeldAddOn, Holding, quantities
from billing.domain.plan_terms import PlanTerms
from kernel.period import BillingPeriod


def moved(
    held: Holding,
    plan: PlanTerms,
    *,
    commitments: Sequence[Commitment] = (),
    add_ons: Sequence[HeldAddOn] = (),
    billing_period: BillingPeriod | None = None,
) -> Holding:
    """The holding with the plan version, and with what is asked for besides.

    What is not asked for stays as it is; with another version, a commitment that the version does not sell or that is outside its
    bounds becomes its minimum, and an add-on that it is not compatible with, or lacks what it requires, is gone.

    Raises:
        TollkeeperError: `COMMITMENT_INVALID`; `ADD_ON_INVALID`.
    """
    asked_for = asked_commitments(plan, commitments)
    kept = held.commitments if plan.key == held.plan_key else kept_commitments(plan, quantities(held))
    others = tuple(one for one in kept if one.feature_id not in asked_for)
    held_add_ons = kept_add_ons(plan, held.add_ons) | asked_add_ons(plan, add_ons)
    if not add_ons:
        held_add_ons = with_what_they_require(plan, held_add_ons)
    return Holding(
        plan_id=plan.plan_id,
        plan_version=plan.version,
        billing_period=billing_period or held.billing_period,
        commitments=first_commitments(plan, (*in_order(asked_for), *others)),
        add_ons=check_add_ons(plan, held_add_ons),
    )


def carried(
    held: Holding,
    plan: PlanTerms,
    commitments: Sequence[Commitment],
    add_ons: Sequence[HeldAddOn],
    *,
    billing_period: BillingPeriod | None,
) -> Holding:
    """The holding of that plan version with what was asked of another one, as far as it sells it.

    Raises:
        TollkeeperError: `COMMITMENT_INVALID`; `ADD_ON_INVALID`.
    """
    wanted: Mapping[str, Decimal] = quantities(held)
    for one in commitments:
        wanted = with_commitment(wanted, plan, one)
    numbers = {one.add_on_id: one.quantity for one in held.add_ons} | kept_add_ons(plan, add_ons)
    extras = tuple(HeldAddOn(add_on_id, number) for add_on_id, number in numbers.items() if number)
    return moved(replace(held, commitments=in_order(wanted), add_ons=extras), plan, billing_period=billing_period)


def with_commitment(held: Mapping[str, Decimal], plan: PlanTerms, one: Commitment) -> dict[str, Decimal]:
    """The quantities with one that was changed, as far as the plan sells it; else its minimum is taken."""
    others = {feature_id: quantity for feature_id, quantity in held.items() if feature_id != one.feature_id}
    kept = {kept.feature_id: kept.quantity for kept in kept_commitments(plan, {one.feature_id: one.quantity})}
    return others | ({one.feature_id: kept[one.feature_id]} if one.feature_id in kept else {})


def with_what_they_require(plan: PlanTerms, add_ons: Mapping[str, int]) -> dict[str, int]:
    """Of the add-ons that were kept, those whose required add-ons were kept as well."""
    held = dict(add_ons)
    while True:
        complete = {
            add_on_id: quantity
            for add_on_id, quantity in held.items()
            if all(required in held for required in plan.add_ons[add_on_id].required)
        }
        if complete == held:
            return held
        held = complete
