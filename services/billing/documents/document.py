"""An invoice as a document, in the format that is asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from google.protobuf.json_format import MessageToJson

from billing.documents.page import page
from billing.documents.paper import paper
from billing.documents.sheet import sheet_of
from kernel.errors import FieldViolation, TollkeeperError, invalid, precondition
from tollkeeper.billing.v1.invoice_pb2 import Invoice
from tollkeeper.billing.v1.invoice_service_pb2 import (
    DOCUMENT_FORMAT_HTML,
    DOCUMENT_FORMAT_JSON,
    DOCUMENT_FORMAT_PDF,
    DocumentFormat,
)

# Lines, steps and discounts of a page or a PDF: 5,000 lines of two steps each, about four seconds of work.
MOST_ROWS: Final = 15_000
# Less than the 4 MiB that gRPC clients accept of a reply.
MOST_BYTES: Final = 4_000_000


@dataclass(frozen=True, slots=True)
class Document:
    """A document.

    Attributes:
        media_type: "application/pdf".
        filename: "TK-000017.pdf"; "draft.pdf" where there is no number yet.
    """

    content: bytes
    media_type: str
    filename: str


def render(
    invoice: Invoice, format: DocumentFormat.ValueType, *, seller: Sequence[str] = (), time_zone: str = "UTC"
) -> Document:
    """The invoice as a document: the same bytes for the same invoice, whenever it is asked for.

    It takes up to seconds of a processor for thousands of lines: run it beside the event loop.

    Args:
        invoice: Any, drafts and previews as well.
        format: JSON, HTML or PDF.
        seller: Who sends it: name and address, a line each.
        time_zone: IANA name, for the dates of HTML and PDF; they name it.

    Raises:
        TollkeeperError: `INVALID_FIELD` at `format` for any other format; `DOCUMENT_TOO_LARGE` above `MOST_ROWS` or
            `MOST_BYTES`.
    """
    name = invoice.number or "draft"
    match format:
        case _ if format == DOCUMENT_FORMAT_JSON:
            document = Document(render_json(invoice), "application/json", f"{name}.json")
        case _ if format == DOCUMENT_FORMAT_HTML:
            content = render_html(invoice, seller=seller, time_zone=time_zone)
            document = Document(content, "text/html", f"{name}.html")
        case _ if format == DOCUMENT_FORMAT_PDF:
            content = render_pdf(invoice, seller=seller, time_zone=time_zone)
            document = Document(content, "application/pdf", f"{name}.pdf")
        case _:
            offered = "DOCUMENT_FORMAT_JSON, DOCUMENT_FORMAT_HTML or DOCUMENT_FORMAT_PDF"
            raise invalid(FieldViolation("format", f"must be {offered}"))
    if len(document.content) > MOST_BYTES:
        raise _too_large(f"{len(document.content):,} bytes, and a document has at most {MOST_BYTES:,}")
    return document


def render_json(invoice: Invoice) -> bytes:
    """The message in protobuf's JSON: names in lowerCamelCase, amounts as text; what has its default is left out."""
    return MessageToJson(invoice, ensure_ascii=False, indent=2).encode() + b"\n"


def render_html(invoice: Invoice, *, seller: Sequence[str], time_zone: str) -> bytes:
    """A page that needs nothing else, in UTF-8; for print and for telephones as well."""
    _check_rows(invoice)
    return page(sheet_of(invoice, seller=seller, time_zone=time_zone))


def render_pdf(invoice: Invoice, *, seller: Sequence[str], time_zone: str) -> bytes:
    """Pages in A4; their metadata name the invoice and the time when it was finalized, else drafted."""
    _check_rows(invoice)
    return paper(sheet_of(invoice, seller=seller, time_zone=time_zone))


def _check_rows(invoice: Invoice) -> None:
    rows = sum(1 + len(line.derivation) + len(line.discounts) for line in invoice.lines)
    if rows > MOST_ROWS:
        raise _too_large(f"{rows:,} lines and steps, and a document shows at most {MOST_ROWS:,}")


def _too_large(why: str) -> TollkeeperError:
    return precondition("DOCUMENT_TOO_LARGE", f"The invoice has {why}: read it with GetInvoice instead.")
