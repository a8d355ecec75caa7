"""Rows in bulk: every text arrives as it is, and faults are those of any statement."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from billing.store import tables
from billing.store.bulk import among, insert_all, update_all
from kit.db import Database

NOON = datetime(2013, 1, 15, 12, 0, 0, 123456, tzinfo=UTC)
ODD_TEXTS = (
    "",
    "plain",
    "None",
    r"\N",
    "tab\tin it",
    "line\nbreak",
    "carriage\rreturn",
    "back\\slash",
    r"\t\n",
    '"quoted" {json}',
    "ü € 😀",
    "\\",
    "\t",
    "x'; DROP TABLE customer; --",
)


@pytest.fixture
def database(open_database: Callable[[str], Database]) -> Database:
    """Billing's, empty."""
    return open_database("billing")


def customer(number: int, name: str) -> dict[str, object]:
    return {
        "id": f"c{number:02}",
        "display_name": name,
        "email": name,
        "currency": "USD",
        "test_clock_id": None,
        "country": "",
        "collection_method": "MANUAL",
        "payment_method_id": "",
        "provider_customer_id": "",
        "revision": 2**62 + number,
        "create_time": NOON,
    }


def invoice(number: int, name: str) -> dict[str, object]:
    money = ("total", "credit_applied", "credit_granted", "amount_due", "amount_paid", "amount_credited")
    return {
        "id": f"i{number:02}",
        "number": number,
        "customer_id": "c00",
        "period_number": 0,
        "reason": "MANUAL",
        "state": "OPEN",
        "currency": "USD",
        **dict.fromkeys(money, Decimal("0.10")),
        "amount_paid": Decimal("0E-2"),
        "amount_credited": Decimal("0E+2"),
        "bill_to": [name, name, None],
        "create_time": NOON,
        "paid_time": None,
        "revision": number,
    }


async def test_what_is_inserted_is_found_again(database: Database) -> None:
    rows = [customer(number, name) for number, name in enumerate(ODD_TEXTS)]
    invoices = [invoice(number, name) for number, name in enumerate(ODD_TEXTS)]
    async with database.write() as connection:
        await insert_all(connection, tables.customer, rows)
        await insert_all(connection, tables.invoice, invoices)
        await insert_all(connection, tables.invoice, [])
    async with database.read() as connection:
        found = (await connection.execute(select(tables.customer).order_by(tables.customer.c.id))).all()
        table = tables.invoice
        billed = (await connection.execute(select(*(table.c[name] for name in invoices[0])).order_by(table.c.id))).all()
    assert [row._asdict() for row in found] == rows
    assert [row._asdict() for row in billed] == invoices


async def test_what_is_updated_is_found_again(database: Database) -> None:
    rows = [customer(number, "before") for number in range(len(ODD_TEXTS) + 1)]
    changed = [row | {"display_name": name, "email": "after"} for row, name in zip(rows, ODD_TEXTS, strict=False)]
    async with database.write() as connection:
        await insert_all(connection, tables.customer, rows)
        await update_all(connection, tables.customer, changed, columns=("display_name", "test_clock_id", "create_time"))
        await update_all(connection, tables.customer, [], columns=("email",))
    ids = [row["id"] for row in rows[:-1]]
    async with database.read() as connection:
        query = select(tables.customer).where(among(tables.customer.c.id, [str(one) for one in ids]))
        found = (await connection.execute(query.order_by(tables.customer.c.id))).all()
        last = (await connection.execute(text("SELECT display_name FROM customer ORDER BY id DESC LIMIT 1"))).scalar()
    assert [row._asdict() for row in found] == [row | {"email": "before"} for row in changed]
    assert last == "before"


async def test_a_row_that_breaks_a_rule_is_a_fault_of_the_statement(database: Database) -> None:
    with pytest.raises(IntegrityError) as caught:
        async with database.write() as connection:
            await insert_all(connection, tables.customer, [customer(1, "one"), customer(1, "another")])
    assert getattr(caught.value.orig, "sqlstate", None) == "23505"
    async with database.write() as connection:
        await insert_all(connection, tables.customer, [customer(1, "one")])


async def insert_over_a_lost_connection(database: Database) -> None:
    async with database.write() as connection:
        own = (await connection.execute(text("SELECT pg_backend_pid()"))).scalar_one()
        async with database.write() as other:
            await other.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": own})
        await insert_all(connection, tables.customer, [customer(1, "one")])


async def test_a_connection_that_is_lost_is_replaced(database: Database) -> None:
    with pytest.raises(DBAPIError):
        await insert_over_a_lost_connection(database)
    async with database.write() as connection:
        await insert_all(connection, tables.customer, [customer(1, "one")])
