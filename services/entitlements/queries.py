"""Reads without rules."""

from collections.abc import Sequence
from datetime import date

from entitlements.domain.promotional_grant import PromotionalGrant, Revocation
from entitlements.domain.shadow import ShadowRefusals
from entitlements.store import grants, revocations, shadow_refusals
from kit.db import Database
from kit.paging import Page


async def get_grant(database: Database, customer_id: str, grant_id: str) -> PromotionalGrant | None:
    """The customer's grant, revoked and expired ones too; None where it has none of the id."""
    async with database.read() as connection:
        return await grants.get(connection, customer_id, grant_id)


async def list_grants(
    database: Database, customer_id: str, page: Page, *, show_revoked: bool
) -> Sequence[PromotionalGrant]:
    """The grants of a page in the order of their ids, and one more where there are more."""
    async with database.read() as connection:
        return await grants.list_page(connection, customer_id, page, show_revoked=show_revoked)


async def list_revocations(database: Database, customer_id: str) -> Sequence[Revocation]:
    """What is revoked of the customer, in the order of feature ids."""
    async with database.read() as connection:
        return await revocations.list_all(connection, customer_id)


async def list_shadow_refusals(
    database: Database, page: Page, *, feature_id: str, first: date, last: date
) -> Sequence[ShadowRefusals]:
    """The counts of a page by day, feature and reason, and one more where there are more; `feature_id` empty: of all."""
    async with database.read() as connection:
        return await shadow_refusals.list_page(connection, page, feature_id=feature_id, first=first, last=last)
