"""What the tests of collection share: a receiver of outcomes, and a charge."""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal

from billing.clients.payment_provider import Charge, Payer
from billing.clients.stripe_provider import StripeProvider
from billing.domain.collection import Outcome
from kernel.money import Money, currency

PAYER = Payer("acme", datetime(2013, 1, 1, tzinfo=UTC), "Acme Inc.", "money@acme.example")


class Told:
    """Keeps what it was told; `error` is raised instead, `release` is waited for."""

    def __init__(self) -> None:
        self.outcomes: list[tuple[str, Outcome]] = []
        self.error: Exception | None = None
        self.entered = asyncio.Event()
        self.release: asyncio.Event | None = None

    async def __call__(self, attempt_id: str, outcome: Outcome) -> None:
        self.entered.set()
        if self.release is not None:
            await self.release.wait()
        if self.error is not None:
            raise self.error
        self.outcomes.append((attempt_id, outcome))


async def charge_by(
    provider: StripeProvider, method: str = "pm_card_visa", *, amount: str = "20.00", unit: str = "USD"
) -> Charge:
    """A charge of a fresh customer with the test payment method attached."""
    customer = await provider.make_customer(PAYER)
    attached = await provider.attach_payment_method(customer, method)
    return Charge(
        attempt_id="pay_0001",
        invoice_id="inv_0001",
        customer_id="acme",
        provider_customer_id=customer,
        payment_method_id=attached,
        amount=Money(Decimal(amount), currency(unit)),
        description="TK-000001",
        first_ask_time=datetime.now(UTC),
    )
