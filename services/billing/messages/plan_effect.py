"""What a plan version would mean, in messages."""

from collections.abc import Sequence

from billing.domain.plan_effect import Effect, PlanVersionPreview
from billing.domain.plan_terms import PlanTerms
from billing.messages.enums import billing_period_to_proto
from billing.messages.plan_terms import plan_terms_from_proto
from kernel.errors import FieldViolation, Mistakes, invalid
from kernel.ids import check_id
from kernel.pricing import violations
from kernel.quantity import parse_decimal
from kit.proto import money_to_proto
from tollkeeper.billing.v1 import subscription_service_pb2 as pb
from tollkeeper.catalog.v1 import charge_pb2


def plan_terms_asked(request: pb.PreviewPlanVersionRequest) -> PlanTerms:
    """The terms of the version that the caller asks about.

    Raises:
        TollkeeperError: `INVALID_FIELD` for a version that the catalog would not publish.
    """
    version = request.plan_version
    mistakes = Mistakes()
    mistakes.attempt(check_id, version.plan_id, "plan_version.plan_id")
    _check_numbers(version.content.charges, "plan_version.content", mistakes)
    for i, add_on in enumerate(version.add_ons):
        _check_numbers(add_on.content.charges, f"plan_version.add_ons[{i}].content", mistakes)
    mistakes.check()
    try:
        terms = plan_terms_from_proto(version)
    except (ValueError, ArithmeticError) as error:
        message = "must be a complete version as the catalog answers it, published or not"
        raise invalid(FieldViolation("plan_version", message)) from error
    charges = [*terms.charges, *(charge for add_on in terms.add_ons.values() for charge in add_on.charges)]
    for charge in charges:
        for offer, price_list in charge.prices.items():
            for violation in violations(price_list, f"plan_version, charge {charge.id}, {offer}"):
                mistakes.add(violation.path, violation.message)
    mistakes.check()
    return terms


def _check_numbers(charges: Sequence[charge_pb2.Charge], path: str, mistakes: Mistakes) -> None:
    """Notes what is no number: nobody has checked a version that is not published."""
    for i, charge in enumerate(charges):
        texts = [charge.minimum_quantity, charge.maximum_quantity, charge.block_size, *charge.tier_ends]
        for price in charge.prices:
            texts.append(price.amount)
            texts += [text for tier in price.tiers for text in (tier.unit_price, tier.flat_fee, tier.total_price)]
        for text in texts:
            if text:
                mistakes.attempt(parse_decimal, text, f"{path}.charges[{i}]")


def preview_to_proto(preview: PlanVersionPreview) -> pb.PreviewPlanVersionResponse:
    """What a version would mean as the contract shows it."""
    return pb.PreviewPlanVersionResponse(
        live_subscriptions=preview.live_subscriptions, effects=[_effect_to_proto(one) for one in preview.effects]
    )


def _effect_to_proto(effect: Effect) -> pb.PlanVersionEffect:
    return pb.PlanVersionEffect(
        plan_version=effect.plan_version,
        billing_period=billing_period_to_proto(effect.billing_period),
        subscriptions=effect.subscriptions,
        current_amount=money_to_proto(effect.current),
        new_amount=money_to_proto(effect.new),
        not_offered=effect.not_offered,
    )
