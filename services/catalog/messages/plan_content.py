"""Contents of plans in messages."""

from itertools import islice

from catalog.domain.plan_content import (
    MAX_CHARGES,
    MAX_COMPATIBLE_ADD_ONS,
    MAX_ENTITLEMENTS,
    PlanContent,
    PricingType,
    Trial,
    TrialEndBehavior,
)
from catalog.messages.charge import charge_from_proto, charge_to_proto
from catalog.messages.entitlement import entitlement_from_proto, entitlement_to_proto
from catalog.messages.enums import enum_from_proto, enum_to_proto, required_from_proto
from tollkeeper.catalog.v1 import plan_pb2 as pb


def plan_content_to_proto(content: PlanContent) -> pb.PlanContent:
    """A plan's content as the contract shows it."""
    return pb.PlanContent(
        pricing_type=enum_to_proto(pb.PricingType, content.pricing_type),
        entitlements=map(entitlement_to_proto, content.entitlements),
        charges=map(charge_to_proto, content.charges),
        base_plan_id=content.base_plan_id,
        compatible_add_on_ids=content.compatible_add_on_ids,
        trial=None if content.trial is None else _trial_to_proto(content.trial),
    )


def plan_content_from_proto(message: pb.PlanContent) -> PlanContent:
    """A plan's content as the caller gives it; lists that are too long are cut after the first entry too many."""
    return PlanContent(
        pricing_type=required_from_proto(pb.PricingType, PricingType, message.pricing_type),
        entitlements=tuple(map(entitlement_from_proto, islice(message.entitlements, MAX_ENTITLEMENTS + 1))),
        charges=tuple(map(charge_from_proto, islice(message.charges, MAX_CHARGES + 1))),
        base_plan_id=message.base_plan_id,
        compatible_add_on_ids=tuple(islice(message.compatible_add_on_ids, MAX_COMPATIBLE_ADD_ONS + 1)),
        trial=_trial_from_proto(message.trial) if message.HasField("trial") else None,
    )


def _trial_to_proto(trial: Trial) -> pb.Trial:
    end_behavior = enum_to_proto(pb.TrialEndBehavior, trial.end_behavior)
    return pb.Trial(duration_days=trial.duration_days, end_behavior=end_behavior)


def _trial_from_proto(message: pb.Trial) -> Trial:
    end_behavior = enum_from_proto(pb.TrialEndBehavior, TrialEndBehavior, message.end_behavior)
    return Trial(message.duration_days, end_behavior)
