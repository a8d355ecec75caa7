"""Commitments: quantities paid in advance whatever is used, which are the limits of their features."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from billing.domain.plan_terms import BillingModel, Charge, PlanTerms
from kernel.errors import Mistakes, precondition
from kernel.quantity import format_decimal

REASON = "COMMITMENT_INVALID"


@dataclass(frozen=True, slots=True)
class Commitment:
    """A committed quantity of a feature, or one that is asked for."""

    feature_id: str
    quantity: Decimal


def first_commitments(terms: PlanTerms, requested: Sequence[Commitment]) -> tuple[Commitment, ...]:
    """The commitments of a new subscription, in the order of feature ids: as asked for, else the charge's minimum.

    Raises:
        TollkeeperError: `COMMITMENT_INVALID` naming every mistake.
    """
    mistakes = Mistakes()
    asked = _checked(terms, requested, mistakes)
    for charge in terms.of_model(BillingModel.PER_UNIT):
        if charge.feature_id not in asked:
            asked[charge.feature_id] = charge.in_whole_blocks(charge.minimum)
            if not mistakes.found:
                _check_maximum(charge, asked[charge.feature_id], path="commitments", mistakes=mistakes)
    mistakes.check(REASON)
    return _in_order(asked)


def raised_commitments(
    terms: PlanTerms, current: Sequence[Commitment], requested: Sequence[Commitment]
) -> tuple[Commitment, ...]:
    """The commitments after a raise, in the order of feature ids; those that are not named stay.

    Raises:
        TollkeeperError: `COMMITMENT_INVALID` naming every mistake; `COMMITMENT_DECREASE` for a smaller quantity.
    """
    mistakes = Mistakes()
    held = {commitment.feature_id: commitment.quantity for commitment in current}
    asked = _checked(terms, requested, mistakes)
    mistakes.check(REASON)
    for feature_id, quantity in asked.items():
        if quantity < held[feature_id]:
            raise precondition(
                "COMMITMENT_DECREASE",
                f"{format_decimal(held[feature_id])} of {feature_id} are committed; a commitment can only be raised, "
                f"not lowered to {format_decimal(quantity)}.",
                feature_id=feature_id,
                committed=format_decimal(held[feature_id]),
            )
    return _in_order(held | asked)


def _checked(terms: PlanTerms, requested: Sequence[Commitment], mistakes: Mistakes) -> dict[str, Decimal]:
    charges = {charge.feature_id: charge for charge in terms.of_model(BillingModel.PER_UNIT)}
    asked: dict[str, Decimal] = {}
    for i, commitment in enumerate(requested):
        path = f"commitments[{i}]"
        charge = charges.get(commitment.feature_id)
        if charge is None:
            mistakes.add(f"{path}.feature_id", _unknown(terms, charges))
        elif commitment.feature_id in asked:
            mistakes.add(f"{path}.feature_id", f"names {commitment.feature_id} a second time: name each feature once")
        else:
            asked[commitment.feature_id] = charge.in_whole_blocks(commitment.quantity)
            _check_bounds(charge, asked[commitment.feature_id], path=f"{path}.quantity", mistakes=mistakes)
    return asked


def _unknown(terms: PlanTerms, charges: Mapping[str, Charge]) -> str:
    if not charges:
        return f"must be left out: the plan {terms.plan_id} has no charge with a commitment"
    return f"must be a feature that the plan {terms.plan_id} sells by commitment: {', '.join(sorted(charges))}"


def _check_bounds(charge: Charge, quantity: Decimal, *, path: str, mistakes: Mistakes) -> None:
    if quantity < charge.minimum:
        mistakes.add(path, f"must be at least {format_decimal(charge.minimum)} of {charge.feature_id}")
    _check_maximum(charge, quantity, path=path, mistakes=mistakes)


def _check_maximum(charge: Charge, quantity: Decimal, *, path: str, mistakes: Mistakes) -> None:
    if charge.maximum is not None and quantity > charge.maximum:
        blocks = f"; in whole blocks it is {format_decimal(quantity)}" if charge.block_size is not None else ""
        mistakes.add(path, f"must be at most {format_decimal(charge.maximum)} of {charge.feature_id}{blocks}")


def _in_order(quantities: Mapping[str, Decimal]) -> tuple[Commitment, ...]:
    return tuple(Commitment(feature_id, quantities[feature_id]) for feature_id in sorted(quantities))
