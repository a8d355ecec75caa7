"""Invoices written by hand: drafted, edited, thrown away."""

import asyncio
from datetime import UTC, datetime

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from kit.client import call
from tests.integration.billing.invoices.clerk import Clerk, manual, state
from tests.integration.billing.plans import gates, plan
from tests.integration.billing.world import at, refused
from tollkeeper.billing.v1 import invoice_pb2
from tollkeeper.billing.v1 import invoice_service_pb2 as pb


async def test_a_draft_charges_nothing(clerk: Clerk) -> None:
    await clerk.grant("UA", "5")
    before = await clerk.world.get_customer("UA")
    made = await clerk.draft("UA", manual("De-icing", "12.345", "3"), manual("Goodwill", "-7"))
    assert (state(made), made.number, made.reason) == ("DRAFT", "", invoice_pb2.INVOICE_REASON_MANUAL)
    assert [(line.description, line.quantity, line.amount.amount) for line in made.lines] == [
        ("De-icing", "3", "37.04"),
        ("Goodwill", "1", "-7.00"),
    ]
    [step] = made.lines[0].derivation
    assert (step.quantity, step.unit_price, step.amount) == ("3", "12.345", "37.035")
    assert (made.total.amount, made.amount_due.amount, made.credit_applied.amount) == ("30.04", "30.04", "0.00")
    assert (made.bill_to.display_name, at(made.create_time)) == ("UA", clerk.world.real_time.time)
    assert not made.HasField("finalize_time")
    assert not made.lines[0].HasField("period")
    assert await clerk.get(made.id) == made
    assert await clerk.world.get_customer("UA") == before
    assert await clerk.world.invoices_of("UA") == []
    assert (await refused(clerk.pay(made.id))).reason == "INVOICE_NOT_OPEN"


@pytest.mark.parametrize(("currency", "amount"), [("JPY", "2"), ("KWD", "1.500"), ("USD", "1.50")])
async def test_its_currency_is_the_customers_unless_it_is_named(clerk: Clerk, currency: str, amount: str) -> None:
    await clerk.world.customer("JAL", currency="JPY")
    named = await clerk.draft("UA", manual("Fee", "1.5"), currency=currency)
    assert (named.currency, named.total.amount) == (currency, amount)
    assert (await clerk.draft("JAL", manual("Fee", "1.5"))).currency == "JPY"


async def test_other_lines_replace_all_lines(clerk: Clerk) -> None:
    made = await clerk.draft("UA", manual("One", "1"), manual("Two", "2"), manual("Three", "3"))
    clerk.world.real_time.time = datetime(2013, 1, 20, tzinfo=UTC)
    changed = await clerk.rewrite(made.id, manual("Four", "4", "1.5"))
    assert [(line.description, line.amount.amount) for line in changed.lines] == [("Four", "6.00")]
    assert (changed.total.amount, changed.create_time) == ("6.00", made.create_time)
    assert changed.revision > made.revision
    assert await clerk.rewrite(made.id, manual("Four", "4.0", "1.50")) == changed
    assert await clerk.get(made.id) == changed


async def test_a_draft_that_is_thrown_away_is_gone(clerk: Clerk) -> None:
    made = await clerk.draft("UA", manual("Fee", "1"))
    kept = await clerk.draft("UA", manual("Other", "1"))
    await clerk.remove(made.id)
    for attempt in (clerk.get(made.id), clerk.remove(made.id), clerk.finalize(made.id)):
        assert (await refused(attempt)).reason == "INVOICE_NOT_FOUND"
    assert await clerk.listed(states=[invoice_pb2.INVOICE_STATE_DRAFT]) == [kept]
    assert (await clerk.finalize(kept.id)).number == "TK-000001", "a draft leaves no gap"


async def test_only_a_draft_is_edited(clerk: Clerk) -> None:
    clerk.world.catalog.publish(plan("airline", gates()))
    begun = (await clerk.world.provision("UA", "airline")).invoice
    paid = await clerk.pay((await clerk.issued("UA", "10")).id)
    taken_back = await clerk.void((await clerk.issued("UA", "20")).id)
    before = await clerk.kept()
    for invoice in (begun, paid, taken_back):
        for attempt in (clerk.rewrite(invoice.id, manual("Less", "1")), clerk.remove(invoice.id)):
            refusal = await refused(attempt)
            assert (refusal.reason, refusal.metadata["state"]) == ("INVOICE_NOT_DRAFT", state(invoice))
            assert refusal.metadata["invoice_id"] == invoice.id
            assert [one.path for one in refusal.violations] == ["invoice_id"]
    assert await clerk.kept() == before


