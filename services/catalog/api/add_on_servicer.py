"""``AddOnService``."""

import asyncio
from dataclasses import dataclass

from catalog import queries
from catalog.commands.create_offering import CreateOffering
from catalog.commands.discard_draft import DiscardDraft
from catalog.commands.publish_add_on import PublishAddOn
from catalog.commands.save_draft import SaveDraft
from catalog.commands.update_offering import UpdateOffering
from catalog.domain.add_on import AddOn, AddOnVersion
from catalog.domain.add_on_content import AddOnContent
from catalog.messages.add_on import (
    add_on_content_from_proto,
    add_on_spec_from_proto,
    add_on_to_proto,
    add_on_version_to_proto,
)
from catalog.store.add_ons import ADD_ONS
from kit.db import Database
from kit.paging import page_of, page_of_messages
from kit.rpc import Context
from tollkeeper.catalog.v1 import add_on_service_pb2 as pb
from tollkeeper.catalog.v1 import add_on_service_pb2_grpc as grpc_api


@dataclass(frozen=True, slots=True)
class AddOnCommands:
    """What can be done to an add-on."""

    create: CreateOffering[AddOn]
    update: UpdateOffering[AddOn]
    save_draft: SaveDraft[AddOn, AddOnContent, AddOnVersion]
    discard_draft: DiscardDraft
    publish: PublishAddOn


class AddOnServicer(grpc_api.AddOnServiceServicer):
    """Converts, calls, converts."""

    def __init__(self, database: Database, commands: AddOnCommands) -> None:
        self._database = database
        self._commands = commands

    async def CreateAddOn(self, request: pb.CreateAddOnRequest, _context: Context) -> pb.CreateAddOnResponse:
        add_on = await self._commands.create(add_on_spec_from_proto(request.add_on))
        return pb.CreateAddOnResponse(add_on=add_on_to_proto(add_on))

    async def UpdateAddOn(self, request: pb.UpdateAddOnRequest, _context: Context) -> pb.UpdateAddOnResponse:
        spec, paths = add_on_spec_from_proto(request.add_on), request.update_mask.paths
        add_on = await self._commands.update(spec, paths, etag=request.add_on.etag)
        return pb.UpdateAddOnResponse(add_on=add_on_to_proto(add_on))

    async def GetAddOn(self, request: pb.GetAddOnRequest, _context: Context) -> pb.GetAddOnResponse:
        add_on = await queries.get_offering(self._database, ADD_ONS, request.add_on_id)
        return pb.GetAddOnResponse(add_on=add_on_to_proto(add_on))

    async def ListAddOns(self, request: pb.ListAddOnsRequest, _context: Context) -> pb.ListAddOnsResponse:
        page = page_of(request.page_size, request.page_token, filters=["add_ons", request.product_id])
        rows = await queries.list_offerings(self._database, ADD_ONS, page, product_id=request.product_id)
        add_ons, token = page_of_messages(rows, page, convert=add_on_to_proto, key=lambda add_on: (add_on.id,))
        return pb.ListAddOnsResponse(add_ons=add_ons, next_page_token=token)

    async def SaveAddOnDraft(self, request: pb.SaveAddOnDraftRequest, _context: Context) -> pb.SaveAddOnDraftResponse:
        # In a thread: a content may be megabytes, and other calls go on meanwhile.
        content = await asyncio.to_thread(add_on_content_from_proto, request.content)
        version = await self._commands.save_draft(request.add_on_id, content, etag=request.etag)
        return pb.SaveAddOnDraftResponse(add_on_version=add_on_version_to_proto(version))

    async def DiscardAddOnDraft(
        self, request: pb.DiscardAddOnDraftRequest, _context: Context
    ) -> pb.DiscardAddOnDraftResponse:
        await self._commands.discard_draft(request.add_on_id)
        return pb.DiscardAddOnDraftResponse()

    async def PublishAddOn(self, request: pb.PublishAddOnRequest, _context: Context) -> pb.PublishAddOnResponse:
        version = await self._commands.publish(request.add_on_id, etag=request.etag)
        return pb.PublishAddOnResponse(add_on_version=add_on_version_to_proto(version))

    async def GetAddOnVersion(
        self, request: pb.GetAddOnVersionRequest, _context: Context
    ) -> pb.GetAddOnVersionResponse:
        _, version = await queries.get_version(self._database, ADD_ONS, request.add_on_id, version=request.version)
        return pb.GetAddOnVersionResponse(add_on_version=add_on_version_to_proto(version))
