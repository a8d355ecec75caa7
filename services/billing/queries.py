"""Reads without rules."""

from collections.abc import Sequence

from billing.domain.collection import PaymentAttempt
from billing.domain.credit import CreditEntry
from billing.domain.credit_note import CreditNote
from billing.domain.customer import Customer, customer_not_found
from billing.domain.invoice import Invoice, InvoiceState, invoice_not_found
from billing.domain.invoice_filters import InvoiceFilters
from billing.domain.subscription import Subscription, SubscriptionState, subscription_not_found
from billing.domain.test_clock import TestClock, clock_not_found
from billing.store import credit, credit_notes, customers, invoices, payment_attempts, subscriptions, test_clocks
from kernel.errors import FieldViolation, invalid
from kit.db import Database
from kit.paging import Page


async def get_customer(database: Database, customer_id: str) -> Customer:
    """One customer.

    Raises:
        TollkeeperError: `CUSTOMER_NOT_FOUND`.
    """
    async with database.read() as connection:
        customer = await customers.get(connection, customer_id)
    if customer is None:
        raise customer_not_found(customer_id)
    return customer


async def list_customers(database: Database, page: Page, test_clock_id: str) -> Sequence[Customer]:
    """The customers of a page, and one more where there are more."""
    async with database.read() as connection:
        return await customers.list_page(connection, page, test_clock_id)


async def get_test_clock(database: Database, clock_id: str) -> TestClock:
    """One clock.

    Raises:
        TollkeeperError: `TEST_CLOCK_NOT_FOUND`.
    """
    async with database.read() as connection:
        clock = await test_clocks.get(connection, clock_id)
    if clock is None:
        raise clock_not_found(clock_id)
    return clock


async def list_test_clocks(database: Database, page: Page) -> Sequence[TestClock]:
    """The clocks of a page, and one more where there are more."""
    async with database.read() as connection:
        return await test_clocks.list_page(connection, page)


async def get_subscription(database: Database, subscription_id: str) -> Subscription:
    """One subscription.

    Raises:
        TollkeeperError: `SUBSCRIPTION_NOT_FOUND`.
    """
    async with database.read() as connection:
        subscription = await subscriptions.get(connection, subscription_id)
    if subscription is None:
        raise subscription_not_found(subscription_id)
    return subscription


async def list_subscriptions(
    database: Database, page: Page, *, customer_id: str, plan_id: str, states: Sequence[SubscriptionState]
) -> Sequence[Subscription]:
    """The subscriptions of a page, and one more where there are more."""
    async with database.read() as connection:
        return await subscriptions.list_page(connection, page, customer_id=customer_id, plan_id=plan_id, states=states)


async def get_invoice(database: Database, invoice_id: str) -> Invoice:
    """One invoice.

    Raises:
        TollkeeperError: `INVOICE_NOT_FOUND`.
    """
    async with database.read() as connection:
        invoice = await invoices.get(connection, invoice_id)
    if invoice is None:
        raise invoice_not_found(invoice_id)
    return invoice


async def list_invoices(database: Database, page: Page, filters: InvoiceFilters) -> Sequence[Invoice]:
    """The invoices of a page, and one more where there are more: drafts only where the filters name their state.

    Raises:
        TollkeeperError: `INVALID_PAGE_TOKEN`.
    """
    async with database.read() as connection:
        if filters.states == (InvoiceState.DRAFT,):
            return await invoices.list_drafts(
                connection, page, after=page.after[0] if page.after else "", filters=filters
            )
        return await invoices.list_page(connection, page, after=_number_of(page), filters=filters)


def _number_of(page: Page) -> int:
    return _whole_number(page.after[0]) if page.after else 0


def _whole_number(number: str) -> int:
    # Longer numbers would not fit into the database's.
    if not (number.isascii() and number.isdigit() and len(number) <= 18):
        violation = FieldViolation("page_token", "is not one that this list returned; start again without it")
        raise invalid(violation, reason="INVALID_PAGE_TOKEN")
    return int(number)


async def list_payment_attempts(database: Database, page: Page, invoice_id: str) -> Sequence[PaymentAttempt]:
    """The attempts of a page, and one more where there are more, the oldest first.

    Raises:
        TollkeeperError: `INVOICE_NOT_FOUND`.
    """
    async with database.read() as connection:
        found = await payment_attempts.list_page(connection, page, invoice_id)
        if not found and await invoices.get(connection, invoice_id) is None:
            raise invoice_not_found(invoice_id)
        return found


async def list_credit_notes(
    database: Database, page: Page, *, customer_id: str, invoice_id: str
) -> Sequence[CreditNote]:
    """The credit notes of a page, and one more where there are more; empty ids choose nothing.

    Raises:
        TollkeeperError: `INVALID_PAGE_TOKEN`.
    """
    after = _number_of(page)
    async with database.read() as connection:
        return await credit_notes.list_page(
            connection, page, after=after, customer_id=customer_id, invoice_id=invoice_id
        )


async def list_credit_entries(database: Database, page: Page, customer_id: str) -> Sequence[CreditEntry]:
    """What made the balances, newest first: a page, and one more where there are more.

    Raises:
        TollkeeperError: `CUSTOMER_NOT_FOUND`; `INVALID_PAGE_TOKEN`.
    """
    before = (_number_of(page), page.after[-1]) if page.after else None
    async with database.read() as connection:
        found = await credit.list_entries(connection, customer_id, before=before, limit=page.size + 1)
        if not found and await customers.get(connection, customer_id) is None:
            raise customer_not_found(customer_id)
        return found
