"""What became of a subscription, as its caller hears it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from google.protobuf.message import Message
from sqlalchemy.ext.asyncio import AsyncConnection

from billing.commands.tokens import subscription_token
from billing.domain.invoice import Invoice
from billing.domain.subscription import Subscription
from billing.messages.invoice import invoice_to_proto
from billing.messages.subscription import subscription_to_proto
from billing.store import customers, invoices, subscriptions

R = TypeVar("R", bound=Message)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became, or would become, of a subscription.

    Attributes:
        invoice: None where nothing was charged.
        token: Names the write; empty for a preview.
    """

    subscription: Subscription
    invoice: Invoice | None
    token: str = ""

    def response(self, make: Callable[..., R]) -> R:
        """The response of an RPC that answers subscription, invoice and token."""
        fields: dict[str, Any] = {"subscription": subscription_to_proto(self.subscription), "token": self.token}
        if self.invoice is not None:
            fields["invoice"] = invoice_to_proto(self.invoice)
        return make(**fields)


async def paid_outcome(connection: AsyncConnection, outcome: Outcome) -> Outcome:
    """The outcome as it is after the payment was asked for."""
    [subscription] = await subscriptions.get_many(connection, [outcome.subscription.id])
    [customer] = await customers.get_many(connection, [subscription.customer_id])
    invoice = None if outcome.invoice is None else await invoices.get(connection, outcome.invoice.id)
    return Outcome(subscription, invoice, subscription_token(subscription, customer))
