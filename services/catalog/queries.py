"""Reads without rules."""

from collections.abc import Sequence

from catalog.domain.errors import (
    feature_not_found,
    plan_not_found,
    plan_version_not_found,
    product_not_found,
)
from catalog.domain.feature import Feature
from catalog.domain.plan import Plan, PlanVersion, draft_of
from catalog.domain.product import Product
from catalog.store import features, plan_versions, plans, products
from kernel.errors import FieldViolation, invalid
from kernel.ids import check_id
from kit.db import Database
from kit.paging import Page


async def get_product(database: Database, product_id: str) -> Product:
    """One product.

    Raises:
        TollkeeperError: `INVALID_FIELD`; `PRODUCT_NOT_FOUND`.
    """
    check_id(product_id, "product_id")
    async with database.read() as connection:
        product = await products.get(connection, product_id)
    if product is None:
        raise product_not_found(product_id)
    return product


async def list_products(database: Database, page: Page) -> Sequence[Product]:
    """The products of a page, and one more where there are more."""
    async with database.read() as connection:
        return await products.list_page(connection, page)


async def get_feature(database: Database, feature_id: str) -> Feature:
    """One feature.

    Raises:
        TollkeeperError: `INVALID_FIELD`; `FEATURE_NOT_FOUND`.
    """
    check_id(feature_id, "feature_id")
    async with database.read() as connection:
        feature = await features.get(connection, feature_id)
    if feature is None:
        raise feature_not_found(feature_id)
    return feature


async def list_features(database: Database, page: Page) -> Sequence[Feature]:
    """The features of a page, and one more where there are more."""
    async with database.read() as connection:
        return await features.list_page(connection, page)


async def get_plan(database: Database, plan_id: str) -> Plan:
    """One plan.

    Raises:
        TollkeeperError: `INVALID_FIELD`; `PLAN_NOT_FOUND`.
    """
    check_id(plan_id, "plan_id")
    async with database.read() as connection:
        plan = await plans.get(connection, plan_id)
    if plan is None:
        raise plan_not_found(plan_id)
    return plan


async def list_plans(database: Database, page: Page, product_id: str) -> Sequence[Plan]:
    """The plans of a page, and one more where there are more; of one product, or of every one.

    Raises:
        TollkeeperError: `INVALID_FIELD`.
    """
    if product_id:
        check_id(product_id, "product_id")
    async with database.read() as connection:
        return await plans.list_page(connection, page, product_id)


async def get_plan_version(database: Database, plan_id: str, version: int) -> PlanVersion:
    """One version: the newest published one for 0, the open draft for its number.

    Raises:
        TollkeeperError: `INVALID_FIELD`; `PLAN_NOT_FOUND`; `PLAN_VERSION_NOT_FOUND`.
    """
    check_id(plan_id, "plan_id")
    if version < 0:
        raise invalid(FieldViolation("version", "must be 1 or more, or 0 for the newest published version"))
    async with database.read() as connection:
        plan = await plans.get(connection, plan_id)
        if plan is None:
            raise plan_not_found(plan_id)
        if version == plan.latest_version + 1:
            draft = await plans.get_draft(connection, plan_id)
            found = None if draft is None else draft_of(plan, draft)
        else:
            found = await plan_versions.get(connection, plan_id, version or plan.latest_version)
    if found is None:
        raise plan_version_not_found(plan_id, version)
    return found


async def list_plan_versions(database: Database, plan_id: str, page: Page) -> Sequence[PlanVersion]:
    """The versions of a page, and one more where there are more: newest first, an open draft before them.

    Raises:
        TollkeeperError: `INVALID_FIELD`; `INVALID_PAGE_TOKEN`; `PLAN_NOT_FOUND`.
    """
    check_id(plan_id, "plan_id")
    async with database.read() as connection:
        plan = await plans.get(connection, plan_id)
        if plan is None:
            raise plan_not_found(plan_id)
        before = _version_of(page) if page.after else plan.latest_version + 2
        draft = await plans.get_draft(connection, plan_id) if before > plan.latest_version + 1 else None
        newest = [] if draft is None else [draft_of(plan, draft)]
        limit = page.size + 1 - len(newest)
        return [*newest, *await plan_versions.list_before(connection, plan_id, before, limit=limit)]


def _version_of(page: Page) -> int:
    text = page.after[0]
    # A version has at most ten digits; a token with anything else is not ours.
    if not (text.isascii() and text.isdigit() and len(text) <= 10):
        violation = FieldViolation("page_token", "is not one that this list returned; start again without it")
        raise invalid(violation, reason="INVALID_PAGE_TOKEN")
    return int(text)
