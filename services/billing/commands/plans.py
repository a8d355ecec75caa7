"""The terms of subscriptions, from the plan versions that are kept here."""

from collections.abc import Collection

from sqlalchemy.ext.asyncio import AsyncConnection

from billing.domain.plan_terms import PlanKey, PlanTerms, Terms
from billing.messages.plan_terms import plan_terms
from billing.store import plan_versions

# Terms kept in memory: enough for every version in use at a time, small beside the process.
_KEPT = 1_000


class Plans:
    """Reads a stored version once: it never changes."""

    def __init__(self) -> None:
        self._read: dict[PlanKey, PlanTerms] = {}

    async def terms_of(self, connection: AsyncConnection, keys: Collection[PlanKey]) -> Terms:
        """The terms of stored versions."""
        terms = {key: self._read[key] for key in keys if key in self._read}
        unread = sorted(set(keys) - terms.keys())
        if unread:
            for document in await plan_versions.get_many(connection, unread):
                read = plan_terms(document)
                terms[read.key] = self._read[read.key] = read
        while len(self._read) > _KEPT:
            del self._read[next(iter(self._read))]
        return terms
