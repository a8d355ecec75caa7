"""Collecting money as values: what an attempt becomes, when it is tried again, and when nobody tries any more."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import permutations

import pytest

from billing.domain.collection import (
    LONGEST_CODE,
    LONGEST_MESSAGE,
    REPEATABLE,
    AttemptState,
    Canceled,
    CollectionTerms,
    Failed,
    Outcome,
    PaymentAttempt,
    StillOpen,
    Succeeded,
    Unknown,
    may_repeat,
    next_ask_time,
    settle_attempt,
)
from kernel.money import USD, Money

NOON = datetime(2013, 1, 15, 12, tzinfo=UTC)
LATER = NOON + timedelta(minutes=1)
ATTEMPT = PaymentAttempt(
    id="pay_1",
    invoice_id="inv_1",
    customer_id="acme",
    provider="stripe",
    provider_customer_id="cus_1",
    payment_method_id="pm_1",
    amount=Money(Decimal(20), USD),
    scheduled=True,
    create_time=NOON,
    revision=1,
)
DECLINED = Failed("pi_1", "card_declined", "Your card was declined.")


def settled(attempt: PaymentAttempt, outcome: Outcome, *, wanted: bool = True, revision: int = 2) -> PaymentAttempt:
    return settle_attempt(attempt, outcome, wanted=wanted, now=LATER, revision=revision)


def test_money_that_came_ends_an_attempt() -> None:
    after = settled(ATTEMPT, Succeeded("pi_1"))
    assert after == replace(
        ATTEMPT, state=AttemptState.SUCCEEDED, provider_payment_id="pi_1", end_time=LATER, revision=2
    )


def test_a_refusal_ends_an_attempt_and_says_why() -> None:
    after = settled(ATTEMPT, DECLINED)
    assert (after.state, after.provider_payment_id, after.end_time) == (AttemptState.FAILED, "pi_1", LATER)
    assert (after.failure_code, after.failure_message) == ("card_declined", "Your card was declined.")


def test_a_refusal_before_there_was_a_payment_keeps_no_payment() -> None:
    after = settled(ATTEMPT, Failed("", "amount_too_small", "At least 50 cents."))
    assert (after.state, after.provider_payment_id) == (AttemptState.FAILED, "")


def test_no_answer_changes_nothing() -> None:
    assert settled(ATTEMPT, Unknown()) is ATTEMPT


def test_an_open_payment_is_remembered_once() -> None:
    known = settled(ATTEMPT, StillOpen("pi_1"))
    assert (known.state, known.provider_payment_id, known.revision) == (AttemptState.OPEN, "pi_1", 2)
    assert settled(known, StillOpen("pi_1"), revision=3) is known
    assert settled(known, StillOpen("pi_2"), revision=3) is known


@pytest.mark.parametrize(("wanted", "state"), [(True, AttemptState.FAILED), (False, AttemptState.CANCELED)])
def test_a_canceled_payment_has_failed_where_it_was_wanted(wanted: bool, state: AttemptState) -> None:  # noqa: FBT001 - parametrized.
    after = settled(ATTEMPT, Canceled("pi_1"), wanted=wanted)
    assert (after.state, after.end_time) == (state, LATER)
    assert after.failure_code == ("canceled" if wanted else "")


def test_the_first_decision_stands_whatever_comes_after_it() -> None:
    decisions: list[Outcome] = [Succeeded("pi_1"), DECLINED, Canceled("pi_1"), StillOpen("pi_1"), Unknown()]
    for order in permutations(decisions):
        attempt, first = ATTEMPT, None
        for revision, outcome in enumerate(order, start=2):
            attempt = settled(attempt, outcome, revision=revision)
            if attempt.state is not AttemptState.OPEN:
                first = first or attempt
                assert attempt is first
        assert first is not None
        deciding = next(one for one in order if not isinstance(one, StillOpen | Unknown))
        expected = AttemptState.SUCCEEDED if isinstance(deciding, Succeeded) else AttemptState.FAILED
        assert first.state is expected


def test_another_payment_counts_only_if_it_brought_money() -> None:
    known = settled(ATTEMPT, StillOpen("pi_1"))
    assert settled(known, Failed("pi_2", "card_declined", "No."), revision=3) is known
    assert settled(known, Canceled("pi_2"), revision=3) is known
    paid = settled(known, Succeeded("pi_2"), revision=3)
    assert (paid.state, paid.provider_payment_id) == (AttemptState.SUCCEEDED, "pi_2")


def test_a_providers_words_are_bounded_and_can_be_stored() -> None:
    after = settled(ATTEMPT, Failed("pi_1", "c" * 1_000, "m\x00" * 1_000))
    assert len(after.failure_code) == LONGEST_CODE
    assert after.failure_message == "m" * LONGEST_MESSAGE


DAYS = [timedelta(days=days) for days in (0, 1, 3, 5, 7)]


def test_a_failed_payment_is_tried_again_by_the_schedule() -> None:
    terms = CollectionTerms()
    for failure, following in zip(DAYS, [*DAYS[1:], None], strict=True):
        expected = None if following is None else NOON + following
        assert terms.next_attempt_time(NOON, NOON + failure) == expected


def test_a_retry_that_takes_its_time_does_not_skip_the_next() -> None:
    terms = CollectionTerms()
    slow = NOON + timedelta(days=1, hours=5)
    assert terms.next_attempt_time(NOON, slow) == NOON + timedelta(days=3)
    assert terms.next_attempt_time(NOON, NOON + timedelta(days=3) - timedelta(microseconds=1)) == NOON + DAYS[2]


def test_times_gone_by_while_nobody_worked_are_left_out() -> None:
    terms = CollectionTerms()
    assert terms.next_attempt_time(NOON, NOON + timedelta(days=4)) == NOON + timedelta(days=5)
    assert terms.next_attempt_time(NOON, NOON + timedelta(days=30)) is None


def test_no_schedule_means_no_second_try() -> None:
    assert CollectionTerms(retry_days=()).next_attempt_time(NOON, NOON) is None


@pytest.mark.parametrize("days", [(0,), (-1, 2), (1, 1), (3, 1), (91,), tuple(range(1, 22))])
def test_a_schedule_ascends_and_ends(days: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="days"):
        CollectionTerms(retry_days=days)


def test_the_longest_schedule() -> None:
    terms = CollectionTerms(retry_days=(*range(1, 20), 90))
    assert terms.next_attempt_time(NOON, NOON + timedelta(days=19)) == NOON + timedelta(days=90)


@pytest.mark.parametrize("limit", [timedelta(0), timedelta(minutes=59), timedelta(days=61)])
def test_a_first_payment_waits_within_bounds(limit: timedelta) -> None:
    with pytest.raises(ValueError, match="first payment"):
        CollectionTerms(first_payment_limit=limit)


def test_a_first_payment_is_awaited_for_most_of_a_day() -> None:
    assert CollectionTerms().first_payment_limit == timedelta(hours=23)
    assert CollectionTerms(first_payment_limit=timedelta(hours=1)).first_payment_limit == timedelta(hours=1)


def test_a_charge_may_be_repeated_only_while_the_provider_remembers_it() -> None:
    assert may_repeat(NOON, NOON)
    assert may_repeat(NOON, NOON + REPEATABLE - timedelta(microseconds=1))
    assert not may_repeat(NOON, NOON + REPEATABLE)
    assert timedelta(hours=24) > REPEATABLE


def test_an_open_attempt_is_asked_for_less_and_less_often() -> None:
    times, now = [], NOON
    for _ in range(10):
        now = next_ask_time(Unknown(), NOON, now)
        times.append((now - NOON).total_seconds())
    assert times == [5, 10, 20, 40, 80, 160, 320, 640, 1240, 1840]


def test_a_deciding_bank_is_asked_hourly_and_an_absent_customer_like_no_answer() -> None:
    assert next_ask_time(StillOpen("pi_1"), NOON, LATER) == LATER + timedelta(hours=1)
    assert next_ask_time(StillOpen("pi_1", needs_customer=True), NOON, LATER) == LATER + timedelta(minutes=1)
