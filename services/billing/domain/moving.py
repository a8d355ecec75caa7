"""What a holding becomes with another plan version: everything comes along that the version sells as well."""

from collections.abc import Mapping, Sequence

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
