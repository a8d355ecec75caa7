"""What a plan version would mean, in messages."""

from billing.domain.plan_effect import Effect, PlanVersionPreview
from billing.domain.plan_terms import PlanTerms
from billing.messages.enums import billing_period_to_proto
from billing.messages.plan_terms import plan_terms_from_proto
from kernel.errors import FieldViolation, invalid
from kernel.ids import check_id
from kit.proto import money_to_proto
from tollkeeper.billing.v1 import subscription_service_pb2 as pb


def plan_terms_asked(request: pb.PreviewPlanVersionRequest) -> PlanTerms:
    """The terms of the version that the caller asks about.

    Raises:
        TollkeeperError: `INVALID_FIELD` for a version that the catalog would not publish.
    """
    check_id(request.plan_version.plan_id, "plan_version.plan_id")
    try:
        return plan_terms_from_proto(request.plan_version)
    except (ValueError, ArithmeticError) as error:
        message = "must be a complete version as the catalog answers it, published or not"
        raise invalid(FieldViolation("plan_version", message)) from error


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
