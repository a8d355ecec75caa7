"""Credit notes over gRPC: where the money goes, what is announced, and that a preview is what happens."""

from decimal import Decimal

import pytest

from kernel.token import FactKind, Token
from kit.broker import Broker
from kit.client import call
from tests.integration.billing.invoices.clerk import Clerk, announced, state
from tests.integration.billing.plans import gates, plan
from tests.integration.billing.world import at, refused
from tollkeeper.billing.v1 import billing_events_pb2 as events
from tollkeeper.billing.v1 import invoice_service_pb2 as pb
from tollkeeper.billing.v1 import subscription_service_pb2


async def test_what_is_left_to_pay_becomes_less(clerk: Clerk, broker: Broker) -> None:
    invoice = await clerk.issued("UA", "100", "50")
    answer = await clerk.correct(invoice.id, {1: "20", 0: "1.50"}, description="Late gates")
    note, after = answer.credit_note, answer.invoice
    assert (note.number, note.invoice_number, note.customer_id) == ("CN-000001", "TK-000001", "UA")
    assert note.id.startswith("cn_")
    assert [(line.line_index, line.description, line.amount.amount) for line in note.lines] == [
        (1, "Line 1", "20.00"),
        (0, "Line 0", "1.50"),
    ]
    assert (note.total.amount, note.amount_off_remaining.amount, note.credit_granted.amount) == (
        "21.50",
        "21.50",
        "0.00",
    )
    assert (note.description, at(note.create_time)) == ("Late gates", clerk.world.real_time.time)
    assert (state(after), after.amount_credited.amount, after.amount_remaining.amount) == ("OPEN", "21.50", "128.50")
    assert (after.lines, after.total, after.amount_due) == (invoice.lines, invoice.total, invoice.amount_due)
    assert after.revision > invoice.revision
    assert await clerk.get(invoice.id) == after
    assert (await clerk.notes()).credit_notes == [note]
    assert await clerk.balances("UA") == {}
    told = await announced(broker, "invoice.finalized", "credit_note.issued")
    assert told[1] == events.CreditNoteIssued(credit_note=note, invoice=after)


async def test_an_open_invoice_with_nothing_left_is_paid(clerk: Clerk, broker: Broker) -> None:
    invoice = await clerk.issued("UA", "100")
    await clerk.correct(invoice.id, {0: "60"})
    answer = await clerk.correct(invoice.id, {0: "40"})
    assert (state(answer.invoice), answer.invoice.amount_remaining.amount) == ("PAID", "0.00")
    assert (answer.invoice.amount_paid.amount, answer.invoice.amount_credited.amount) == ("0.00", "100.00")
    assert at(answer.invoice.paid_time) == clerk.world.real_time.time
    assert await clerk.get(invoice.id) == answer.invoice
    told = await announced(broker, "invoice.finalized", "credit_note.issued", "credit_note.issued", "invoice.paid")
    assert told[3] == events.InvoicePaid(invoice=answer.invoice)
    assert (await refused(clerk.void(invoice.id))).reason == "INVOICE_NOT_OPEN"


async def test_of_a_paid_invoice_all_becomes_credit(clerk: Clerk, broker: Broker) -> None:
    paid = await clerk.pay((await clerk.issued("UA", "100")).id)
    answer = await clerk.correct(paid.id, {0: "30"})
    assert answer.invoice == paid == await clerk.get(paid.id)
    assert answer.credit_note.credit_granted.amount == "30.00"
    assert await clerk.balances("UA") == {"USD": "30.00"}
    [entry] = (await clerk.entries("UA")).credit_entries
    assert (entry.amount.amount, entry.invoice_id, entry.credit_note_id) == ("30.00", paid.id, answer.credit_note.id)
    assert entry.description == "Credit note CN-000001: corrects invoice TK-000001"
    customer = await clerk.world.get_customer("UA")
    assert Token.decode(answer.token, "token").revision(FactKind.CUSTOMER, "UA") == customer.revision
    told = await announced(broker, "invoice.finalized", "invoice.paid", "credit_note.issued", "customer.updated")
    assert told[3] == events.CustomerUpdated(customer=customer)
    following = await clerk.issued("UA", "50")
    assert (following.credit_applied.amount, following.amount_due.amount) == ("30.00", "20.00")


