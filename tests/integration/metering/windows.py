"""Windows as they are stored, for comparing ways to count."""

from collections.abc import Mapping
from decimal import Decimal

from sqlalchemy import text

from kit.db import Database
from metering.commands.announce_crossings import AnnounceCrossings
from metering.commands.rebuild import Rebuild
from metering.domain.rebuild import Progress, Scope

# The resource, the feature, the interval and the start of the period.
Key = tuple[str, str, str, str]

_WINDOWS = """
SELECT t.resource_id, t.feature_id, t.interval, w.period_start, w.value
FROM "window" w JOIN tracker t ON t.id = w.tracker_id WHERE w.customer_id = :customer
"""


async def stored_windows(database: Database, customer: str) -> Mapping[Key, Decimal]:
    """All windows of a customer."""
    async with database.read() as connection:
        rows = await connection.execute(text(_WINDOWS), {"customer": customer})
        return {(row[0], row[1], row[2], row[3].isoformat()): row[4].normalize() for row in rows}


async def rebuild(database: Database, customer: str) -> None:
    """Loses every window of a customer, with what lies beneath, and computes them anew from the raw data."""
    async with database.write() as connection:
        for table in ("window", "gathered", "unique_value"):
            await connection.execute(
                text(f'DELETE FROM "{table}" WHERE customer_id = :customer'), {"customer": customer}
            )

    async def watch(_progress: Progress) -> None:
        pass

    await Rebuild(database, lambda _: None, announce=AnnounceCrossings())(
        Scope(customer_id=customer), repair=True, watch=watch
    )


async def differing(database: Database, customer: str) -> int:
    """How many windows of a customer are not what the raw data come to."""

    async def watch(_progress: Progress) -> None:
        pass

    progress = await Rebuild(database, lambda _: None, announce=AnnounceCrossings())(
        Scope(customer_id=customer), repair=False, watch=watch
    )
    return progress.differing
