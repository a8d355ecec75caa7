"""What a failed payment brings about: it is tried again by the schedule, until the configured end."""

from dataclasses import replace

from billing.commands.payment_consequences import Consequences
from billing.domain import payment_effects as effects
from billing.domain.collection import CollectionTerms, FinalAction
from billing.domain.collection_effects import end_now
from billing.domain.invoice import Invoice
from billing.domain.subscription import SubscriptionState
from billing.store import collectible, revisions


async def payment_failed(follow: Consequences, invoice: Invoice, terms: CollectionTerms) -> Invoice:
    """A payment that the schedule or a command asked for failed; the invoice says when it is tried again.

    A change that waited for it is dropped and its invoice is void; a first payment is not tried again by itself. After the
    last failure follows the configured end.
    """
    subscription = await follow.subscription_of(invoice)
    if subscription is not None and subscription.pending and subscription.pending.invoice_id == invoice.id:
        return await follow.voided(invoice)
    first = await collectible.note_failure(follow.connection, invoice.id, follow.now)
    if subscription is not None and subscription.state is SubscriptionState.PENDING_PAYMENT:
        return invoice
    following = terms.next_attempt_time(first, follow.now)
    revision = await revisions.take(follow.connection)
    after = replace(invoice, next_attempt_time=following, revision=revision)
    await follow.save(after)
    await follow.befalls(invoice, lambda one, number: effects.payment_failed(one, invoice, revision=number))
    return after if following is not None else await _end(follow, after, terms)


async def _end(follow: Consequences, invoice: Invoice, terms: CollectionTerms) -> Invoice:
    match terms.final_action:
        case FinalAction.CANCEL_SUBSCRIPTION:
            # Usage must be asked for before it ends: whoever crosses boundaries does so at once.
            await follow.befalls(invoice, lambda one, number: end_now(one, now=follow.now, revision=number))
            return invoice
        case FinalAction.MARK_UNCOLLECTIBLE:
            return await follow.given_up(invoice)
        case FinalAction.LEAVE_PAST_DUE:
            return invoice
