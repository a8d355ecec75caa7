"""Whole catalogs, and how they differ, in messages."""

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Final

from catalog.domain.catalog_diff import ResourceChange, ResourceType
from catalog.domain.catalog_document import AddOnDocument, CatalogDocument, OfferingDocument, PlanDocument
from catalog.domain.document_rules import MAX_ADD_ONS, MAX_COUPONS, MAX_FEATURES, MAX_PLANS, MAX_PRODUCTS
from catalog.domain.plan import PlanVersion
from catalog.messages.add_on import add_on_content_from_proto, add_on_spec_from_proto
from catalog.messages.coupon import coupon_spec_from_proto
from catalog.messages.enums import enum_to_proto
from catalog.messages.feature import feature_spec_from_proto
from catalog.messages.plan import plan_spec_from_proto, plan_version_to_proto
from catalog.messages.plan_content import plan_content_from_proto
from catalog.messages.product import product_spec_from_proto
from tollkeeper.catalog.v1 import catalog_service_pb2 as pb

# gRPC clients accept 4 MiB unless told otherwise.
MAX_ANSWER_BYTES: Final = 3_900_000
# What inherits from one plan may differ in as many places as that: hundreds of plans, hundreds of entitlements each.
_MAX_FIELD_BYTES: Final = 1_500_000
# So that what is told of each thing always says whether more than its names differs.
_LEAST_FIELDS: Final = 4


def document_from_proto(message: pb.ApplyCatalogRequest) -> CatalogDocument:
    """The document as the caller gives it; lists that are too long are cut after the first entry too many."""
    return CatalogDocument(
        features=tuple(map(feature_spec_from_proto, islice(message.features, MAX_FEATURES + 1))),
        products=tuple(map(product_spec_from_proto, islice(message.products, MAX_PRODUCTS + 1))),
        add_ons=tuple(map(_add_on_from_proto, islice(message.add_ons, MAX_ADD_ONS + 1))),
        plans=tuple(map(_plan_from_proto, islice(message.plans, MAX_PLANS + 1))),
        coupons=tuple(map(coupon_spec_from_proto, islice(message.coupons, MAX_COUPONS + 1))),
    )


def changes_to_proto(changes: Sequence[ResourceChange]) -> list[pb.ResourceChange]:
    """The changes as the contract shows them; of more places than fit, the first few of each and how many more."""
    messages = []
    room = _MAX_FIELD_BYTES
    for change in changes:
        message = pb.ResourceChange(
            resource=resource_names_to_proto(change.resource, [change.id])[0],
            type=enum_to_proto(pb.ChangeType, change.type),
            plan_version=change.version,
        )
        for number, field in enumerate(change.fields):
            if room < 0 and number >= _LEAST_FIELDS:
                more = f"and {len(change.fields) - number:,} more"
                message.fields.add(path="…", new_value=more)
                break
            message.fields.add(path=field.path, old_value=field.old_value, new_value=field.new_value)
            room -= message.fields[-1].ByteSize()
        messages.append(message)
    return messages


def resource_names_to_proto(resource: ResourceType, ids: Iterable[str]) -> list[pb.ResourceName]:
    """Things of one kind as the contract names them."""
    number = enum_to_proto(pb.ResourceType, resource)
    return [pb.ResourceName(type=number, id=resource_id) for resource_id in ids]


def add_versions_that_fit(message: pb.ApplyCatalogResponse, versions: Sequence[PlanVersion]) -> None:
    """Adds the versions to an otherwise complete answer, as many as it has room for."""
    room = MAX_ANSWER_BYTES - message.ByteSize()
    for version in versions:
        shown = plan_version_to_proto(version)
        room -= shown.ByteSize()
        if room < 0:
            return
        message.plan_versions.append(shown)


def _plan_from_proto(message: pb.PlanDocument) -> PlanDocument:
    content = plan_content_from_proto(message.content) if message.HasField("content") else None
    return OfferingDocument(plan_spec_from_proto(message.plan), content)


def _add_on_from_proto(message: pb.AddOnDocument) -> AddOnDocument:
    content = add_on_content_from_proto(message.content) if message.HasField("content") else None
    return OfferingDocument(add_on_spec_from_proto(message.add_on), content)
