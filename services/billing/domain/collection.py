"""Collecting money: attempts at a payment, when a failed one is tried again, and what follows when none succeeds.

An attempt is made once and asked for until the provider has decided; what was decided never changes. Trying again is a
new attempt.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import assert_never

from kernel.money import Money

# What a provider says is kept as it is, up to here: enough for its longest sentences, and no more.
LONGEST_CODE = 100
LONGEST_MESSAGE = 500
# A schedule longer than this collects nothing more and only hides a loss.
LATEST_RETRY_DAYS = 90
MOST_RETRIES = 20
# Within this time of the first asking a charge may be repeated and is still the same one: providers remember what they were
# asked for 24 hours. Later it is only looked for.
REPEATABLE = timedelta(hours=23)
# While the provider gives no answer it is asked again after this, doubled up to the greatest; a payment on which it decides
# by itself is told by its message, and asked for only in case that was lost.
_ASK_AGAIN = timedelta(seconds=5)
_ASK_AGAIN_GREATEST = timedelta(minutes=10)
_ASK_WHILE_DECIDING = timedelta(hours=1)


class AttemptState(StrEnum):
    """How an attempt stands; every state but `OPEN` is its last."""

    OPEN = "OPEN"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELED = "CANCELED"


@dataclass(frozen=True, slots=True)
class Succeeded:
    """The money is there."""

    payment_id: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The provider refused. `payment_id` is empty where it refused before it made a payment."""

    payment_id: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Canceled:
    """The payment was called off at the provider before it was decided."""

    payment_id: str


@dataclass(frozen=True, slots=True)
class StillOpen:
    """The provider knows the payment and has not decided.

    Attributes:
        needs_customer: It waits for somebody to do something, not for a bank: without the customer it will never be decided.
    """

    payment_id: str
    needs_customer: bool = False


@dataclass(frozen=True, slots=True)
class Unknown:
    """The provider gave no answer, or one that says nothing of the payment: it may have been made or not."""


Outcome = Succeeded | Failed | Canceled | StillOpen | Unknown


@dataclass(frozen=True, slots=True)
class PaymentAttempt:
    """One attempt to collect an invoice. Whatever crashes, the customer is charged at most once for it.

    Attributes:
        id: Also the provider's idempotency key.
        provider_customer_id: The customer at the provider, as it was when the attempt was made: whoever asks again must ask
            for exactly the same.
        payment_method_id: What is charged, likewise.
        provider_payment_id: Empty while the provider has not named it.
        scheduled: Made by a command or by the retry schedule, not by hand: its failure moves the schedule on.
        create_time: By the customer's clock.
        end_time: By the customer's clock; None while it is open.
    """

    id: str
    invoice_id: str
    customer_id: str
    provider: str
    provider_customer_id: str
    payment_method_id: str
    amount: Money
    scheduled: bool
    create_time: datetime
    revision: int
    state: AttemptState = AttemptState.OPEN
    provider_payment_id: str = ""
    failure_code: str = ""
    failure_message: str = ""
    end_time: datetime | None = None


def settle_attempt(
    attempt: PaymentAttempt, outcome: Outcome, *, wanted: bool, now: datetime, revision: int
) -> PaymentAttempt:
    """The attempt after an outcome, which may come late, twice, or out of order; itself where it tells nothing new.

    `wanted` says whether its invoice is still to be paid: a payment canceled although it was wanted has failed. A refusal of
    another payment than the attempt's says nothing of the attempt; money that came counts, by whatever payment.
    """
    if attempt.state is not AttemptState.OPEN or isinstance(outcome, Unknown) or _of_another(attempt, outcome):
        return attempt
    known = outcome.payment_id or attempt.provider_payment_id
    match outcome:
        case StillOpen():
            told = replace(attempt, provider_payment_id=known)
        case Succeeded():
            told = replace(attempt, state=AttemptState.SUCCEEDED, provider_payment_id=known, end_time=now)
        case Canceled() if not wanted:
            told = replace(attempt, state=AttemptState.CANCELED, provider_payment_id=known, end_time=now)
        case Canceled() | Failed():
            told = _failed(attempt, outcome, known=known, now=now)
        case _:
            assert_never(outcome)
    return attempt if told == attempt else replace(told, revision=revision)


