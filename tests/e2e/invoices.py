"""What tests say of invoices: their lines in short, that they add up, and that their numbers have no gaps."""

from collections.abc import Sequence
from decimal import Decimal

from calls import Tollkeeper, call
from tollkeeper.billing.v1.invoice_pb2 import Invoice, InvoiceLine, InvoiceLineType
from tollkeeper.billing.v1.invoice_service_pb2 import ListInvoicesRequest

# A line as tests write it down: what, of which charge, how much, for how much.
Line = tuple[str, str, str, str]


def lines(invoice: Invoice) -> list[Line]:
    """The lines of an invoice as tests write them down."""
    return [_line(line) for line in invoice.lines]


def _line(line: InvoiceLine) -> Line:
    kind = InvoiceLineType.Name(line.type).removeprefix("INVOICE_LINE_TYPE_")
    return kind, line.charge_id, line.quantity, line.amount.amount


def assert_adds_up(invoice: Invoice) -> None:
    """What every invoice promises: lines add up to the total, credit and due to it too, steps to their line."""
    digits = {"JPY": 0, "KWD": 3}.get(invoice.currency, 2)
    total = sum((Decimal(line.amount.amount) for line in invoice.lines), Decimal(0))
    assert total == Decimal(invoice.total.amount), invoice
    due = max(total, Decimal(0)) - Decimal(invoice.credit_applied.amount or 0)
    assert due == Decimal(invoice.amount_due.amount), invoice
    for amount in (invoice.total, invoice.amount_due, *(line.amount for line in invoice.lines)):
        assert amount.currency == invoice.currency
        assert -Decimal(amount.amount).as_tuple().exponent == digits, amount  # type: ignore[operator]  # finite.
    assert all(line.description for line in invoice.lines), invoice


async def all_numbers(api: Tollkeeper) -> list[str]:
    """The numbers of all invoices of the installation, in their order."""
    numbers: list[str] = []
    request = ListInvoicesRequest(page_size=1000)
    while True:
        answer = await call(api.invoices.ListInvoices, request)
        numbers += [invoice.number for invoice in answer.invoices]
        if not answer.next_page_token:
            return numbers
        request.page_token = answer.next_page_token


def assert_gapless(numbers: Sequence[str]) -> None:
    """One sequence from 1 on."""
    assert [int(number.removeprefix("TK-")) for number in numbers] == list(range(1, len(numbers) + 1))
