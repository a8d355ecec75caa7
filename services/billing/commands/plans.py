"""The terms of subscriptions, from the plan versions that are kept here."""

from collections.abc import Mapping, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from billing.domain.plan_terms import PlanTerms
from billing.domain.subscription import Subscription
from billing.messages.plan_terms import plan_terms
from billing.store import plan_versions

Terms = Mapping[tuple[str, int], PlanTerms]


async def terms_of(connection: AsyncConnection, subscriptions: Sequence[Subscription]) -> Terms:
    """The terms of every subscription, by plan id and version."""
    keys = {(subscription.plan_id, subscription.plan_version) for subscription in subscriptions}
    documents = await plan_versions.get_many(connection, sorted(keys)) if keys else []
    return {(document.plan_id, document.version): plan_terms(document) for document in documents}


def terms_for(terms: Terms, subscription: Subscription) -> PlanTerms:
    """The terms of one of them."""
    return terms[subscription.plan_id, subscription.plan_version]