def _of_another(attempt: PaymentAttempt, outcome: Succeeded | Failed | Canceled | StillOpen) -> bool:
    another = bool(outcome.payment_id and attempt.provider_payment_id not in {"", outcome.payment_id})
    return another and not isinstance(outcome, Succeeded)


def _failed(attempt: PaymentAttempt, outcome: Canceled | Failed, *, known: str, now: datetime) -> PaymentAttempt:
    code, message = "canceled", "The payment was canceled."
    if isinstance(outcome, Failed):
        code, message = _kept(outcome.code, LONGEST_CODE), _kept(outcome.message, LONGEST_MESSAGE)
    return replace(
        attempt,
        state=AttemptState.FAILED,
        provider_payment_id=known,
        failure_code=code,
        failure_message=message,
        end_time=now,
    )


def _kept(text: str, limit: int) -> str:
    # PostgreSQL cannot store U+0000, and an attempt must not stay open for a provider's odd text.
    return text.replace("\x00", "")[:limit]


class FinalAction(StrEnum):
    """What follows when the last retry failed."""

    CANCEL_SUBSCRIPTION = "CANCEL_SUBSCRIPTION"
    MARK_UNCOLLECTIBLE = "MARK_UNCOLLECTIBLE"
    LEAVE_PAST_DUE = "LEAVE_PAST_DUE"


@dataclass(frozen=True, slots=True)
class CollectionTerms:
    """How an installation collects.

    Attributes:
        retry_days: Days of 24 hours after an invoice's first failure at which its payment is tried again, ascending.
        first_payment_limit: How long a new subscription may wait for its first payment.

    Raises:
        ValueError: The days do not ascend from 1 to 90, there are more than 20, or the limit is not between an hour and 60 days.
    """

    retry_days: tuple[int, ...] = (1, 3, 5, 7)
    final_action: FinalAction = FinalAction.CANCEL_SUBSCRIPTION
    first_payment_limit: timedelta = timedelta(hours=23)

    def __post_init__(self) -> None:
        steps = (0, *self.retry_days)
        if any(later <= earlier for earlier, later in zip(steps, self.retry_days, strict=False)):
            raise ValueError("must be whole days above 0 that ascend, such as 1,3,5,7")
        if len(self.retry_days) > MOST_RETRIES or steps[-1] > LATEST_RETRY_DAYS:
            raise ValueError(f"may hold at most {MOST_RETRIES} days, the last at most {LATEST_RETRY_DAYS}")
        if not timedelta(hours=1) <= self.first_payment_limit <= timedelta(days=60):
            raise ValueError("a first payment may wait for one hour up to 60 days")

    def next_attempt_time(self, first_failure: datetime, failure: datetime) -> datetime | None:
        """When to try again after a failure, None when never: the first time of the schedule after it.

        Times that went by while nobody worked are left out, so that a customer is never charged several times in a row.
        """
        times = (first_failure + timedelta(days=days) for days in self.retry_days)
        return next((time for time in times if time > failure), None)


def may_repeat(first_ask: datetime, now: datetime) -> bool:
    """Whether the provider may be sent the same charge again, in real time; else it is only looked for."""
    return now - first_ask < REPEATABLE


def next_ask_time(outcome: Outcome, first_ask: datetime, now: datetime) -> datetime:
    """When to ask for an open attempt again, in real time: sooner when young, and slowly while a bank decides."""
    if isinstance(outcome, StillOpen) and not outcome.needs_customer:
        return now + _ASK_WHILE_DECIDING
    # As long again as it has been open already, which doubles the waits without counting them.
    return now + min(max(now - first_ask, _ASK_AGAIN), _ASK_AGAIN_GREATEST)
