"""Whole catalogs, and how they differ, in messages."""

from collections.abc import Sequence
from itertools import islice

from catalog.domain.catalog_diff import FieldChange, ResourceChange, ResourceType
from catalog.domain.catalog_document import (
    MAX_FEATURES,
    MAX_PLANS,
    MAX_PRODUCTS,
    CatalogDocument,
    PlanDocument,
)
from catalog.messages.enums import enum_to_proto
from catalog.messages.feature import feature_spec_from_proto
from catalog.messages.plan import plan_spec_from_proto
from catalog.messages.plan_content import content_from_proto
from catalog.messages.product import product_spec_from_proto
from tollkeeper.catalog.v1 import catalog_service_pb2 as pb


def document_from_proto(message: pb.ApplyCatalogRequest) -> CatalogDocument:
    """The document as the caller gives it; lists that are too long are cut after the first entry too many."""
    return CatalogDocument(
        features=tuple(map(feature_spec_from_proto, islice(message.features, MAX_FEATURES + 1))),
        products=tuple(map(product_spec_from_proto, islice(message.products, MAX_PRODUCTS + 1))),
        plans=tuple(map(_plan_from_proto, islice(message.plans, MAX_PLANS + 1))),
    )


def changes_to_proto(changes: Sequence[ResourceChange]) -> list[pb.ResourceChange]:
    """The changes as the contract shows them."""
    return [_change_to_proto(change) for change in changes]


def resource_names_to_proto(resource: ResourceType, ids: Sequence[str]) -> list[pb.ResourceName]:
    """Things of one kind as the contract names them."""
    number = enum_to_proto(pb.ResourceType, resource)
    return [pb.ResourceName(type=number, id=resource_id) for resource_id in ids]


def _plan_from_proto(message: pb.PlanDocument) -> PlanDocument:
    content = content_from_proto(message.content) if message.HasField("content") else None
    return PlanDocument(plan_spec_from_proto(message.plan), content)


def _change_to_proto(change: ResourceChange) -> pb.ResourceChange:
    return pb.ResourceChange(
        resource=resource_names_to_proto(change.resource, [change.id])[0],
        type=enum_to_proto(pb.ChangeType, change.type),
        fields=map(_field_to_proto, change.fields),
        plan_version=change.plan_version,
    )


def _field_to_proto(field: FieldChange) -> pb.FieldChange:
    return pb.FieldChange(path=field.path, old_value=field.old_value, new_value=field.new_value)
