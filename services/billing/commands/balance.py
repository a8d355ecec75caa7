"""A change of a customer's credit balance, whatever made it: the entry, the balance and the event leave together."""

from sqlalchemy.ext.asyncio import AsyncConnection

from billing.domain.credit import CreditEntry
from billing.domain.customer import Customer, change_credit
from billing.messages.customer import customer_to_proto
from billing.store import credit, customers
from kit.outbox import Outbox
from tollkeeper.billing.v1 import billing_events_pb2


async def change_balance(
    connection: AsyncConnection, outbox: Outbox, customer: Customer, *, entry: CreditEntry, revision: int
) -> Customer:
    """The customer, which is locked, with the entry in its balance; stored and announced."""
    after = change_credit(customer, entry.amount, revision=revision)
    await credit.add_entries(connection, [entry])
    await customers.save(connection, after)
    await credit.save_balances(connection, customer, after)
    event = billing_events_pb2.CustomerUpdated(customer=customer_to_proto(after))
    await outbox.put(connection, "customer", "updated", id=after.id, event=event)
    return after