async def test_the_database_itself_lets_only_drafts_be_edited(clerk: Clerk) -> None:
    await clerk.draft("UA", manual("Fee", "1"))
    issued = await clerk.issued("UA", "10")
    for statement in (
        f"DELETE FROM invoice_line WHERE invoice_id = '{issued.id}'",
        f"DELETE FROM invoice WHERE id = '{issued.id}'",
        f"UPDATE invoice SET number = NULL, state = 'DRAFT' WHERE id = '{issued.id}'",
    ):
        with pytest.raises(DBAPIError, match="issued"):
            async with clerk.world.database.write() as connection:
                await connection.execute(text(statement))
    assert await clerk.get(issued.id) == issued


WRONG_LINES = [
    (manual("", "1"), ["lines[1].description"]),
    (manual(" \n", "1"), ["lines[1].description"]),
    (manual("d" * 501, "1"), ["lines[1].description"]),
    (manual("Fee", ""), ["lines[1].unit_price"]),
    (manual("Fee", "1e3"), ["lines[1].unit_price"]),
    (manual("Fee", "0.0000000000001"), ["lines[1].unit_price"]),
    (manual("Fee", "1", "0"), ["lines[1].quantity"]),
    (manual("Fee", "1", "-1"), ["lines[1].quantity"]),
    (manual("Fee", "1", "many"), ["lines[1].quantity"]),
    (manual("Fee", "999999999999999999", "999999999999999999"), ["lines[1].unit_price"]),
    (manual("", "x", "y"), ["lines[1].description", "lines[1].quantity", "lines[1].unit_price"]),
]


async def test_wrong_lines_are_refused_and_change_nothing(clerk: Clerk) -> None:
    made = await clerk.draft("UA", manual("Fee", "1"))
    before = await clerk.kept()
    for line, paths in WRONG_LINES:
        for attempt in (clerk.draft("UA", manual("Fee", "1"), line), clerk.rewrite(made.id, manual("Fee", "2"), line)):
            refusal = await refused(attempt)
            assert (refusal.reason, [one.path for one in refusal.violations]) == ("INVALID_FIELD", paths)
    too_many = [manual("Fee", "1")] * 101
    for lines in ([], too_many):
        for attempt in (clerk.draft("UA", *lines), clerk.rewrite(made.id, *lines)):
            assert [one.path for one in (await refused(attempt)).violations] == ["lines"]
    assert await clerk.kept() == before
    assert len((await clerk.draft("UA", *too_many[:100])).lines) == 100


async def test_a_request_is_told_all_its_mistakes_at_once(clerk: Clerk) -> None:
    refusal = await refused(clerk.draft("-", manual("", "1"), currency="usd", request_id="r" * 129))
    assert [one.path for one in refusal.violations] == [
        "customer_id",
        "currency",
        "lines[0].description",
        "request_id",
    ]
    refusal = await refused(clerk.rewrite("-"))
    assert [one.path for one in refusal.violations] == ["invoice_id", "lines"]
    assert [one.path for one in (await refused(clerk.remove(""))).violations] == ["invoice_id"]
    assert (await refused(clerk.draft("nobody", manual("Fee", "1")))).reason == "CUSTOMER_NOT_FOUND"


async def test_a_repeated_request_answers_the_first_draft(clerk: Clerk) -> None:
    line = manual("Fee", "1")
    made = await asyncio.gather(*(clerk.draft("UA", line, request_id="once") for _ in range(4)))
    assert all(one == made[0] for one in made)
    assert await clerk.listed(states=[invoice_pb2.INVOICE_STATE_DRAFT]) == [made[0]]
    await clerk.finalize(made[0].id)
    assert await clerk.draft("UA", line, request_id="once") == made[0]
    refusal = await refused(clerk.draft("UA", manual("Fee", "2"), request_id="once"))
    assert refusal.reason == "REQUEST_ID_REUSED"
    assert (await refused(clerk.draft("nobody", line, request_id="other"))).reason == "CUSTOMER_NOT_FOUND"
    assert (await clerk.draft("UA", line, request_id="other")).id


async def test_drafts_are_listed_by_themselves_in_pages(clerk: Clerk) -> None:
    await clerk.world.customer("AA")
    drafts = [await clerk.draft("UA", manual("Fee", "1")) for _ in range(3)]
    other = await clerk.draft("AA", manual("Fee", "1"))
    issued = await clerk.issued("UA", "1")
    request = pb.ListInvoicesRequest(states=[invoice_pb2.INVOICE_STATE_DRAFT], customer_id="UA", page_size=2)
    first = await call(clerk.world.invoices.ListInvoices, request)
    request.page_token = first.next_page_token
    second = await call(clerk.world.invoices.ListInvoices, request)
    assert [*first.invoices, *second.invoices] == sorted(drafts, key=lambda one: one.id)
    assert not second.next_page_token
    assert other in await clerk.listed(states=[invoice_pb2.INVOICE_STATE_DRAFT])
    assert await clerk.listed() == [issued]
