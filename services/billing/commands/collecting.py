"""How invoices are collected: the port between what is charged and who is asked for the money.

Intent, call, outcome: `begin` writes the intent into the transaction of the charge, `ask` calls the provider after its commit and
writes the outcome; whatever is left unfinished, a worker finishes.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from billing.domain.customer import Customer
from billing.domain.invoice import Invoice
from kernel.errors import precondition


class Collecting(Protocol):
    """Collects, or leaves it to others."""

    def check(self, customer: Customer) -> None:
        """Refuses to charge a customer that pays automatically and cannot.

        Raises:
            TollkeeperError: `PROVIDER_NOT_CONFIGURED`; `PAYMENT_METHOD_MISSING`.
        """

    async def begin(
        self, connection: AsyncConnection, invoices: Sequence[tuple[Customer, Invoice]], *, now: datetime
    ) -> tuple[str, ...]:
        """Notes that the invoices of customers that pay automatically are to be collected; the ids of the attempts."""

    async def ask(self, attempt_ids: Sequence[str]) -> None:
        """Asks for the attempts' money and writes what came of it, within the caller's time; the rest a worker does."""

    async def run_boundary(self, test_clock_id: str, boundary: datetime) -> None:
        """Does what is due on the clock at the boundary: open attempts, retries, first payments that never came.

        Raises:
            TollkeeperError: `DEPENDENCY_UNAVAILABLE` while the provider gives no answer.
        """

    async def next_boundary(self, connection: AsyncConnection, test_clock_id: str, until: datetime) -> datetime | None:
        """When something is due on the clock next, at the latest at `until`; None where nothing is."""


class ManualCollection:
    """Without a payment provider nothing is awaited: an invoice stays open until somebody marks it paid."""

    def check(self, customer: Customer) -> None:
        """Refuses a customer that pays automatically.

        Raises:
            TollkeeperError: `PROVIDER_NOT_CONFIGURED`.
        """
        if customer.automatic:
            raise precondition(
                "PROVIDER_NOT_CONFIGURED",
                f"The customer {customer.id} pays automatically, and this installation has no payment provider: set its "
                "collection_method to MANUAL, or configure one.",
                customer_id=customer.id,
            )

    async def begin(
        self, _connection: AsyncConnection, _invoices: Sequence[tuple[Customer, Invoice]], *, now: datetime
    ) -> tuple[str, ...]:
        """Nothing is to be collected."""
        del now
        return ()

    async def ask(self, _attempt_ids: Sequence[str]) -> None:
        """There are no attempts."""

    async def run_boundary(self, _test_clock_id: str, _boundary: datetime) -> None:
        """Nothing is due."""

    async def next_boundary(
        self, _connection: AsyncConnection, _test_clock_id: str, _until: datetime
    ) -> datetime | None:
        """Nothing is due."""
        return None
