"""Plans in the store."""

from typing import Final

from catalog.domain.plan import Plan, PlanVersion
from catalog.messages.plan import plan_version_from_proto, plan_version_to_proto
from catalog.messages.plan_content import plan_content_from_proto, plan_content_to_proto
from catalog.store import tables
from catalog.store.body import Body
from catalog.store.offerings import Offerings
from tollkeeper.catalog.v1 import plan_pb2

PLANS: Final = Offerings(
    Plan,
    PlanVersion,
    table=tables.plan,
    drafts=tables.plan_draft,
    versions=tables.plan_version,
    content=Body(plan_pb2.PlanContent, plan_content_to_proto, plan_content_from_proto),
    version=Body(plan_pb2.PlanVersion, plan_version_to_proto, plan_version_from_proto),
)
