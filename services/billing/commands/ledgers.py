"""What was charged before, and what was used: all that a change of a subscription needs to be charged for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from billing.clients.metering import Metering
from billing.commands.plans import Plans
from billing.domain.charging import Change, Step, charge
from billing.domain.plan_terms import PlanKey, PlanTerms, Terms
from billing.domain.subscription import Subscription
from billing.domain.usage import LATE_PERIODS, Usage, UsageKey, UsageQuestion, usage_questions
from billing.store import invoices
from billing.store.invoices import Account, Asked

# By subscription id.
_Accounts = Mapping[str, Account]
Answers = Mapping[str, Mapping[UsageKey, Usage]]
_NO_ACCOUNT: Final = Account((), frozenset())


@dataclass(frozen=True, slots=True)
class Ledgers:
    """What counts for subscriptions, and the plan versions that it and their holdings speak of."""

    accounts: _Accounts
    terms: Terms

    def knowing(self, terms: PlanTerms | None) -> "Ledgers":
        """The ledgers with the terms of a further plan version, if one is given."""
        return self if terms is None else replace(self, terms={**self.terms, terms.key: terms})

    def questions(self, steps: Sequence[Step]) -> list[tuple[str, UsageQuestion]]:
        """What must be known of usage to charge for the steps, each with its subscription's id."""
        return [
            (step.after.id, question)
            for step in steps
            if step.before is not None
            for question in usage_questions(
                step.before, step.after, at=step.at, terms=self.terms, billed=self._account(step).lines
            )
        ]

    def charge(self, step: Step, answers: Answers) -> Change:
        """The step with its lines."""
        return charge(step, terms=self.terms, account=self._account(step).lines, answers=answers.get(step.after.id, {}))

    @property
    def invoice_ids(self) -> frozenset[str]:
        """All invoices that count: once one of them is void, or credited, what was read of its subscription holds no more."""
        return frozenset(invoice_id for one in self.accounts.values() for invoice_id in one.invoice_ids)

    @property
    def note_ids(self) -> frozenset[str]:
        """All credit notes that count."""
        return frozenset(note_id for one in self.accounts.values() for note_id in one.note_ids)

    def hold(self, subscription_id: str, stale: frozenset[str]) -> bool:
        """Whether what was read of the subscription holds, now that these invoices are void or have further credit notes."""
        return stale.isdisjoint(self.accounts.get(subscription_id, _NO_ACCOUNT).invoice_ids)

    def _account(self, step: Step) -> Account:
        return self.accounts.get(step.after.id, _NO_ACCOUNT)


async def read_ledgers(connection: AsyncConnection, plans: Plans, subscriptions: Sequence[Subscription]) -> Ledgers:
    """The ledgers of subscriptions as they are now."""
    asked = [_asked(one, whole=True) for one in subscriptions if one.charging]
    return await _ledgers(connection, plans, subscriptions, asked=asked)


async def read_boundary_ledgers(
    connection: AsyncConnection, plans: Plans, subscriptions: Sequence[Subscription]
) -> Ledgers:
    """As `read_ledgers`, but only what the subscriptions' next boundaries need.

    A period that was charged in advance is over then: its charges count again only where a coupon, or the credit for a rest that is
    not used, follows what was charged.
    """
    asked = [_asked(one, whole=bool(one.coupons) or one.cancel_prorate) for one in subscriptions if one.charging]
    return await _ledgers(connection, plans, subscriptions, asked=asked)


def _asked(subscription: Subscription, *, whole: bool) -> Asked:
    number = subscription.period_number
    return Asked(subscription.id, max(number - LATE_PERIODS, 0), number, whole)


async def _ledgers(
    connection: AsyncConnection, plans: Plans, subscriptions: Sequence[Subscription], *, asked: Sequence[Asked]
) -> Ledgers:
    accounts = await invoices.accounts(connection, asked)
    keys: set[PlanKey] = set()
    for subscription in subscriptions:
        keys |= subscription.plan_keys()
    for account in accounts.values():
        keys |= {(line.source.plan_id, line.source.plan_version) for line in account.lines if line.source is not None}
    return Ledgers(accounts, await plans.terms_of(connection, keys))


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
