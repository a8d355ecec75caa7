"""Reads without rules."""

from collections.abc import Sequence
from typing import Any

from catalog.domain.coupon import Coupon
from catalog.domain.errors import (
    coupon_not_found,
    feature_not_found,
    offering_not_found,
    product_not_found,
    version_not_found,
)
from catalog.domain.feature import Feature
from catalog.domain.offering import O, V, draft_of
from catalog.domain.product import Product
from catalog.store.coupons import COUPONS
from catalog.store.features import FEATURES
from catalog.store.offerings import Offerings
from catalog.store.products import PRODUCTS
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
        product = await PRODUCTS.get(connection, product_id)
    if product is None:
        raise product_not_found(product_id)
    return product


async def list_products(database: Database, page: Page) -> Sequence[Product]:
    """The products of a page, and one more where there are more."""
    async with database.read() as connection:
        return await PRODUCTS.list_page(connection, page)


async def get_feature(database: Database, feature_id: str) -> Feature:
    """One feature.

    Raises:
        TollkeeperError: `INVALID_FIELD`; `FEATURE_NOT_FOUND`.
    """
    check_id(feature_id, "feature_id")
    async with database.read() as connection:
        feature = await FEATURES.get(connection, feature_id)
    if feature is None:
        raise feature_not_found(feature_id)
    return feature


async def list_features(database: Database, page: Page) -> Sequence[Feature]:
    """The features of a page, and one more where there are more."""
    async with database.read() as connection:
        return await FEATURES.list_page(connection, page)


async def get_coupon(database: Database, coupon_id: str) -> Coupon:
    """One coupon.

    Raises:
        TollkeeperError: `INVALID_FIELD`; `COUPON_NOT_FOUND`.
    """
    check_id(coupon_id, "coupon_id")
    async with database.read() as connection:
        coupon = await COUPONS.get(connection, coupon_id)
    if coupon is None:
        raise coupon_not_found(coupon_id)
    return coupon


async def list_coupons(database: Database, page: Page) -> Sequence[Coupon]:
    """The coupons of a page, and one more where there are more."""
    async with database.read() as connection:
        return await COUPONS.list_page(connection, page)


async def get_offering(database: Database, offerings: Offerings[O, Any, Any], id: str) -> O:
    """One plan or add-on.

    Raises:
        TollkeeperError: `INVALID_FIELD`; `PLAN_NOT_FOUND`, `ADD_ON_NOT_FOUND`.
    """
    check_id(id, f"{offerings.kind.field}_id")
    async with database.read() as connection:
        offering = await offerings.get(connection, id)
    if offering is None:
        raise offering_not_found(offerings.kind, id)
    return offering


async def list_offerings(
    database: Database, offerings: Offerings[O, Any, Any], page: Page, *, product_id: str
) -> Sequence[O]:
    """The plans or add-ons of a page, and one more where there are more; of one product, or of every one.

    Raises:
        TollkeeperError: `INVALID_FIELD`.
    """
    of_product = {"product_id": check_id(product_id, "product_id")} if product_id else {}
    async with database.read() as connection:
        return await offerings.list_page(connection, page, **of_product)


async def get_version(database: Database, offerings: Offerings[O, Any, V], id: str, *, version: int) -> tuple[O, V]:
    """A plan or add-on with one version of it: the newest published one for 0, the open draft for its number.

    Raises:
        TollkeeperError: `INVALID_FIELD`; `PLAN_NOT_FOUND`, `ADD_ON_NOT_FOUND`; `PLAN_VERSION_NOT_FOUND`,
            `ADD_ON_VERSION_NOT_FOUND`.
    """
    check_id(id, f"{offerings.kind.field}_id")
    if version < 0:
        raise invalid(FieldViolation("version", "must be 1 or more, or 0 for the newest published version"))
    async with database.read() as connection:
        offering = await offerings.get(connection, id)
        if offering is None:
            raise offering_not_found(offerings.kind, id)
        if version == offering.latest_version + 1:
            draft = await offerings.get_draft(connection, id)
            found = None if draft is None else draft_of(offerings.make_version, offering, draft)
        else:
            found = await offerings.get_version(connection, id, version or offering.latest_version)
    if found is None:
        raise version_not_found(offerings.kind, id, version)
    return offering, found


async def list_versions(database: Database, offerings: Offerings[Any, Any, V], id: str, page: Page) -> Sequence[V]:
    """The versions of a page, and one more where there are more: newest first, an open draft before them.

    Raises:
        TollkeeperError: `INVALID_FIELD`; `INVALID_PAGE_TOKEN`; `PLAN_NOT_FOUND`, `ADD_ON_NOT_FOUND`.
    """
    check_id(id, f"{offerings.kind.field}_id")
    async with database.read() as connection:
        offering = await offerings.get(connection, id)
        if offering is None:
            raise offering_not_found(offerings.kind, id)
        before = _version_of(page) if page.after else offering.latest_version + 2
        draft = await offerings.get_draft(connection, id) if before > offering.latest_version + 1 else None
        newest = [] if draft is None else [draft_of(offerings.make_version, offering, draft)]
        limit = page.size + 1 - len(newest)
        return [*newest, *await offerings.list_versions(connection, id, before=before, limit=limit)]


def _version_of(page: Page) -> int:
    text = page.after[0]
    # A version has at most ten digits; a token with anything else is not ours.
    if not (text.isascii() and text.isdigit() and len(text) <= 10):
        violation = FieldViolation("page_token", "is not one that this list returned; start again without it")
        raise invalid(violation, reason="INVALID_PAGE_TOKEN")
    return int(text)
