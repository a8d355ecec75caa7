"""Invoices written by hand in messages."""

from collections.abc import Sequence
from dataclasses import dataclass

from billing.domain.manual_invoice import MOST_LINES, ManualLine, check_product
from billing.messages.request_key import RequestKey, request_key
from billing.messages.values import above_zero, required_text
from kernel.errors import Mistakes
from kernel.ids import check_id
from kernel.money import Currency, currency
from kernel.quantity import parse_decimal
from tollkeeper.billing.v1 import invoice_service_pb2 as pb

_LONGEST_DESCRIPTION = 500


@dataclass(frozen=True, slots=True)
class Writing:
    """An invoice that somebody wants to write; without a currency it is the customer's."""

    customer_id: str
    currency: Currency | None
    lines: tuple[ManualLine, ...]


def writing_from_proto(request: pb.CreateInvoiceRequest) -> tuple[Writing, RequestKey | None]:
    """What is to be written, and the request's key.

    Raises:
        TollkeeperError: `INVALID_FIELD` naming every mistake.
    """
    mistakes = Mistakes()
    mistakes.attempt(check_id, request.customer_id, "customer_id")
    unit = mistakes.attempt(currency, request.currency, "currency") if request.currency else None
    lines = _lines(request.lines, mistakes)
    key = mistakes.attempt(request_key, request, request.request_id)
    mistakes.check()
    return Writing(request.customer_id, unit, lines), key


def rewriting_from_proto(request: pb.UpdateInvoiceRequest) -> tuple[str, tuple[ManualLine, ...]]:
    """The draft's id and its new lines.

    Raises:
        TollkeeperError: `INVALID_FIELD` naming every mistake.
    """
    mistakes = Mistakes()
    mistakes.attempt(check_id, request.invoice_id, "invoice_id")
    lines = _lines(request.lines, mistakes)
    mistakes.check()
    return request.invoice_id, lines


def _lines(messages: Sequence[pb.ManualLine], mistakes: Mistakes) -> tuple[ManualLine, ...]:
    if not 1 <= len(messages) <= MOST_LINES:
        mistakes.add("lines", f"must have 1 to {MOST_LINES} lines, not {len(messages):,}")
        return ()
    found = [_line(message, f"lines[{place}]", mistakes) for place, message in enumerate(messages)]
    return tuple(line for line in found if line is not None)


def _line(message: pb.ManualLine, path: str, mistakes: Mistakes) -> ManualLine | None:
    mistakes.attempt(required_text, message.description, f"{path}.description", limit=_LONGEST_DESCRIPTION)
    quantity = mistakes.attempt(above_zero, message.quantity or "1", f"{path}.quantity")
    unit_price = mistakes.attempt(parse_decimal, message.unit_price, f"{path}.unit_price")
    if quantity is None or unit_price is None:
        return None
    mistakes.attempt(check_product, quantity, unit_price, f"{path}.unit_price")
    return ManualLine(message.description, quantity, unit_price)