async def test_what_was_met_by_credit_is_given_back_as_credit(clerk: Clerk) -> None:
    await clerk.grant("UA", "60")
    invoice = await clerk.issued("UA", "100")
    answer = await clerk.correct(invoice.id, {0: "50"})
    note = answer.credit_note
    assert (note.amount_off_remaining.amount, note.credit_granted.amount) == ("40.00", "10.00")
    assert state(answer.invoice) == "PAID"
    assert await clerk.balances("UA") == {"USD": "10.00"}


async def test_what_was_given_up_may_be_corrected_and_voided(clerk: Clerk) -> None:
    invoice = await clerk.give_up((await clerk.issued("UA", "100")).id)
    partly = await clerk.correct(invoice.id, {0: "40"})
    assert (state(partly.invoice), partly.invoice.amount_remaining.amount) == ("UNCOLLECTIBLE", "60.00")
    wholly = await clerk.correct(invoice.id, {0: "60"})
    assert (state(wholly.invoice), wholly.invoice.HasField("close_time")) == ("PAID", False)
    await clerk.grant("UA", "30")
    other = await clerk.issued("UA", "100")
    await clerk.correct(other.id, {0: "20"})
    assert (await clerk.pay(other.id)).amount_paid.amount == "50.00"
    third = await clerk.issued("UA", "100")
    await clerk.correct(third.id, {0: "20"})
    await clerk.give_up(third.id)
    assert state(await clerk.void(third.id)) == "VOID"
    assert await clerk.balances("UA") == {}, "nothing had come for it"


async def test_a_preview_is_what_happens(clerk: Clerk) -> None:
    await clerk.grant("UA", "60")
    invoice = await clerk.issued("UA", "100", "25")
    lines = {0: "90", 1: "0.01"}
    before = await clerk.kept()
    preview = await clerk.correct(invoice.id, lines, validate_only=True, request_id="preview")
    assert await clerk.kept() == before
    assert (preview.credit_note.id, preview.credit_note.number, preview.credit_note.revision) == ("", "", 0)
    assert (preview.token, preview.invoice.revision) == ("", invoice.revision)
    done = await clerk.correct(invoice.id, lines, request_id="preview")
    for answer in (preview, done):
        for name in ("id", "number", "revision"):
            answer.credit_note.ClearField(name)
        answer.invoice.ClearField("revision")
        answer.ClearField("token")
    assert preview == done


async def test_a_note_may_pay_what_a_subscription_owes(clerk: Clerk) -> None:
    clerk.world.catalog.publish(plan("airline", gates()))
    begun = await clerk.world.provision("UA", "airline", commitments={"gates": "20"})
    answer = await clerk.correct(begun.invoice.id, {0: "298"})
    assert (state(answer.invoice), answer.invoice.subscription_id) == ("PAID", begun.subscription.id)
    token = Token.decode(answer.token, "token")
    assert token.revision(FactKind.SUBSCRIPTION, begun.subscription.id) >= begun.subscription.revision
    assert (await clerk.world.subscription(begun.subscription.id)).state == begun.subscription.state
    # What was charged stays as it was: a raise at once pays for what is new, as if there were no note.
    raised = await clerk.world.raise_to(begun.subscription.id, {"gates": "24"}, validate_only=True)
    assert raised.invoice.total.amount == "40.00"


