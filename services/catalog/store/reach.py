"""What can be reached from contents by the names in them."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Generic

from sqlalchemy.ext.asyncio import AsyncConnection

from catalog.domain.content import Content
from catalog.domain.offering import O, V
from catalog.domain.offering_kind import OfferingKind
from catalog.domain.surroundings import Surroundings, held_neighbors
from catalog.store.add_ons import ADD_ONS
from catalog.store.features import FEATURES
from catalog.store.offerings import Offerings
from catalog.store.plans import PLANS


@dataclass(frozen=True, slots=True)
class Reached(Generic[O, V]):
    """Plans or add-ons by id: those that were asked for, and all that their contents lead to.

    Attributes:
        versions: The newest published version of each that has one.
        contents: That which was followed: of the newest version or, where drafts were asked for, of an open draft.
    """

    offerings: dict[str, O]
    versions: dict[str, V]
    contents: dict[str, Content]


async def reach(
    connection: AsyncConnection, offerings: Offerings[O, Any, V], ids: Collection[str], *, drafts: bool = False
) -> Reached[O, V]:
    """Follows the names from these on; with `drafts`, an open draft's instead of the newest version's."""
    reached: Reached[O, V] = Reached({}, {}, {})
    seen: set[str] = set()
    following = set(ids) - {""}
    while following:
        seen |= following
        reached.offerings.update(await offerings.get_all(connection, following))
        reached.versions.update(await offerings.get_latest(connection, following))
        contents: dict[str, Content] = {
            each: reached.versions[each].content for each in following & reached.versions.keys()
        }
        if drafts:
            contents |= await offerings.get_drafts(connection, following)
        reached.contents.update(contents)
        following = {link for content in contents.values() for link in content.links} - seen
    return reached


async def surroundings(connection: AsyncConnection, content: Content, *, drafts: bool) -> Surroundings:
    """What one content must know of the catalog around it."""
    references = content.references
    plan_ids = [reference.id for reference in references if reference.kind is OfferingKind.PLAN]
    add_on_ids = [reference.id for reference in references if reference.kind is OfferingKind.ADD_ON]
    plans = await reach(connection, PLANS, plan_ids, drafts=drafts)
    add_ons = await reach(connection, ADD_ONS, add_on_ids, drafts=drafts)
    features = await FEATURES.get_all(connection, content.feature_ids)
    return Surroundings(
        features={feature_id: feature.spec for feature_id, feature in features.items()},
        plans=held_neighbors(plans.offerings, plans.contents),
        add_ons=held_neighbors(add_ons.offerings, add_ons.contents),
    )
