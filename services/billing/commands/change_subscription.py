"""Changes a subscription, or shows what changing it would do: what updating, canceling and resuming have in common."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from google.protobuf.message import Message
from sqlalchemy.ext.asyncio import AsyncConnection

from billing.clients.metering import Metering
from billing.commands import once
from billing.commands.boundaries import Boundaries
from billing.commands.boundaries_first import boundaries_first
from billing.commands.collecting import Collecting
from billing.commands.ledgers import Answers, Ledgers, ask_usage, read_ledgers
from billing.commands.load_subscription import Loaded, load_subscription
from billing.commands.outcome import Outcome, paid_outcome
from billing.commands.payment_consequences import Consequences
from billing.commands.plans import Plans
from billing.commands.register_trackers import RegisterTrackers
from billing.commands.settle_changes import settle_changes
from billing.commands.tokens import subscription_token
from billing.domain.charging import Step
from billing.domain.coupon import Coupon
from billing.domain.customer import Customer
from billing.domain.invoicing import draft_invoice, paid_first
from billing.domain.plan_terms import PlanDocument, PlanTerms, Terms
from billing.domain.subscription import Subscription, SubscriptionState
from billing.domain.usage import UsageQuestion
from billing.messages.request_key import RequestKey
from billing.store import customers, plan_versions, revisions
from kernel.clock import Clock
from kernel.errors import ErrorKind, TollkeeperError
from kit.db import Database
from kit.outbox import Outbox

R = TypeVar("R", bound=Message)

# Each further attempt means that somebody else changed what of the subscription is used while metering was asked.
_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Offered:
    """What the catalog offers for a change.

    Attributes:
        document: The plan version to take; None where the change takes none.
        terms: Of that version.
        coupons: Those to apply.
    """

    document: PlanDocument | None = None
    terms: PlanTerms | None = None
    coupons: tuple[Coupon, ...] = ()


@dataclass(frozen=True, slots=True)
class Given:
    """What a change is decided by.

    Attributes:
        terms: Of the plan versions that the subscription speaks of.
        newest: The plan version to take; None where the change takes none.
        coupons: Those to apply.
    """

    terms: Terms
    newest: PlanTerms | None
    coupons: tuple[Coupon, ...]
    now: datetime
    revision: int


async def nothing_offered(_subscription: Subscription) -> Offered:
    """For what needs nothing of the catalog."""
    return Offered()


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to become of a subscription.

    Attributes:
        consult: Asks the catalog what the step needs to know for the subscription as it is; never inside a transaction.
        decide: From the subscription as it is, and all that is given, to the step.
    """

    subscription_id: str
    consult: Callable[[Subscription], Awaitable[Offered]]
    decide: Callable[[Subscription, Given], Step]


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A subscription with all that is needed to charge for the step."""

    loaded: Loaded
    offered: Offered
    ledgers: Ledgers
    step: Step
    questions: Sequence[tuple[str, UsageQuestion]]
    answers: Answers


class ChangeSubscription:
    """Load → ask metering → one transaction that looks again and writes; then the payment, where one must be asked for."""

    def __init__(
        self,
        database: Database,
        outbox: Outbox,
        *,
        clock: Clock,
        plans: Plans,
        metering: Metering,
        boundaries: Boundaries,
        collection: Collecting,
        trackers: RegisterTrackers,
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._clock = clock
        self._plans = plans
        self._metering = metering
        self._boundaries = boundaries
        self._collection = collection
        self._trackers = trackers

    async def __call__(self, asked: Asked, key: RequestKey | None, response_type: type[R]) -> R:
        """The response, which is kept for a repeated request.

        Raises:
            TollkeeperError: As the contract says.
        """
        first = await once.first_outcome(self._database, key, response_type)
        if first is not None:
            return first
        for _ in range(_ATTEMPTS):
            done = await boundaries_first(self._boundaries, lambda: self._attempt(asked, key, response_type))
            if done is not None:
                return done
        raise TollkeeperError(ErrorKind.ABORTED, "CONCURRENT_CHANGE", "Another change came first. Repeat the request.")

    async def preview(self, asked: Asked) -> Outcome:
        """What would become of the subscription; nothing of it is stored.

        Raises:
            TollkeeperError: As the contract says.
        """
        prepared = await boundaries_first(self._boundaries, lambda: self._prepare(asked))
        change = prepared.ledgers.charge(prepared.step, prepared.answers)
        loaded = prepared.loaded
        invoice = draft_invoice(change, loaded.customer, loaded.now) if change.lines else None
        return Outcome(change.subscription, invoice)

    async def _prepare(self, asked: Asked) -> _Prepared:
        async with self._database.read() as connection:
            loaded = await load_subscription(connection, asked.subscription_id, clock=self._clock, lock=False)
            ledgers = await read_ledgers(connection, self._plans, [loaded.subscription])
        subscription = loaded.subscription
        offered = await asked.consult(subscription)
        ledgers = ledgers.knowing(offered.terms)
        step = _decide(asked, subscription, ledgers, offered=offered, now=loaded.now, revision=subscription.revision)
        questions = ledgers.questions([step])
        answers = await ask_usage(self._metering, questions)
        return _Prepared(loaded, offered, ledgers, step, questions, answers)

    async def _attempt(self, asked: Asked, key: RequestKey | None, response_type: type[R]) -> R | None:
        """The response; None where the clock or the subscription moved, so that something else must be known of others."""
        prepared = await self._prepare(asked)
        offered = prepared.offered
        async with self._database.write() as connection:
            first = await once.claim(connection, key, response_type)
            if first is not None:
                return first
            loaded = await load_subscription(connection, asked.subscription_id, clock=self._clock, lock=True)
            # The time of the questions: metering answered for it.
            now = prepared.loaded.now
            if _moved(prepared.loaded, loaded):
                return None
            ledgers = await read_ledgers(connection, self._plans, [loaded.subscription])
            ledgers = ledgers.knowing(offered.terms)
            revision = await revisions.take(connection)
            step = _decide(asked, loaded.subscription, ledgers, offered=offered, now=now, revision=revision)
            if ledgers.questions([step]) != prepared.questions:
                return None
            change = ledgers.charge(step, prepared.answers)
            if paid_first(change, loaded.customer, now):
                self._collection.check(loaded.customer)
            if offered.document is not None:
                await plan_versions.keep(connection, offered.document)
            settled = await settle_changes(
                connection,
                self._outbox,
                collection=self._collection,
                changes=[change],
                payers=[loaded.customer],
                terms=ledgers.terms,
                now=now,
            )
            after = settled.subscriptions[loaded.subscription.id]
            customer = settled.customers[loaded.customer.id]
            if loaded.subscription.state is SubscriptionState.PENDING_PAYMENT and not after.live:
                customer = await self._take_back(connection, after.id, customer, now)
            outcome = Outcome(after, settled.invoices.get(after.id), subscription_token(after, customer))
            response = outcome.response(response_type)
            await once.keep(connection, key, response)
        if settled.attempts:
            await self._collection.ask(settled.attempts)
            async with self._database.write() as connection:
                response = (await paid_outcome(connection, outcome)).response(response_type)
                await once.keep(connection, key, response)
        if settled.tracked or settled.attempts:
            await self._trackers.try_now(asked.subscription_id)
        return response

    async def _take_back(
        self, connection: AsyncConnection, subscription_id: str, customer: Customer, now: datetime
    ) -> Customer:
        """The customer after the invoice of a first payment that nobody waits for any more was taken back."""
        await Consequences(connection, self._outbox, self._plans, customer, now).unpaid(subscription_id)
        [after] = await customers.get_many(connection, [customer.id])
        return after


def _decide(
    asked: Asked, subscription: Subscription, ledgers: Ledgers, *, offered: Offered, now: datetime, revision: int
) -> Step:
    return asked.decide(subscription, Given(ledgers.terms, offered.terms, offered.coupons, now, revision))


def _moved(before: Loaded, after: Loaded) -> bool:
    """Whether the catalog was asked about another plan, or metering about another time."""
    if before.subscription.holding.plan_id != after.subscription.holding.plan_id:
        return True
    return after.customer.test_clock_id is not None and before.now != after.now
