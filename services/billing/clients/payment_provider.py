"""The port to a payment provider: who can be charged, and one charge, asked for until it is decided.

An installation without one is `manual`: nobody is asked, and invoices are open until they are marked paid.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from billing.domain.collection import Outcome
from kernel.money import Money


@dataclass(frozen=True, slots=True)
class Payer:
    """A customer as the provider is told of it.

    Attributes:
        create_time: Keeps customers of two installations apart that share a provider's account and an id.
    """

    customer_id: str
    create_time: datetime
    display_name: str
    email: str


@dataclass(frozen=True, slots=True)
class Charge:
    """What is asked for. Asked again, every value must be the same.

    Attributes:
        attempt_id: The idempotency key: one attempt, one charge.
        description: What the customer may read at its bank or in the provider's records: "TK-000017".
        first_ask_time: When the provider was first asked, in real time.
    """

    attempt_id: str
    invoice_id: str
    customer_id: str
    provider_customer_id: str
    payment_method_id: str
    amount: Money
    description: str
    first_ask_time: datetime


class PaymentProvider(Protocol):
    """Somebody who can take money from a customer that is not present.

    Outcomes are values, never errors: a provider that is away answers `Unknown`. None of these is called within a transaction.
    """

    @property
    def name(self) -> str:
        """Its name in the contract: "stripe"."""
        ...

    async def make_customer(self, payer: Payer) -> str:
        """Makes the customer known, and gives the provider's id for it. Repeated within a day it is the same one.

        Raises:
            TollkeeperError: `PAYMENT_METHOD_REFUSED`: the provider does not take the customer's values;
                `DEPENDENCY_UNAVAILABLE`.
        """
        ...

    async def attach_payment_method(self, provider_customer_id: str, payment_method_id: str) -> str:
        """Lets the customer be charged by the payment method, and gives the id to charge it by.

        Raises:
            TollkeeperError: `PAYMENT_METHOD_REFUSED`; `DEPENDENCY_UNAVAILABLE`.
        """
        ...

    async def charge(self, charge: Charge) -> Outcome:
        """Asks for the money. Repeated within `REPEATABLE` of the first asking, it is still one charge."""
        ...

    async def look_up(self, charge: Charge, payment_id: str) -> Outcome | None:
        """How the payment stands; found by the attempt where its id is not known. None: the provider has no such payment."""
        ...

    async def cancel(self, payment_id: str) -> Outcome:
        """Calls an undecided payment off; gives how it stands then: it may have been decided before."""
        ...