@pytest.mark.parametrize(("credited", "given_back"), [(None, "-149.00"), ("100", "-149.00"), ("298", "0.00")])
async def test_unused_time_is_not_given_back_twice(clerk: Clerk, credited: str | None, given_back: str) -> None:
    world = clerk.world
    world.catalog.publish(plan("airline", gates()))
    begun = await world.provision("UA", "airline", commitments={"gates": "20"})
    if credited is not None:
        await clerk.correct(begun.invoice.id, {0: credited})
    start, end = at(begun.subscription.current_period.start_time), at(begun.subscription.current_period.end_time)
    world.real_time.time = start + (end - start) / 2
    request = subscription_service_pb2.CancelSubscriptionRequest(
        subscription_id=begun.subscription.id,
        timing=subscription_service_pb2.CANCEL_TIMING_NOW,
        prorate=True,
        validate_only=True,
    )
    preview = await call(world.subscriptions.CancelSubscription, request)
    request.validate_only = False
    ended = await call(world.subscriptions.CancelSubscription, request)
    assert ended.invoice.total.amount == preview.invoice.total.amount == given_back
    [line] = ended.invoice.lines
    assert sum(Decimal(step.amount) for step in line.derivation) == Decimal(given_back)


async def test_what_was_given_back_since_is_not_taken_back_again(clerk: Clerk) -> None:
    world = clerk.world
    world.catalog.publish(plan("airline", gates()))
    begun = await world.provision("UA", "airline", commitments={"gates": "20"})
    start, end = at(begun.subscription.current_period.start_time), at(begun.subscription.current_period.end_time)
    world.real_time.time = start + (end - start) / 2
    request = subscription_service_pb2.CancelSubscriptionRequest(
        subscription_id=begun.subscription.id, timing=subscription_service_pb2.CANCEL_TIMING_NOW, prorate=True
    )
    await call(world.subscriptions.CancelSubscription, request)
    refusal = await refused(clerk.correct(begun.invoice.id, {0: "149.01"}))
    assert (refusal.reason, [one.path for one in refusal.violations]) == ("CREDIT_NOTE_INVALID", ["lines[0].amount"])
    assert (await clerk.correct(begun.invoice.id, {0: "149"})).credit_note.total.amount == "149.00"
    assert (await refused(clerk.correct(begun.invoice.id, {0: "0.01"}))).reason == "CREDIT_NOTE_INVALID"


async def test_notes_are_listed_in_the_order_of_their_numbers(clerk: Clerk) -> None:
    await clerk.world.customer("AA")
    first, second = await clerk.issued("UA", "100"), await clerk.issued("UA", "100")
    other = await clerk.issued("AA", "100")
    notes = [
        (await clerk.correct(invoice.id, {0: "1"})).credit_note for invoice in (first, second, other, first, first)
    ]
    assert [note.number for note in notes] == [f"CN-{i:06}" for i in range(1, 6)]
    assert (await clerk.notes()).credit_notes == notes
    assert (await clerk.notes(customer_id="AA")).credit_notes == [notes[2]]
    assert (await clerk.notes(invoice_id=second.id)).credit_notes == [notes[1]]
    assert not (await clerk.notes(customer_id="AA", invoice_id=first.id)).credit_notes
    assert not (await clerk.notes(customer_id="nobody")).credit_notes
    page = await clerk.notes(invoice_id=first.id, page_size=2)
    assert page.credit_notes == [notes[0], notes[3]]
    rest = await clerk.notes(invoice_id=first.id, page_size=2, page_token=page.next_page_token)
    assert rest.credit_notes == [notes[4]]
    assert not rest.next_page_token
    other_list = clerk.notes(customer_id="UA", page_token=page.next_page_token)
    assert (await refused(other_list)).reason == "INVALID_PAGE_TOKEN"
    wrong = clerk.notes(customer_id="-", invoice_id=" ", page_size=-1)
    assert [one.path for one in (await refused(wrong)).violations] == ["customer_id", "invoice_id", "page_size"]
    request = pb.ListInvoicesRequest(page_token=page.next_page_token)
    assert (await refused(call(clerk.world.invoices.ListInvoices, request))).reason == "INVALID_PAGE_TOKEN"
