"""Credit notes that are refused, repeated, or race: never more than was charged, and nothing changed by a refusal."""

import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from kit.client import call
from kit.errors import RemoteRefusal
from tests.integration.billing.invoices.clerk import Clerk, manual, money, state
from tests.integration.billing.world import refused
from tollkeeper.billing.v1 import credit_note_pb2
from tollkeeper.billing.v1 import invoice_service_pb2 as pb


async def test_more_than_was_charged(clerk: Clerk) -> None:
    invoice = await clerk.issued("UA", "100", "-30", "5")
    await clerk.correct(invoice.id, {0: "60"})
    before = await clerk.kept()
    for lines, paths in [
        ({0: "40.01"}, ["lines[0].amount", "lines"]),
        ({0: "15.01"}, ["lines"]),
        ({2: "5.01"}, ["lines[0].amount"]),
        ({1: "1"}, ["lines[0].line_index"]),
        ({3: "1"}, ["lines[0].line_index"]),
        ({-1: "1"}, ["lines[0].line_index"]),
        ({2: "6", 7: "1"}, ["lines[0].amount", "lines[1].line_index"]),
    ]:
        for validate_only in (False, True):
            refusal = await refused(clerk.correct(invoice.id, lines, validate_only=validate_only))
            assert (refusal.reason, [one.path for one in refusal.violations]) == ("CREDIT_NOTE_INVALID", paths)
    refusal = await refused(clerk.correct(invoice.id, {0: "1"}, currency="JPY"))
    assert (refusal.reason, [one.path for one in refusal.violations]) == (
        "CREDIT_NOTE_INVALID",
        ["lines[0].amount.currency"],
    )
    assert await clerk.kept() == before
    assert state((await clerk.correct(invoice.id, {0: "10", 2: "5"})).invoice) == "PAID"


async def test_what_is_malformed_is_told_all_at_once(clerk: Clerk) -> None:
    invoice = await clerk.issued("UA", "100")
    before = await clerk.kept()
    lines = [
        credit_note_pb2.CreditNoteLine(line_index=0, amount=money("0")),
        credit_note_pb2.CreditNoteLine(line_index=1),
        credit_note_pb2.CreditNoteLine(line_index=2, amount=money("1.001")),
        credit_note_pb2.CreditNoteLine(line_index=2, amount=money("1")),
        credit_note_pb2.CreditNoteLine(line_index=2, amount=money("1.5", "JPY")),
        credit_note_pb2.CreditNoteLine(line_index=3, amount=money("-1", "usd")),
    ]
    request = pb.IssueCreditNoteRequest(invoice_id="-", lines=lines, description="  ", request_id="r" * 129)
    refusal = await refused(call(clerk.world.invoices.IssueCreditNote, request))
    assert (refusal.reason, [one.path for one in refusal.violations]) == (
        "INVALID_FIELD",
        [
            "invoice_id",
            "lines[0].amount.amount",
            "lines[1].amount.currency",
            "lines[1].amount.amount",
            "lines[2].amount.amount",
            "lines[3].line_index",
            "lines[4].amount.amount",
            "lines[4].line_index",
            "lines[5].amount.currency",
            "lines[5].amount.amount",
            "description",
            "request_id",
        ],
    )
    twice = [credit_note_pb2.CreditNoteLine(amount=money("1"))] * 2
    request = pb.IssueCreditNoteRequest(invoice_id=invoice.id, lines=twice, description="d" * 501)
    refusal = await refused(call(clerk.world.invoices.IssueCreditNote, request))
    assert [one.path for one in refusal.violations] == ["lines[1].line_index", "description"]
    for count in (0, 101):
        refusal = await refused(clerk.correct(invoice.id, dict.fromkeys(range(count), "1")))
        assert [one.path for one in refusal.violations] == ["lines"]
    assert await clerk.kept() == before


