"""What was charged before, and what was used: all that a change of a subscription needs to be charged for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from billing.clients.metering import Metering
from billing.commands.plans import Plans
from billing.domain.charging import Change, Step, charge
from billing.domain.invoice import InvoiceLine
from billing.domain.plan_terms import PlanKey, Terms
from billing.domain.subscription import Subscription
from billing.domain.usage import LATE_PERIODS, Usage, UsageKey, UsageQuestion, usage_questions
from billing.store import invoices

_Lines = Mapping[str, Sequence[InvoiceLine]]
# By subscription id.
Answers = Mapping[str, Mapping[UsageKey, Usage]]


@dataclass(frozen=True, slots=True)
class Ledgers:
    """The lines that count for subscriptions, and the plan versions that they and their holdings speak of."""

    lines: _Lines
    terms: Terms

    def questions(self, steps: Sequence[Step]) -> list[tuple[str, UsageQuestion]]:
        """What must be known of usage to charge for the steps, each with its subscription's id."""
        return [
            (step.after.id, question)
            for step in steps
            if step.before is not None
            for question in usage_questions(
                step.before, step.after, at=step.at, terms=self.terms, billed=self.lines.get(step.after.id, ())
            )
        ]

    def charge(self, step: Step, answers: Answers) -> Change:
        """The step with its lines."""
        subscription_id = step.after.id
        return charge(
            step,
            terms=self.terms,
            account=self.lines.get(subscription_id, ()),
            answers=answers.get(subscription_id, {}),
        )


async def read_ledgers(
    connection: AsyncConnection, plans: Plans, subscriptions: Sequence[Subscription], *, more: Terms | None = None
) -> Ledgers:
    """The ledgers of subscriptions as they are now; with the terms of further plan versions that are at hand."""
    periods = [
        (one.id, max(one.period_number - LATE_PERIODS, 0), one.period_number) for one in subscriptions if one.charging
    ]
    lines = await invoices.accounts(connection, periods)
    return Ledgers(lines, await _terms(connection, plans, subscriptions, lines=lines, more=more or {}))


async def _terms(
    connection: AsyncConnection, plans: Plans, subscriptions: Sequence[Subscription], *, lines: _Lines, more: Terms
) -> Terms:
    keys: set[PlanKey] = set()
    for subscription in subscriptions:
        keys |= subscription.plan_keys()
        for line in lines.get(subscription.id, ()):
            if line.source is not None:
                keys.add((line.source.plan_id, line.source.plan_version))
    return {**await plans.terms_of(connection, keys), **more}


async def ask_usage(metering: Metering, asked: Sequence[tuple[str, UsageQuestion]]) -> Answers:
    """The answers to all questions; never inside a transaction.

    Raises:
        TollkeeperError: `DEPENDENCY_UNAVAILABLE`.
    """
    answers: dict[str, dict[UsageKey, Usage]] = {}
    if asked:
        usages = await metering.usage([question for _, question in asked])
        for (subscription_id, question), usage in zip(asked, usages, strict=True):
            answers.setdefault(subscription_id, {})[question.key] = usage
    return answers
