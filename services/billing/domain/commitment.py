"""Commitments: quantities paid in advance whatever is used, which are the limits of their features."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from billing.domain.plan_terms import BillingModel, Charge, PlanTerms
from kernel.errors import Mistakes
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
    return in_order(asked)


def asked_commitments(terms: PlanTerms, requested: Sequence[Commitment]) -> dict[str, Decimal]:
    """The quantities asked for by feature, in whole blocks.

    Raises:
        TollkeeperError: `COMMITMENT_INVALID` naming every mistake.
    """
    mistakes = Mistakes()
    asked = _checked(terms, requested, mistakes)
    mistakes.check(REASON)
    return asked


def kept_commitments(terms: PlanTerms, held: Mapping[str, Decimal]) -> tuple[Commitment, ...]:
    """What stays of commitments with another plan: those that it sells as well, in whole blocks and within its bounds."""
    kept = []
    for charge in terms.of_model(BillingModel.PER_UNIT):
        quantity = charge.in_whole_blocks(held.get(charge.feature_id, charge.minimum))
        if quantity >= charge.minimum and (charge.maximum is None or quantity <= charge.maximum):
            kept.append(Commitment(charge.feature_id, quantity))
    return tuple(kept)


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


def in_order(quantities: Mapping[str, Decimal]) -> tuple[Commitment, ...]:
    """Commitments by feature, in the order of feature ids."""
    return tuple(Commitment(feature_id, quantities[feature_id]) for feature_id in sorted(quantities))
