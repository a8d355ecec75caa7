"""Plans and their versions in messages."""

from catalog.domain.plan import Plan, PlanSpec, PlanVersion, PlanVersionState
from catalog.messages.enums import enum_to_proto
from catalog.messages.feature import feature_from_proto, feature_to_proto
from catalog.messages.plan_content import content_from_proto, content_to_proto
from kit.proto import timestamp_from_proto, timestamp_to_proto
from tollkeeper.catalog.v1 import plan_pb2 as pb


def plan_to_proto(plan: Plan) -> pb.Plan:
    """A plan as the contract shows it."""
    return pb.Plan(
        id=plan.id,
        product_id=plan.product_id,
        display_name=plan.display_name,
        description=plan.description,
        latest_version=plan.latest_version,
        has_draft=plan.has_draft,
        revision=plan.revision,
        create_time=timestamp_to_proto(plan.create_time),
        update_time=timestamp_to_proto(plan.update_time),
    )


def plan_spec_from_proto(message: pb.Plan) -> PlanSpec:
    """What the caller says of a plan."""
    return PlanSpec(message.id, message.product_id, message.display_name, message.description)


def plan_version_to_proto(version: PlanVersion) -> pb.PlanVersion:
    """A version as the contract shows it."""
    return pb.PlanVersion(
        plan_id=version.plan_id,
        version=version.version,
        product_id=version.product_id,
        state=enum_to_proto(pb.PlanVersionState, version.state),
        content=content_to_proto(version.content),
        features=map(feature_to_proto, version.features),
        publish_time=None if version.publish_time is None else timestamp_to_proto(version.publish_time),
        display_name=version.display_name,
    )


def plan_version_from_proto(message: pb.PlanVersion) -> PlanVersion:
    """A published version from a message that the catalog itself wrote."""
    return PlanVersion(
        plan_id=message.plan_id,
        version=message.version,
        product_id=message.product_id,
        display_name=message.display_name,
        state=PlanVersionState.PUBLISHED,
        content=content_from_proto(message.content),
        features=tuple(map(feature_from_proto, message.features)),
        publish_time=timestamp_from_proto(message.publish_time, "publish_time"),
    )
