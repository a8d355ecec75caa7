"""What both publishing commands begin with: the open draft, checked against the catalog as it is now."""

import asyncio
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from catalog.domain.content_rules import check_content
from catalog.domain.errors import not_published, offering_not_found
from catalog.domain.mistakes import BoundedMistakes
from catalog.domain.offering import O, check_draft_open, check_etag
from catalog.domain.offering_kind import OfferingKind
from catalog.domain.plan_content import PlanContent, check_required_add_ons
from catalog.domain.surroundings import Owner, check_in_use, unpublished
from catalog.store.offerings import C, Offerings
from catalog.store.reach import surroundings


async def open_draft(
    connection: AsyncConnection, offerings: Offerings[O, C, Any], id: str, *, etag: str
) -> tuple[O, C]:
    """The plan or add-on, locked, with the content that can be published.

    What it names may have changed since it was saved: the draft is checked anew. The caller holds the catalog's lock, so
    that of two offerings about to name each other the second sees the first.

    Raises:
        TollkeeperError: `PLAN_NOT_FOUND`, `ADD_ON_NOT_FOUND`; `ETAG_MISMATCH`; `DRAFT_NOT_OPEN`; `INVALID_FIELD`;
            `NOT_PUBLISHED`.
    """
    offering = await offerings.get(connection, id, lock=True)
    if offering is None:
        raise offering_not_found(offerings.kind, id)
    check_etag(offering, etag)
    check_draft_open(offering)
    content = await offerings.get_draft(connection, id)
    if content is None:
        raise RuntimeError(f"the draft of {id} has no content")
    mistakes = BoundedMistakes()
    around = await surroundings(connection, content, drafts=False)
    owner = Owner(id, offering.product_id)
    await asyncio.to_thread(check_content, content, around, owner, path="content", mistakes=mistakes)
    check_in_use(content, around, path="content", mistakes=mistakes)
    if isinstance(content, PlanContent):
        check_required_add_ons(content, around, path="content", mistakes=mistakes)
    mistakes.check()
    missing = unpublished(content, around)
    if missing:
        plan_ids = [reference.id for reference in missing if reference.kind is OfferingKind.PLAN]
        add_on_ids = [reference.id for reference in missing if reference.kind is OfferingKind.ADD_ON]
        raise not_published(plan_ids=plan_ids, add_on_ids=add_on_ids)
    return offering, content
