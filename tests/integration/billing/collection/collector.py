"""A worker that collects, as a process of its own to be killed: ``python -m … <database url> <Stripe's address> <time>``."""

import asyncio
import sys
from datetime import datetime

from billing.clients.stripe_provider import StripeProvider
from billing.commands.ask_provider import AskProvider
from billing.commands.collect_due import CollectDue
from billing.commands.payment_outcomes import PaymentOutcomes
from billing.commands.plans import Plans
from billing.domain.collection import CollectionTerms
from billing.store import tables
from kit.db import Database
from kit.outbox import Outbox
from tests.integration.billing.stripe_wire import SECRET_KEY
from tests.integration.billing.world import SettableClock


async def collect(database_url: str, stripe: str, time: str) -> None:
    """Collects until it is killed, at a time that stands."""
    database, clock, plans, terms = (
        Database(database_url),
        SettableClock(datetime.fromisoformat(time)),
        Plans(),
        CollectionTerms(),
    )
    outbox = Outbox("billing", tables.outbox)
    outcomes = PaymentOutcomes(database, outbox, clock=clock, plans=plans, terms=terms)
    ask = AskProvider(database, StripeProvider(SECRET_KEY, api_base=stripe), outcomes, real_time=clock)
    due = CollectDue(
        database, outbox, ask, plans=plans, provider_name="stripe", terms=terms, real_time=clock, poll_seconds=0.05
    )
    await due.run()


if __name__ == "__main__":
    asyncio.run(collect(*sys.argv[1:]))
