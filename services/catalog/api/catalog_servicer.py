"""``CatalogService``."""

import asyncio

from catalog.commands.apply_catalog import ApplyCatalog
from catalog.messages.catalog import (
    add_versions_that_fit,
    changes_to_proto,
    document_from_proto,
    resource_names_to_proto,
)
from kit.rpc import Context
from tollkeeper.catalog.v1 import catalog_service_pb2 as pb
from tollkeeper.catalog.v1 import catalog_service_pb2_grpc as grpc_api


class CatalogServicer(grpc_api.CatalogServiceServicer):
    """Converts, calls, converts."""

    def __init__(self, apply: ApplyCatalog) -> None:
        self._apply = apply

    async def ApplyCatalog(self, request: pb.ApplyCatalogRequest, _context: Context) -> pb.ApplyCatalogResponse:
        # In a thread: a document may be megabytes, and other calls go on meanwhile.
        document = await asyncio.to_thread(document_from_proto, request)
        carry = request.carry_entitlements
        applying = self._apply.compare(document) if request.validate_only else self._apply(document, carry=carry)
        difference = await applying
        response = pb.ApplyCatalogResponse(
            changes=changes_to_proto(difference.changes),
            unlisted=[
                name for resource, ids in difference.unlisted.items() for name in resource_names_to_proto(resource, ids)
            ],
            unlisted_count=difference.unlisted_count,
            applied=not request.validate_only,
        )
        await asyncio.to_thread(add_versions_that_fit, response, difference.plan_versions)
        return response
