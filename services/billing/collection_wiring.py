"""Collection, put together: by Stripe where a key is set, else by hand."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

from billing.collection_settings import CollectionSettings
from billing.commands.ask_provider import AskProvider
from billing.commands.attach_payment_method import AttachPaymentMethod
from billing.commands.collect_due import CollectDue
from billing.commands.collecting import Collecting, ManualCollection
from billing.commands.end_invoice import EndInvoice
from billing.commands.pay_invoice import PayInvoice
from billing.commands.payment_outcomes import PaymentOutcomes
from billing.commands.plans import Plans
from billing.commands.provider_collection import ProviderCollection
from kernel.clock import Clock
from kit.db import Database
from kit.outbox import Outbox
from kit.service import Worker


@dataclass(frozen=True, slots=True)
class CollectionParts:
    """What collects, for commands, servicers and the service's life.

    Attributes:
        workers: To be run.
    """

    collecting: Collecting
    pay: PayInvoice
    attach: AttachPaymentMethod
    end: EndInvoice
    workers: Sequence[Worker]


def wire_collection(
    settings: CollectionSettings,
    database: Database,
    outbox: Outbox,
    *,
    plans: Plans,
    clock: Clock,
    resources: AsyncExitStack,
) -> CollectionParts:
    """Builds the parts; what must be closed goes on the stack."""
    end = EndInvoice(database, outbox, clock=clock, plans=plans)
    if settings.stripe_secret_key.get_secret_value():
        return _by_stripe(settings, database, outbox, plans=plans, clock=clock, end=end, resources=resources)
    return CollectionParts(
        collecting=ManualCollection(),
        pay=PayInvoice(database, None, provider_name="", clock=clock),
        attach=AttachPaymentMethod(database, outbox, None, clock=clock),
        end=end,
        workers=(),
    )


def _by_stripe(
    settings: CollectionSettings,
    database: Database,
    outbox: Outbox,
    *,
    plans: Plans,
    clock: Clock,
    end: EndInvoice,
    resources: AsyncExitStack,
) -> CollectionParts:
    # The client and its HTTP stack take a second and 30 MB, which an installation without Stripe keeps.
    from billing.clients.stripe_provider import StripeProvider

    terms = settings.collection_terms
    provider = StripeProvider(settings.stripe_secret_key.get_secret_value(), api_base=settings.stripe_api_base)
    resources.push_async_callback(provider.close)
    outcomes = PaymentOutcomes(database, outbox, clock=clock, plans=plans, terms=terms)
    ask = AskProvider(database, provider, outcomes, real_time=clock)
    due = CollectDue(
        database,
        outbox,
        ask,
        plans=plans,
        provider_name=provider.name,
        terms=terms,
        real_time=clock,
        poll_seconds=settings.collection_poll_seconds,
    )
    return CollectionParts(
        collecting=ProviderCollection(provider.name, ask=ask, due=due, real_time=clock),
        pay=PayInvoice(database, ask, provider_name=provider.name, clock=clock),
        attach=AttachPaymentMethod(database, outbox, provider, clock=clock),
        end=end,
        workers=[due, *_webhooks(settings, outcomes)],
    )


def _webhooks(settings: CollectionSettings, outcomes: PaymentOutcomes) -> Sequence[Worker]:
    """The listener for Stripe's messages, where their secret is known."""
    secret = settings.stripe_webhook_secret.get_secret_value()
    if not secret:
        return ()
    from billing.clients.stripe_events import StripeEvents
    from billing.consumers.payment_webhooks import PaymentWebhooks

    return (PaymentWebhooks(settings.webhook_listen, StripeEvents(secret), outcomes),)
