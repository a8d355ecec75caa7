"""Gives a customer credit by hand."""

from functools import partial

from sqlalchemy.ext.asyncio import AsyncConnection

from billing.commands import once
from billing.commands.balance import change_balance
from billing.commands.customer_time import present
from billing.commands.tokens import customer_token
from billing.domain.credit import CreditEntry
from billing.messages.credit_grant import Grant
from billing.messages.customer import credit_entry_to_proto, customer_to_proto
from billing.messages.request_key import RequestKey
from billing.store import revisions
from kernel.clock import Clock
from kernel.ids import new_id
from kit.db import Database
from kit.outbox import Outbox
from tollkeeper.billing.v1.customer_service_pb2 import GrantCreditResponse as Response


class GrantCredit:
    """Credit that no invoice left over; the customer's next invoices use it before money is asked for."""

    def __init__(self, database: Database, outbox: Outbox, *, clock: Clock) -> None:
        self._database = database
        self._outbox = outbox
        self._clock = clock

    async def __call__(self, grant: Grant, key: RequestKey | None) -> Response:
        """The customer with its new balances, and the entry.

        Raises:
            TollkeeperError: `CUSTOMER_NOT_FOUND`; `TEST_CLOCK_ADVANCING`; `REQUEST_ID_REUSED`.
        """
        return await once.run(self._database, key, Response, partial(self._grant, grant))

    async def _grant(self, grant: Grant, connection: AsyncConnection) -> Response:
        here = await present(connection, grant.customer_id, clock=self._clock, lock=True)
        revision = await revisions.take(connection)
        entry = CreditEntry(
            id=new_id("cre"),
            customer_id=here.customer.id,
            amount=grant.amount,
            description=grant.description,
            invoice_id=None,
            credit_note_id=None,
            create_time=here.now,
            revision=revision,
        )
        customer = await change_balance(connection, self._outbox, here.customer, entry=entry, revision=revision)
        return Response(
            customer=customer_to_proto(customer),
            credit_entry=credit_entry_to_proto(entry),
            token=customer_token(customer),
        )
