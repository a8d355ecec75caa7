"""The terms of subscriptions, from the plan versions that are kept here."""

from collections.abc import Mapping, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from billing.domain.plan_terms import PlanTerms
from billing.domain.subscription import Subscription
from billing.messages.plan_terms import plan_terms
from billing.store import plan_versions

# Terms kept in memory: enough for every version in use at a time, small beside the process.
_KEPT = 1_000

# By plan id and version.
Terms = Mapping[tuple[str, int], PlanTerms]


class Plans:
    """Reads a stored version once: it never changes."""

    def __init__(self) -> None:
        self._read: dict[tuple[str, int], PlanTerms] = {}

    async def terms_of(self, connection: AsyncConnection, subscriptions: Sequence[Subscription]) -> Terms:
        """The terms of every subscription."""
        keys = {(subscription.plan_id, subscription.plan_version) for subscription in subscriptions}
        terms = {key: self._read[key] for key in keys if key in self._read}
        unread = sorted(keys - terms.keys())
        if unread:
            for document in await plan_versions.get_many(connection, unread):
                key = (document.plan_id, document.version)
                terms[key] = self._read[key] = plan_terms(document)
        while len(self._read) > _KEPT:
            del self._read[next(iter(self._read))]
        return terms


def terms_for(terms: Terms, subscription: Subscription) -> PlanTerms:
    """The terms of one of them."""
    return terms[subscription.plan_id, subscription.plan_version]
