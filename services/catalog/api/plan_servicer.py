"""``PlanService``."""

import asyncio
from dataclasses import dataclass

from catalog import queries
from catalog.commands.create_offering import CreateOffering
from catalog.commands.discard_draft import DiscardDraft
from catalog.commands.publish_plan import PublishPlan
from catalog.commands.save_draft import SaveDraft
from catalog.commands.update_offering import UpdateOffering
from catalog.domain.plan import Plan, PlanVersion
from catalog.domain.plan_content import PlanContent
from catalog.messages.plan import plan_spec_from_proto, plan_to_proto, plan_version_to_proto
from catalog.messages.plan_content import plan_content_from_proto
from catalog.store.plans import PLANS
from kit.db import Database
from kit.paging import page_of, page_of_messages
from kit.rpc import Context
from tollkeeper.catalog.v1 import plan_service_pb2 as pb
from tollkeeper.catalog.v1 import plan_service_pb2_grpc as grpc_api


@dataclass(frozen=True, slots=True)
class PlanCommands:
    """What can be done to a plan."""

    create: CreateOffering[Plan]
    update: UpdateOffering[Plan]
    save_draft: SaveDraft[Plan, PlanContent, PlanVersion]
    discard_draft: DiscardDraft
    publish: PublishPlan


class PlanServicer(grpc_api.PlanServiceServicer):
    """Converts, calls, converts."""

    def __init__(self, database: Database, commands: PlanCommands) -> None:
        self._database = database
        self._commands = commands

    async def CreatePlan(self, request: pb.CreatePlanRequest, _context: Context) -> pb.CreatePlanResponse:
        plan = await self._commands.create(plan_spec_from_proto(request.plan))
        return pb.CreatePlanResponse(plan=plan_to_proto(plan))

    async def UpdatePlan(self, request: pb.UpdatePlanRequest, _context: Context) -> pb.UpdatePlanResponse:
        spec, paths = plan_spec_from_proto(request.plan), request.update_mask.paths
        plan = await self._commands.update(spec, paths, etag=request.plan.etag)
        return pb.UpdatePlanResponse(plan=plan_to_proto(plan))

    async def GetPlan(self, request: pb.GetPlanRequest, _context: Context) -> pb.GetPlanResponse:
        plan = await queries.get_offering(self._database, PLANS, request.plan_id)
        return pb.GetPlanResponse(plan=plan_to_proto(plan))

    async def ListPlans(self, request: pb.ListPlansRequest, _context: Context) -> pb.ListPlansResponse:
        page = page_of(request.page_size, request.page_token, filters=["plans", request.product_id])
        rows = await queries.list_offerings(self._database, PLANS, page, product_id=request.product_id)
        plans, token = page_of_messages(rows, page, convert=plan_to_proto, key=lambda plan: (plan.id,))
        return pb.ListPlansResponse(plans=plans, next_page_token=token)

    async def SavePlanDraft(self, request: pb.SavePlanDraftRequest, _context: Context) -> pb.SavePlanDraftResponse:
        # In a thread: a content may be megabytes, and other calls go on meanwhile.
        content = await asyncio.to_thread(plan_content_from_proto, request.content)
        version = await self._commands.save_draft(request.plan_id, content, etag=request.etag)
        return pb.SavePlanDraftResponse(plan_version=plan_version_to_proto(version))

    async def DiscardPlanDraft(
        self, request: pb.DiscardPlanDraftRequest, _context: Context
    ) -> pb.DiscardPlanDraftResponse:
        await self._commands.discard_draft(request.plan_id)
        return pb.DiscardPlanDraftResponse()

    async def PublishPlan(self, request: pb.PublishPlanRequest, _context: Context) -> pb.PublishPlanResponse:
        carry = request.carry_entitlements
        version = await self._commands.publish(request.plan_id, carry=carry, etag=request.etag)
        return pb.PublishPlanResponse(plan_version=plan_version_to_proto(version))

    async def GetPlanVersion(self, request: pb.GetPlanVersionRequest, _context: Context) -> pb.GetPlanVersionResponse:
        plan, version = await queries.get_version(self._database, PLANS, request.plan_id, version=request.version)
        return pb.GetPlanVersionResponse(plan_version=plan_version_to_proto(version), plan=plan_to_proto(plan))

    async def ListPlanVersions(
        self, request: pb.ListPlanVersionsRequest, _context: Context
    ) -> pb.ListPlanVersionsResponse:
        filters = ["plan_versions", request.plan_id]
        page = page_of(request.page_size, request.page_token, filters=filters, default=10, maximum=100)
        rows = await queries.list_versions(self._database, PLANS, request.plan_id, page)
        versions, token = page_of_messages(
            rows, page, convert=plan_version_to_proto, key=lambda version: (str(version.version),)
        )
        return pb.ListPlanVersionsResponse(plan_versions=versions, next_page_token=token)
