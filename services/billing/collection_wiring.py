"""Collection, put together: by Stripe where a key is set, else by hand."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

from billing.clients.stripe_events import StripeEvents
from billing.clients.stripe_provider import StripeProvider
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
from billing.consumers.payment_webhooks import PaymentWebhooks
from kernel.clock import Clock
from kit.db import Database
from kit.outbox import Outbox
from kit.service import Worker


@dataclass(frozen=True, slots=True)
class CollectionParts:
    """What collects, for commands, servicers and the service's life.

    Attributes:
        webhooks: None where no messages are listened for.
        workers: To be run, `webhooks` among them.
    """

    collecting: Collecting
    pay: PayInvoice
    attach: AttachPaymentMethod
    end: EndInvoice
    webhooks: PaymentWebhooks | None
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
    terms = settings.collection_terms
    end = EndInvoice(database, outbox, clock=clock, plans=plans)
    key = settings.stripe_secret_key.get_secret_value()
    if not key:
        return CollectionParts(
            collecting=ManualCollection(),
            pay=PayInvoice(database, None, provider_name="", clock=clock),
            attach=AttachPaymentMethod(database, outbox, None, clock=clock),
            end=end,
            webhooks=None,
            workers=(),
        )
    provider = StripeProvider(key, api_base=settings.stripe_api_base)
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
    secret = settings.stripe_webhook_secret.get_secret_value()
    webhooks = PaymentWebhooks(settings.webhook_listen, StripeEvents(secret), outcomes) if secret else None
    return CollectionParts(
        collecting=ProviderCollection(provider.name, ask=ask, due=due, real_time=clock),
        pay=PayInvoice(database, ask, provider_name=provider.name, clock=clock),
        attach=AttachPaymentMethod(database, outbox, provider, clock=clock),
        end=end,
        webhooks=webhooks,
        workers=[due] if webhooks is None else [due, webhooks],
    )
