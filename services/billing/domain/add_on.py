"""Add-ons of a subscription: which may be held together, and how many."""

from collections.abc import Iterator, Mapping, Sequence

from billing.domain.holding import HeldAddOn
from billing.domain.plan_terms import BillingModel, Charge, PlanTerms
from kernel.errors import Mistakes

REASON = "ADD_ON_INVALID"


def asked_add_ons(terms: PlanTerms, requested: Sequence[HeldAddOn]) -> dict[str, int]:
    """The quantities asked for by add-on; 0 takes one away.

    Raises:
        TollkeeperError: `ADD_ON_INVALID` naming every mistake.
    """
    mistakes = Mistakes()
    for i, one in enumerate(requested):
        add_on = terms.add_ons.get(one.add_on_id)
        if add_on is None:
            mistakes.add(f"add_ons[{i}].add_on_id", _unknown(terms))
        elif one.quantity > add_on.maximum:
            mistakes.add(f"add_ons[{i}].quantity", f"must be at most {add_on.maximum} of {add_on.id}")
    mistakes.check(REASON)
    return {one.add_on_id: one.quantity for one in requested}


def kept_add_ons(terms: PlanTerms, held: Sequence[HeldAddOn]) -> dict[str, int]:
    """What stays of add-ons with another plan: those it is compatible with, as many as are held and it allows."""
    return {
        one.add_on_id: one.quantity
        for one in held
        if one.add_on_id in terms.add_ons and one.quantity <= terms.add_ons[one.add_on_id].maximum
    }


def check_add_ons(terms: PlanTerms, quantities: Mapping[str, int]) -> tuple[HeldAddOn, ...]:
    """The add-ons that are held together, in the order of their ids.

    Raises:
        TollkeeperError: `ADD_ON_INVALID` if one requires another that is not held, or charges for a feature's usage that
            something else charges for.
    """
    held = {add_on_id: quantity for add_on_id, quantity in sorted(quantities.items()) if quantity}
    mistakes = Mistakes()
    for add_on_id in held:
        for required in terms.add_ons[add_on_id].required:
            if required not in held:
                mistakes.add("add_ons", f"must hold {required} as well, which {add_on_id} requires")
    charged: dict[str, str] = {}
    for source_id, charge in _usage_charges(terms, held):
        other = charged.setdefault(charge.feature_id, source_id)
        if other != source_id:
            mistakes.add("add_ons", f"must not hold {source_id}: {other} charges for the usage of {charge.feature_id}")
    mistakes.check(REASON)
    return tuple(HeldAddOn(add_on_id, quantity) for add_on_id, quantity in held.items())


def _usage_charges(terms: PlanTerms, held: Mapping[str, int]) -> Iterator[tuple[str, Charge]]:
    for charge in terms.charges:
        if charge.model is BillingModel.USAGE_BASED:
            yield terms.plan_id, charge
    for add_on_id in held:
        for charge in terms.add_ons[add_on_id].charges:
            if charge.model is BillingModel.USAGE_BASED:
                yield add_on_id, charge


def _unknown(terms: PlanTerms) -> str:
    if not terms.add_ons:
        return f"must be left out: the plan {terms.plan_id} is compatible with no add-on"
    return f"must be an add-on that the plan {terms.plan_id} is compatible with: {', '.join(sorted(terms.add_ons))}"
