"""Series: the locks of all usage."""

from collections.abc import Collection, Mapping, Sequence

from metering.domain.series import Series
from metering.store.line import Raw

_ENSURE = """
INSERT INTO series (customer_id, resource_id, feature_id)
SELECT * FROM unnest(%s::text[], %s::text[], %s::text[]) AS wanted (customer_id, resource_id, feature_id)
ORDER BY customer_id COLLATE "C", resource_id COLLATE "C", feature_id COLLATE "C"
ON CONFLICT DO NOTHING
"""

_LOCK = """
SELECT s.customer_id, s.resource_id, s.feature_id, s.limits_version
FROM series s JOIN unnest(%s::text[], %s::text[], %s::text[]) AS wanted (customer_id, resource_id, feature_id)
    ON s.customer_id = wanted.customer_id AND s.resource_id = wanted.resource_id AND s.feature_id = wanted.feature_id
ORDER BY s.customer_id, s.resource_id, s.feature_id
FOR UPDATE OF s
"""

_REMEMBER_LIMITS = """
UPDATE series s SET limit_revision = shown.limit_revision
FROM unnest(%s::text[], %s::text[], %s::text[], %s::bigint[])
    AS shown (customer_id, resource_id, feature_id, limit_revision)
WHERE s.customer_id = shown.customer_id AND s.resource_id = shown.resource_id AND s.feature_id = shown.feature_id
"""

_REVISIONS = "SELECT nextval('revision') FROM generate_series(1, %s)"


async def ensure(connection: Raw, series: Collection[Series]) -> None:
    """Makes the rows that are missing, in the order of their keys, so that they can be locked.

    Before the transaction locks anything else: two that first lock and then make could each wait for the other.
    """
    if series:
        await connection.execute(_ENSURE, columns(series))


async def lock(connection: Raw, series: Collection[Series]) -> Mapping[Series, int]:
    """Locks series that exist until the transaction's end, in the order of their keys; gives the versions of the limits over their
    trackers, 0 where there are none.
    """
    cursor = await connection.execute(_LOCK, columns(series), prepare=True)
    return {Series(*key): version for *key, version in await cursor.fetchall()}


async def remember_limits(connection: Raw, shown: Mapping[Series, int]) -> None:
    """Keeps the newest entitlement revision of each of these locked series."""
    await connection.execute(_REMEMBER_LIMITS, (*columns(shown), list(shown.values())), prepare=True)


async def next_revisions(connection: Raw, count: int) -> Sequence[int]:
    """So many revisions, ascending, greater than all that were taken by transactions that held any of our locks before."""
    cursor = await connection.execute(_REVISIONS, (count,), prepare=True)
    return [revision for (revision,) in await cursor.fetchall()]


def columns(series: Collection[Series]) -> tuple[list[str], list[str], list[str]]:
    """The keys as three arrays."""
    return (
        [one.customer_id for one in series],
        [one.resource_id for one in series],
        [one.feature_id for one in series],
    )
