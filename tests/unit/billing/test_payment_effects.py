"""What waits for a payment, and what its coming or failing makes of a subscription."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from billing.domain.charging import Change
from billing.domain.customer import CollectionMethod, Customer
from billing.domain.invoice import Invoice, InvoiceReason
from billing.domain.invoicing import awaiting, draft_invoice, waits
from billing.domain.payment_effects import expire, payment_failed, payment_succeeded
from billing.domain.plan_terms import TrialEnd
from billing.domain.provision import TrialAsked
from billing.domain.subscription import Subscription, SubscriptionState
from billing.domain.update import Timing
from kernel.money import USD, Money
from kernel.pricing import FlatRate
from tests.unit.billing.story import Story
from tests.unit.billing.terms import committed, customer, plan

FIRST = datetime(2026, 4, 1, tzinfo=UTC)
LATER = FIRST.replace(day=16)
PAYS = replace(customer(FIRST), collection_method=CollectionMethod.AUTOMATIC)


def story() -> Story:
    begun = Story(plan(committed(FlatRate(Decimal(10)))))
    begun.provision(FIRST, {"gates": "2"}, time_zone="UTC", payer=PAYS)
    return begun


def draft(change: Change, payer: Customer = PAYS) -> Invoice:
    return replace(draft_invoice(change, payer, change.at), id="inv_1")


def test_a_new_subscription_waits_whole() -> None:
    begun = story().changes[0]
    assert waits(begun, draft(begun), PAYS)
    waiting = awaiting(begun, draft(begun)).subscription
    assert (waiting.state, waiting.pending_since, waiting.boundary) == (SubscriptionState.PENDING_PAYMENT, FIRST, None)
    assert not waiting.access_begun
    assert not waiting.charging
    paid = payment_succeeded(waiting, "inv_1", others_failed=False, revision=7)
    assert paid == replace(begun.subscription, revision=7)
    assert payment_failed(waiting, draft(begun), revision=7) is waiting
    gone = expire(waiting, now=LATER, revision=8)
    assert (gone.state, gone.end_time, gone.pending_since) == (SubscriptionState.EXPIRED, LATER, None)
    assert expire(paid, now=LATER, revision=9) is paid


@pytest.mark.parametrize(
    ("payer", "credit", "expected"),
    [(PAYS, "0", True), (PAYS, "19.99", True), (PAYS, "20", False), (customer(FIRST), "0", False)],
)
def test_what_waits(payer: Customer, credit: str, *, expected: bool) -> None:
    begun = story().changes[0]
    held = replace(payer, credit=(Money(Decimal(credit), USD),))
    assert waits(begun, draft(begun, held), held) is expected


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        (InvoiceReason.PROVISION, True),
        (InvoiceReason.CHANGE, True),
        (InvoiceReason.COMMITMENT, True),
        (InvoiceReason.RENEWAL, False),
        (InvoiceReason.TRIAL_END, False),
        (InvoiceReason.FINAL, False),
    ],
)
def test_what_a_subscription_has_it_keeps(reason: InvoiceReason, *, expected: bool) -> None:
    begun = replace(story().changes[0], reason=reason)
    assert waits(begun, draft(begun), PAYS) is expected


def test_a_trial_that_is_ended_early_waits_for_its_payment() -> None:
    told = Story(plan(committed(FlatRate(Decimal(10)))))
    told.provision(FIRST, time_zone="UTC", payer=PAYS, trial=TrialAsked(LATER, TrialEnd.CONVERT))
    changed = told.update(FIRST, end_trial=True)
    assert changed.reason is InvoiceReason.TRIAL_END
    assert waits(changed, draft(changed), PAYS)
    waiting = awaiting(changed, draft(changed)).subscription
    assert waiting.state is SubscriptionState.TRIALING
    assert payment_succeeded(waiting, "inv_1", others_failed=False, revision=7).state is SubscriptionState.ACTIVE
    assert payment_failed(waiting, draft(changed), revision=7).state is SubscriptionState.TRIALING


def raised() -> tuple[Subscription, Change]:
    """Two gates, and a raise to five that waits."""
    begun = story()
    before = begun.subscription
    change = begun.update(LATER, {"gates": "5"})
    return before, awaiting(change, draft(change))


def test_a_change_that_waits_leaves_everything_as_it_was() -> None:
    before, change = raised()
    waiting = change.subscription
    assert waiting.pending is not None
    assert (waiting.holding, waiting.state, waiting.boundary) == (before.holding, before.state, None)
    assert (waiting.pending.invoice_id, waiting.pending.create_time) == ("inv_1", LATER)
    assert replace(waiting, pending=None, revision=before.revision) == before
    assert waiting.access_begun


def test_a_payment_applies_the_change_that_waits_for_it() -> None:
    before, change = raised()
    assert payment_succeeded(change.subscription, "inv_other", others_failed=False, revision=9) is change.subscription
    paid = payment_succeeded(change.subscription, "inv_1", others_failed=False, revision=9)
    assert (str(paid.holding.committed("gates")), paid.pending, paid.revision) == ("5", None, 9)
    assert (paid.held_since, paid.period) == (LATER, before.period)


@pytest.mark.parametrize(
    ("before", "meanwhile", "others_failed", "after"),
    [
        ("ACTIVE", "ACTIVE", False, "ACTIVE"),
        # Another invoice failed while the change waited, and is still not paid.
        ("ACTIVE", "PAST_DUE", True, "PAST_DUE"),
        ("ACTIVE", "PAST_DUE", False, "ACTIVE"),
        # It was paid while the change waited.
        ("PAST_DUE", "ACTIVE", False, "ACTIVE"),
        # The change ends a trial.
        ("ACTIVE", "TRIALING", False, "ACTIVE"),
    ],
)
def test_what_befell_it_while_the_change_waited_stays(
    before: str, meanwhile: str, after: str, *, others_failed: bool
) -> None:
    _, change = raised()
    waiting = change.subscription
    assert waiting.pending is not None
    changed = replace(waiting.pending.changed, state=SubscriptionState(before))
    waiting = replace(
        waiting,
        state=SubscriptionState(meanwhile),
        cancel_time=LATER,
        cancel_prorate=True,
        pending=replace(waiting.pending, changed=changed),
    )
    paid = payment_succeeded(waiting, "inv_1", others_failed=others_failed, revision=9)
    assert (paid.state, paid.cancel_time, paid.cancel_prorate) == (SubscriptionState(after), LATER, True)
    assert str(paid.holding.committed("gates")) == "5"


def test_a_failure_drops_the_change_that_waits_for_it() -> None:
    before, change = raised()
    dropped = payment_failed(change.subscription, draft(change), revision=9)
    assert dropped == replace(before, revision=9)


@pytest.mark.parametrize(
    ("state", "reason", "after"),
    [
        (SubscriptionState.ACTIVE, InvoiceReason.RENEWAL, SubscriptionState.PAST_DUE),
        (SubscriptionState.ACTIVE, InvoiceReason.TRIAL_END, SubscriptionState.PAST_DUE),
        (SubscriptionState.ACTIVE, InvoiceReason.CHANGE, SubscriptionState.ACTIVE),
        (SubscriptionState.PAST_DUE, InvoiceReason.RENEWAL, SubscriptionState.PAST_DUE),
        (SubscriptionState.CANCELED, InvoiceReason.RENEWAL, SubscriptionState.CANCELED),
    ],
)
def test_a_renewal_that_is_not_paid(state: SubscriptionState, reason: InvoiceReason, after: SubscriptionState) -> None:
    begun = story()
    invoice = draft(replace(begun.changes[0], reason=reason))
    held = replace(begun.subscription, state=state)
    failed = payment_failed(held, invoice, revision=9)
    assert failed.state is after
    assert failed.access_begun == held.access_begun
    assert (failed is held) == (state is after)


def test_past_due_ends_with_the_last_payment_that_failed() -> None:
    held = replace(story().subscription, state=SubscriptionState.PAST_DUE)
    assert payment_succeeded(held, "inv_1", others_failed=True, revision=9) is held
    paid = payment_succeeded(held, "inv_1", others_failed=False, revision=9)
    assert (paid.state, paid.revision) == (SubscriptionState.ACTIVE, 9)


def test_a_credit_waits_for_nothing() -> None:
    begun = story()
    change = begun.update(LATER, {"gates": "1"}, timing=Timing.NOW)
    assert not waits(change, draft(change), PAYS)
