"""What a plan version would mean for the plan's live subscriptions."""

from billing.commands.plans import Plans
from billing.domain.plan_effect import Group, PlanVersionPreview, effects
from billing.domain.plan_terms import Offer, PlanTerms
from billing.store import subscriptions
from kit.db import Database


async def preview_plan_version(database: Database, plans: Plans, new: PlanTerms) -> PlanVersionPreview:
    """Counts and prices in groups of equal subscriptions: its cost grows with their variety, not with their number."""
    async with database.read() as connection:
        found = await subscriptions.groups_of_plan(connection, new.plan_id)
        terms = await plans.terms_of(connection, {holding.plan_key for holding, *_ in found})
    groups = [
        Group(holding, Offer(holding.billing_period, code, country), number) for holding, code, country, number in found
    ]
    paying = [group for group in groups if not terms[group.holding.plan_key].free or not new.free]
    return PlanVersionPreview(sum(group.number for group in groups), tuple(effects(paying, terms=terms, new=new)))
