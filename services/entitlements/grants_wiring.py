"""What entitlements owns itself, put together: promotional grants and revocations."""

from functools import partial

from entitlements.api.promotional_grant_servicer import PromotionalGrantServicer
from entitlements.api.revocation_servicer import RevocationServicer
from entitlements.clients.metering import MeteringClient
from entitlements.commands.create_promotional_grant import CreatePromotionalGrant
from entitlements.commands.find_customer import FindCustomer
from entitlements.commands.find_feature import FindFeature
from entitlements.commands.fresh_entry import FreshEntry
from entitlements.commands.restore_entitlement import RestoreEntitlement
from entitlements.commands.revoke_entitlement import RevokeEntitlement
from entitlements.commands.revoke_promotional_grant import RevokePromotionalGrant
from entitlements.store import tables
from kernel.clock import Clock
from kit.db import Database
from kit.outbox import Outbox
from kit.rpc import Registration
from tollkeeper.entitlements.v1 import promotional_grant_service_pb2_grpc as grant_grpc
from tollkeeper.entitlements.v1 import revocation_service_pb2_grpc as revocation_grpc


def grant_registrations(
    database: Database, fresh: FreshEntry, *, find_feature: FindFeature, metering: MeteringClient, clock: Clock
) -> list[Registration]:
    """The services of what is given to customers, and taken from them, by hand."""
    outbox = Outbox("entitlements", tables.outbox)
    find_customer = FindCustomer(fresh)
    create = CreatePromotionalGrant(
        database, outbox, find_customer=find_customer, find_feature=find_feature, metering=metering, clock=clock
    )
    grants = PromotionalGrantServicer(database, create, revoke=RevokePromotionalGrant(database, outbox, clock=clock))
    revoke = RevokeEntitlement(database, outbox, find_customer=find_customer, find_feature=find_feature, clock=clock)
    restore = RestoreEntitlement(database, outbox, find_customer=find_customer)
    revocations = RevocationServicer(database, revoke, restore=restore)
    services = {
        "PromotionalGrantService": partial(grant_grpc.add_PromotionalGrantServiceServicer_to_server, grants),
        "RevocationService": partial(revocation_grpc.add_RevocationServiceServicer_to_server, revocations),
    }
    return [Registration(f"tollkeeper.entitlements.v1.{name}", add) for name, add in services.items()]
