"""Ends billing periods: with the next one's invoice, or with the subscription's scheduled end.

Load → ask metering once for the whole batch → one transaction that looks again and writes. A period that somebody else ended
meanwhile is left alone, so that any number of workers, commands and test clocks may try.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

import structlog
from google.protobuf.message import Message
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection

from billing.clients.metering import Metering
from billing.commands.invoicing import issue
from billing.commands.plans import Plans, Terms, terms_for
from billing.domain.invoice import USAGE_TYPES
from billing.domain.lifecycle import Change, close_period
from billing.domain.subscription import Subscription
from billing.domain.usage import Usage, billed_periods, usage_questions
from billing.messages.subscription import subscription_to_proto
from billing.store import customers, invoices, revisions, subscriptions
from kernel.errors import ErrorKind, TollkeeperError
from kit.db import Database
from kit.outbox import Outbox
from tollkeeper.billing.v1 import billing_events_pb2 as events

log = structlog.get_logger()

# One transaction's work: large enough that its fixed cost is spread, small enough that its locks are short.
BATCH = 100

# By subscription id, then by period number and charge id.
_Answers = Mapping[str, Mapping[tuple[int, str], Usage]]


class Renewals:
    """Ends due periods."""

    def __init__(self, database: Database, outbox: Outbox, *, metering: Metering, plans: Plans) -> None:
        self._database = database
        self._plans = plans
        self._outbox = outbox
        self._metering = metering

    async def renew(self, subscription_ids: Sequence[str], *, now: datetime) -> None:
        """Ends, for each that is due, its current period: one period each, all in one transaction. At most `BATCH`.

        Raises:
            TollkeeperError: `DEPENDENCY_UNAVAILABLE`; nothing was done.
        """
        async with self._database.read() as connection:
            found = await subscriptions.get_many(connection, subscription_ids)
            due = [subscription for subscription in found if subscription.due(now)]
            terms = await self._plans.terms_of(connection, due)
        if not due:
            return
        answers = await self._ask(due, terms)
        async with self._database.write() as connection:
            await self._close_periods(connection, due, terms=terms, answers=answers, now=now)

    async def renew_each(self, subscription_ids: Sequence[str], *, now: datetime) -> list[Exception]:
        """As `renew`, but a fault of one holds up nothing else; gives the faults.

        Raises:
            TollkeeperError: `DEPENDENCY_UNAVAILABLE`: it is nobody's fault; what was done stays done.
        """
        fault = await self._attempt(subscription_ids, now)
        if fault is None or len(subscription_ids) == 1:
            return [] if fault is None else [fault]
        log.warning("renewal_batch_redone", size=len(subscription_ids), error=repr(fault))
        faults = [await self._attempt([subscription_id], now) for subscription_id in subscription_ids]
        return [fault for fault in faults if fault is not None]

    async def _attempt(self, subscription_ids: Sequence[str], now: datetime) -> Exception | None:
        try:
            await self.renew(subscription_ids, now=now)
        except Exception as error:
            if _is_away(error):
                raise
            log.exception("renewal_failed", subscription_ids=subscription_ids)
            return error
        return None

    async def catch_up(self, subscription_id: str, *, now: datetime) -> None:
        """Ends all periods of a subscription that ended until now, in order.

        Raises:
            TollkeeperError: `DEPENDENCY_UNAVAILABLE`; the periods before the one that failed are ended.
        """
        while True:
            async with self._database.read() as connection:
                subscription = await subscriptions.get(connection, subscription_id)
            if subscription is None or not subscription.due(now):
                return
            await self.renew([subscription_id], now=now)

    async def _ask(self, due: Sequence[Subscription], terms: Terms) -> _Answers:
        asked = [
            (subscription.id, question)
            for subscription in due
            for question in usage_questions(subscription, terms_for(terms, subscription))
        ]
        usages = await self._metering.closed_usage([question for _, question in asked]) if asked else []
        answers: dict[str, dict[tuple[int, str], Usage]] = {subscription.id: {} for subscription in due}
        for (subscription_id, question), usage in zip(asked, usages, strict=True):
            answers[subscription_id][question.period_number, question.charge_id] = usage
        return answers

    async def _close_periods(
        self,
        connection: AsyncConnection,
        loaded: Sequence[Subscription],
        *,
        terms: Terms,
        answers: _Answers,
        now: datetime,
    ) -> None:
        payers = await customers.get_many(connection, sorted({one.customer_id for one in loaded}), lock=True)
        periods = {one.id: one.period_number for one in loaded}
        locked = await subscriptions.get_many(connection, sorted(periods), lock=True)
        due = [one for one in locked if one.due(now) and one.period_number == periods[one.id]]
        if not due:
            return
        metered = [(one.id, number) for one in due if answers[one.id] for number in billed_periods(one)]
        accounts = await invoices.accounts(connection, metered, USAGE_TYPES)
        taken = await revisions.take_many(connection, len(due))
        changes = [
            close_period(
                subscription,
                terms_for(terms, subscription),
                answers=answers[subscription.id],
                billed=accounts.get(subscription.id, ()),
                revision=revision,
            )
            for subscription, revision in zip(due, taken, strict=True)
        ]
        await subscriptions.save_all(connection, [change.subscription for change in changes])
        await self._outbox.put_all(connection, [_event(change) for change in changes])
        await issue(connection, self._outbox, changes=changes, payers=payers, now=now)


def _is_away(error: Exception) -> bool:
    """Whether what every renewal needs cannot be reached. (A lost database has no error state, a fault in it has one.)"""
    match error:
        case TollkeeperError():
            return error.kind is ErrorKind.UNAVAILABLE
        case DBAPIError():
            return getattr(error.orig, "sqlstate", None) is None
        case _:
            return isinstance(error, PoolTimeoutError)


def _event(change: Change) -> tuple[str, str, str, Message]:
    subscription, message = change.subscription, subscription_to_proto(change.subscription)
    if subscription.live:
        return "subscription", "renewed", subscription.id, events.SubscriptionRenewed(subscription=message)
    return "subscription", "canceled", subscription.id, events.SubscriptionCanceled(subscription=message)
