"""Add-ons and their versions in messages."""

from itertools import islice

from catalog.domain.add_on import AddOn, AddOnVersion
from catalog.domain.add_on_content import MAX_CHARGES, MAX_ENTITLEMENTS, MAX_REQUIRED, AddOnContent
from catalog.domain.offering import OfferingSpec, VersionState
from catalog.messages.charge import charge_from_proto, charge_to_proto
from catalog.messages.entitlement import entitlement_from_proto, entitlement_to_proto
from catalog.messages.enums import enum_to_proto
from catalog.messages.feature import feature_from_proto, feature_to_proto
from kit.proto import timestamp_from_proto, timestamp_to_proto
from tollkeeper.catalog.v1 import add_on_pb2 as pb


def add_on_to_proto(add_on: AddOn) -> pb.AddOn:
    """An add-on as the contract shows it."""
    return pb.AddOn(
        id=add_on.id,
        product_id=add_on.product_id,
        display_name=add_on.display_name,
        description=add_on.description,
        latest_version=add_on.latest_version,
        has_draft=add_on.has_draft,
        archived=add_on.archived,
        revision=add_on.revision,
        create_time=timestamp_to_proto(add_on.create_time),
        update_time=timestamp_to_proto(add_on.update_time),
        etag=add_on.etag,
    )


def add_on_spec_from_proto(message: pb.AddOn) -> OfferingSpec:
    """What the caller says of an add-on."""
    return OfferingSpec(message.id, message.product_id, message.display_name, message.description, message.archived)


def add_on_content_to_proto(content: AddOnContent) -> pb.AddOnContent:
    """An add-on's content as the contract shows it."""
    return pb.AddOnContent(
        entitlements=map(entitlement_to_proto, content.entitlements),
        charges=map(charge_to_proto, content.charges),
        maximum_quantity=content.maximum_quantity,
        required_add_on_ids=content.required_add_on_ids,
    )


def add_on_content_from_proto(message: pb.AddOnContent) -> AddOnContent:
    """An add-on's content as the caller gives it; lists that are too long are cut after the first entry too many."""
    return AddOnContent(
        entitlements=tuple(map(entitlement_from_proto, islice(message.entitlements, MAX_ENTITLEMENTS + 1))),
        charges=tuple(map(charge_from_proto, islice(message.charges, MAX_CHARGES + 1))),
        maximum_quantity=message.maximum_quantity,
        required_add_on_ids=tuple(islice(message.required_add_on_ids, MAX_REQUIRED + 1)),
    )


def add_on_version_to_proto(version: AddOnVersion) -> pb.AddOnVersion:
    """A version as the contract shows it."""
    return pb.AddOnVersion(
        add_on_id=version.id,
        version=version.version,
        product_id=version.product_id,
        state=enum_to_proto(pb.AddOnVersionState, version.state),
        content=add_on_content_to_proto(version.content),
        features=map(feature_to_proto, version.features),
        publish_time=None if version.publish_time is None else timestamp_to_proto(version.publish_time),
        display_name=version.display_name,
    )


def add_on_version_from_proto(message: pb.AddOnVersion) -> AddOnVersion:
    """A published version from a message that the catalog itself wrote."""
    return AddOnVersion(
        id=message.add_on_id,
        version=message.version,
        product_id=message.product_id,
        display_name=message.display_name,
        state=VersionState.PUBLISHED,
        content=add_on_content_from_proto(message.content),
        features=tuple(map(feature_from_proto, message.features)),
        publish_time=timestamp_from_proto(message.publish_time, "publish_time"),
    )
