"""What finance people do: "void invoice 2 of acme", "credit note on invoice 1 of acme: 10.00 of line 1", "grant acme 50.00 USD"."""

import re
from typing import Any

from tests.scenarios.changes import change, check_told, read_told
from tests.scenarios.invoices import difference, read_invoice
from tests.scenarios.story import Line
from tests.scenarios.words import DECIMAL, clauses, same_amount
from tests.scenarios.world import Refused, World, answered, attempt
from tollkeeper.billing.v1.customer_service_pb2 import GetCustomerRequest, GrantCreditRequest
from tollkeeper.billing.v1.invoice_pb2 import Invoice
from tollkeeper.billing.v1.invoice_service_pb2 import (
    CreateInvoiceRequest,
    FinalizeInvoiceRequest,
    IssueCreditNoteRequest,
    MarkInvoicePaidRequest,
    MarkInvoiceUncollectibleRequest,
    VoidInvoiceRequest,
)
from tollkeeper.billing.v1.subscription_service_pb2 import PreviewRenewalRequest
from tollkeeper.common.v1.money_pb2 import Money


def invoice_of(world: World, line: Line, name: str, number: str) -> Invoice:
    """A subscription's (or customer's) invoice by its place among them, from 1 on."""
    held = [one for one in world.known.invoices.values() if world.name_of(one) == name]
    if not 1 <= int(number) <= len(held):
        line.fail(f"{name} has {len(held)} invoices")
    return held[int(number) - 1]


async def settle(world: World, line: Line, said: re.Match[str]) -> None:
    """`mark invoice 1 of acme paid`, `mark invoice 1 of acme uncollectible`, `void invoice 1 of acme`."""
    verb, number, name, outcome = said.groups()
    invoice = invoice_of(world, line, name, number)
    stub = world.stubs.invoices
    method, request = _SETTLEMENTS[outcome or verb]
    told = read_told(line)
    before = world.known
    answer = await attempt(getattr(stub, method), request(invoice_id=invoice.id))
    await check_told(world, line, told, answer, before=before, subject=name, credit=True)


_SETTLEMENTS: dict[str, tuple[str, Any]] = {
    "paid": ("MarkInvoicePaid", MarkInvoicePaidRequest),
    "uncollectible": ("MarkInvoiceUncollectible", MarkInvoiceUncollectibleRequest),
    "void": ("VoidInvoice", VoidInvoiceRequest),
}


async def show(world: World, line: Line, said: re.Match[str]) -> None:
    """`invoice 1 of acme is for provision, void` with its lines below, as it is now."""
    number, name, rest = said.groups()
    invoice = invoice_of(world, line, name, number)
    told = read_invoice(Line(line.where, f"invoice {rest}", line.children))
    if differs := difference(told, invoice, world.zone, world.id):
        line.fail(differs)


async def credit_note(world: World, line: Line, said: re.Match[str]) -> None:
    """`credit note on invoice 1 of acme: 10.00 of line 1, 5.00 of line 2`, with `note total 15.00, off remaining 15.00` below."""
    number, name, rest = said.groups()
    invoice = invoice_of(world, line, name, number)
    request = IssueCreditNoteRequest(invoice_id=invoice.id, description="Agreed on the telephone")
    for clause in clauses(rest):
        part = re.fullmatch(rf"({DECIMAL}) of line (\d+)", clause)
        if part is None:
            line.fail("takes AMOUNT of line N")
        amount = Money(currency=invoice.currency, amount=part[1])
        request.lines.add(line_index=int(part[2]) - 1, amount=amount)
    notes = [child for child in line.children if child.text.startswith("note ")]
    rest_of = Line(line.where, line.text, tuple(child for child in line.children if child not in notes))
    answer = await change(world, rest_of, world.stubs.invoices.IssueCreditNote, request, subject=name, credit=True)
    for note in notes:
        _check_note(note, answer)


def _check_note(line: Line, answer: Any) -> None:
    """`note total 15.00, off remaining 10.00, credit 5.00`."""
    note = answer.credit_note
    sums = {"total": note.total, "off remaining": note.amount_off_remaining, "credit": note.credit_granted}
    for clause in clauses(line.text.removeprefix("note ")):
        kind, _, amount = clause.rpartition(" ")
        if kind not in sums:
            line.fail(f"a credit note has no {kind!r}")
        if not same_amount(sums[kind].amount, amount):
            line.fail(f"The note is:\n{note}")


async def grant(world: World, line: Line, said: re.Match[str]) -> None:
    """`grant acme 50.00 USD`."""
    name, amount, currency = said.groups()
    request = GrantCreditRequest(
        customer_id=world.owner(line, name), amount=Money(currency=currency, amount=amount), description="Goodwill"
    )
    told = read_told(line)
    before = world.known
    answer = await attempt(world.stubs.customers.GrantCredit, request)
    await check_told(world, line, told, answer, before=before, subject=name, credit=True)


async def credit(world: World, line: Line, said: re.Match[str]) -> None:
    """`acme has credit of 25.00 USD`, `acme has no credit`."""
    name, amount, currency = said.groups()
    request = GetCustomerRequest(customer_id=world.owner(line, name))
    customer = (await answered(line, world.stubs.customers.GetCustomer, request)).customer
    held = {balance.currency: balance.amount for balance in customer.credit_balances}
    other = {code for code, balance in held.items() if code != currency and not same_amount(balance, "0")}
    if other or not same_amount(held.get(currency or "", "0"), amount or "0"):
        line.fail(f"The credit is {held}")


async def renewal(world: World, line: Line, said: re.Match[str]) -> None:
    """`the renewal of acme would be` with an invoice, or `nothing`, below."""
    request = PreviewRenewalRequest(subscription_id=world.id(said[1]))
    before = world.known
    answer = await answered(line, world.stubs.subscriptions.PreviewRenewal, request)
    if await world.books(*world.owner_of(said[1])) != before:
        line.fail("The preview changed something.")
    for child in line.children:
        if child.text == "nothing":
            if answer.HasField("invoice"):
                child.fail(f"It would be:\n{answer.invoice}")
        elif differs := difference(read_invoice(child), answer.invoice, world.zone, world.id):
            child.fail(differs)


async def bill(world: World, line: Line, said: re.Match[str]) -> None:
    """`bill acme by hand: 3 at 100.00 "Consulting", 1 at -50.00 "Goodwill"`: drafted and finalized."""
    name, rest = said.groups()
    request = CreateInvoiceRequest(customer_id=world.owner(line, name))
    for clause in clauses(rest):
        part = re.fullmatch(rf'({DECIMAL}) at ({DECIMAL}) "([^"]+)"', clause)
        if part is None:
            line.fail('takes N at PRICE "what it is for"')
        request.lines.add(quantity=part[1], unit_price=part[2], description=part[3])
    told = read_told(line)
    before = world.known
    answer = await attempt(world.stubs.invoices.CreateInvoice, request)
    if await world.books(*world.owner_of(name)) != before:
        line.fail("A draft stands among the finalized invoices, or moved money.")
    if not isinstance(answer, Refused):
        finalizing = FinalizeInvoiceRequest(invoice_id=answer.invoice.id)
        answer = await attempt(world.stubs.invoices.FinalizeInvoice, finalizing)
    await check_told(world, line, told, answer, before=before, subject=name, credit=True)
