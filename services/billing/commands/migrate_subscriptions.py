"""Moves the live subscriptions of a plan to its newest version, a page at a time."""

from dataclasses import dataclass

from billing.clients.catalog import Catalog
from billing.commands.update_subscription import UpdateSubscription
from billing.domain.update import Timing, Update
from billing.store import subscriptions
from kernel.errors import ErrorKind, TollkeeperError
from kit.db import Database
from kit.paging import Page


@dataclass(frozen=True, slots=True)
class Failure:
    """A subscription that could not be moved, and why."""

    subscription_id: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Migrated:
    """What became of a page of subscriptions.

    Attributes:
        last: The last one looked at; empty where there was none.
        more: Whether there are more after it.
    """

    version: int
    migrated: tuple[str, ...]
    failures: tuple[Failure, ...]
    last: str
    more: bool


class MigrateSubscriptions:
    """Updates each by itself: what one cannot do holds up no other, and a repeated page changes nothing twice."""

    def __init__(self, database: Database, *, catalog: Catalog, update: UpdateSubscription) -> None:
        self._database = database
        self._catalog = catalog
        self._update = update

    async def __call__(self, plan_id: str, timing: Timing, page: Page) -> Migrated:
        """What became of the page.

        Raises:
            TollkeeperError: `PLAN_NOT_FOUND`; `PLAN_NOT_PUBLISHED`; `DEPENDENCY_UNAVAILABLE`: repeat the page.
        """
        version = (await self._catalog.newest_version(plan_id, archived=True)).version
        after = page.after[0] if page.after else ""
        async with self._database.read() as connection:
            ids = await subscriptions.live_of_plan(connection, plan_id, after=after, limit=page.size + 1)
        migrated, failures = [], []
        looked_at = ids[: page.size]
        for subscription_id in looked_at:
            asked = Update(subscription_id, latest_version=True, timing=timing)
            try:
                await self._update(asked, None)
            except TollkeeperError as error:
                if error.kind is ErrorKind.UNAVAILABLE:
                    raise
                failures.append(Failure(subscription_id, error.reason, error.message))
            else:
                migrated.append(subscription_id)
        return Migrated(
            version,
            tuple(migrated),
            tuple(failures),
            last=looked_at[-1] if looked_at else "",
            more=len(ids) > page.size,
        )
