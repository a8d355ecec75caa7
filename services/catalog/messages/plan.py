"""Plans and their versions in messages."""

from catalog.domain.offering import OfferingSpec, VersionState
from catalog.domain.plan import Plan, PlanVersion
from catalog.messages.add_on import add_on_version_from_proto, add_on_version_to_proto
from catalog.messages.entitlement import entitlement_from_proto, entitlement_to_proto
from catalog.messages.enums import enum_to_proto
from catalog.messages.feature import feature_from_proto, feature_to_proto
from catalog.messages.plan_content import plan_content_from_proto, plan_content_to_proto
from kernel.errors import Mistakes
from kit.paging import MAX_PAGE_BYTES
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
        archived=plan.archived,
        carried_version=plan.carried_version,
        etag=plan.etag,
    )


def plan_spec_from_proto(message: pb.Plan) -> OfferingSpec:
    """What the caller says of a plan."""
    return OfferingSpec(message.id, message.product_id, message.display_name, message.description, message.archived)


def plan_version_to_proto(version: PlanVersion) -> pb.PlanVersion:
    """A version as the contract shows it."""
    return pb.PlanVersion(
        plan_id=version.id,
        version=version.version,
        product_id=version.product_id,
        state=enum_to_proto(pb.PlanVersionState, version.state),
        content=plan_content_to_proto(version.content),
        features=map(feature_to_proto, version.features),
        publish_time=None if version.publish_time is None else timestamp_to_proto(version.publish_time),
        display_name=version.display_name,
        effective_entitlements=map(entitlement_to_proto, version.effective_entitlements),
        add_ons=map(add_on_version_to_proto, version.add_ons),
        multiple_subscriptions=version.multiple_subscriptions,
    )


def plan_version_from_proto(message: pb.PlanVersion) -> PlanVersion:
    """A published version from a message that the catalog itself wrote."""
    return PlanVersion(
        id=message.plan_id,
        version=message.version,
        product_id=message.product_id,
        display_name=message.display_name,
        state=VersionState.PUBLISHED,
        content=plan_content_from_proto(message.content),
        features=tuple(map(feature_from_proto, message.features)),
        publish_time=timestamp_from_proto(message.publish_time, "publish_time"),
        effective_entitlements=tuple(map(entitlement_from_proto, message.effective_entitlements)),
        add_ons=tuple(map(add_on_version_from_proto, message.add_ons)),
        multiple_subscriptions=message.multiple_subscriptions,
    )


def check_version_size(version: PlanVersion, path: str, mistakes: Mistakes) -> None:
    """Notes a complete version that no client could read: with it, its answer must stay below what gRPC accepts."""
    size = plan_version_to_proto(version).ByteSize()
    if size > MAX_PAGE_BYTES:
        message = f"makes a version of {size:,} bytes with its add-ons and what it inherits: at most {MAX_PAGE_BYTES:,}"
        mistakes.add(path, f"{message} can be read; name fewer add-ons, or fewer prices")