async def test_only_what_is_issued_and_stands(clerk: Clerk) -> None:
    draft = await clerk.draft("UA", manual("Fee", "100"))
    taken_back = await clerk.void((await clerk.issued("UA", "100")).id)
    before = await clerk.kept()
    for invoice in (draft, taken_back):
        for validate_only in (False, True):
            refusal = await refused(clerk.correct(invoice.id, {0: "1"}, validate_only=validate_only))
            assert (refusal.reason, refusal.metadata["state"]) == ("INVOICE_NOT_OPEN", state(invoice))
            assert [one.path for one in refusal.violations] == ["invoice_id"]
    assert (await refused(clerk.correct("inv_none", {0: "1"}))).reason == "INVOICE_NOT_FOUND"
    assert await clerk.kept() == before


async def test_racing_notes_never_take_back_more_than_was_charged(clerk: Clerk) -> None:
    invoice = await clerk.pay((await clerk.issued("UA", "100")).id)
    answers = await asyncio.gather(*(clerk.correct(invoice.id, {0: "30"}) for _ in range(8)), return_exceptions=True)
    refusals = [one for one in answers if isinstance(one, RemoteRefusal)]
    assert {one.reason for one in refusals} == {"CREDIT_NOTE_INVALID"}
    assert len(refusals) == 5
    assert await clerk.balances("UA") == {"USD": "90.00"}
    notes = (await clerk.notes()).credit_notes
    assert [note.number for note in notes] == ["CN-000001", "CN-000002", "CN-000003"]
    assert await clerk.world.rows("SELECT last FROM document_counter WHERE kind = 'CREDIT_NOTE'") == [(3,)]


async def test_a_note_and_a_payment_at_once_settle_it_once(clerk: Clerk) -> None:
    for name in ("A", "B", "C", "D"):
        await clerk.world.customer(name)
        invoice = await clerk.issued(name, "100")
        noted, paid = await asyncio.gather(clerk.correct(invoice.id, {0: "40"}), clerk.pay(invoice.id))
        after = await clerk.get(invoice.id)
        assert state(after) == state(paid) == "PAID"
        note = noted.credit_note
        outcome = (after.amount_paid.amount, after.amount_credited.amount, note.credit_granted.amount)
        assert outcome in {("100.00", "0.00", "40.00"), ("60.00", "40.00", "0.00")}
        assert await clerk.balances(name) == ({"USD": "40.00"} if outcome[0] == "100.00" else {})


async def test_a_repeated_request_answers_the_first_note(clerk: Clerk) -> None:
    invoice = await clerk.issued("UA", "100")
    answers = await asyncio.gather(*(clerk.correct(invoice.id, {0: "30"}, request_id="once") for _ in range(4)))
    assert all(one == answers[0] for one in answers)
    assert (await clerk.notes()).credit_notes == [answers[0].credit_note]
    await clerk.pay(invoice.id)
    assert await clerk.correct(invoice.id, {0: "30"}, request_id="once") == answers[0]
    refusal = await refused(clerk.correct(invoice.id, {0: "31"}, request_id="once"))
    assert refusal.reason == "REQUEST_ID_REUSED"
    assert (await refused(clerk.correct(invoice.id, {0: "71"}, request_id="free"))).reason == "CREDIT_NOTE_INVALID"
    assert (await clerk.correct(invoice.id, {0: "1"}, request_id="free")).credit_note.number == "CN-000002"


@pytest.mark.parametrize(
    "statement",
    ["UPDATE credit_note SET description = ''", "DELETE FROM credit_note", "TRUNCATE credit_note CASCADE"],
)
async def test_a_note_never_changes(clerk: Clerk, statement: str) -> None:
    await clerk.correct((await clerk.issued("UA", "100")).id, {0: "30"})
    with pytest.raises(DBAPIError, match="credit notes are issued"):
        async with clerk.world.database.write() as connection:
            await connection.execute(text(statement))
