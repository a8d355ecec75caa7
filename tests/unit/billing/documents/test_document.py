"""A document: its format, its name, its bounds, and always the same bytes."""

import hashlib
import json
import os
import subprocess
import sys

import pytest
from google.protobuf.json_format import Parse

from billing.documents.document import MOST_ROWS, render
from kernel.errors import ErrorKind, TollkeeperError
from tests.unit.billing.documents.bills import bill, line, renewal, step
from tollkeeper.billing.v1 import error_reason_pb2
from tollkeeper.billing.v1 import invoice_pb2 as pb
from tollkeeper.billing.v1 import invoice_service_pb2 as service

FORMATS = (service.DOCUMENT_FORMAT_JSON, service.DOCUMENT_FORMAT_HTML, service.DOCUMENT_FORMAT_PDF)
MIXED = bill(line("Ворота 日本語 שלום مرحبا → தமிழ்", "1"), name="株式会社")


@pytest.mark.parametrize(
    ("format", "media_type", "filename", "begins"),
    [
        (service.DOCUMENT_FORMAT_JSON, "application/json", "TK-000003.json", b'{\n  "id": "inv_7Q2V"'),
        (service.DOCUMENT_FORMAT_HTML, "text/html", "TK-000003.html", b"<!DOCTYPE html>"),
        (service.DOCUMENT_FORMAT_PDF, "application/pdf", "TK-000003.pdf", b"%PDF-"),
    ],
)
def test_each_format(format: service.DocumentFormat.ValueType, media_type: str, filename: str, begins: bytes) -> None:
    document = render(renewal(), format)
    assert (document.media_type, document.filename) == (media_type, filename)
    assert document.content.startswith(begins)


def test_a_draft_is_named_so() -> None:
    draft = bill(line("Consulting", "10"), state=pb.INVOICE_STATE_DRAFT)
    assert [render(draft, kind).filename for kind in FORMATS] == ["draft.json", "draft.html", "draft.pdf"]


def test_the_json_is_the_message() -> None:
    content = render(MIXED, service.DOCUMENT_FORMAT_JSON).content
    assert Parse(content, pb.Invoice()) == MIXED
    told = json.loads(content)
    assert told["state"] == "INVOICE_STATE_OPEN"
    assert told["amountDue"] == {"currency": "USD", "amount": "1.00"}
    assert told["billTo"]["displayName"] == "株式会社"
    assert "株式会社".encode() in content


@pytest.mark.parametrize("format", [service.DOCUMENT_FORMAT_UNSPECIFIED, 99])
def test_an_unknown_format_is_refused(format: service.DocumentFormat.ValueType) -> None:
    with pytest.raises(TollkeeperError) as refused:
        render(renewal(), format)
    assert (refused.value.reason, refused.value.violations[0].path) == ("INVALID_FIELD", "format")


def test_more_rows_than_a_document_shows_are_refused_in_a_sentence() -> None:
    steps = [step("one", "1", "0")] * 99
    invoice = bill(*[line("Gates", "0", *steps)] * (MOST_ROWS // 100))
    assert render(invoice, service.DOCUMENT_FORMAT_HTML).content
    invoice.lines.add().CopyFrom(line("One more", "0"))
    for kind in FORMATS[1:]:
        with pytest.raises(TollkeeperError) as refused:
            render(invoice, kind)
        assert (refused.value.kind, refused.value.reason) == (ErrorKind.FAILED_PRECONDITION, "DOCUMENT_TOO_LARGE")
        assert refused.value.message == (
            "The invoice has 15,001 lines and steps, and a document shows at most 15,000: read it with GetInvoice instead."
        )
    assert render(invoice, service.DOCUMENT_FORMAT_JSON).content


def test_a_document_larger_than_a_reply_is_refused() -> None:
    invoice = bill(*[line("x" * 4_000, "0")] * 1_000)
    for kind in FORMATS[:2]:
        with pytest.raises(TollkeeperError) as refused:
            render(invoice, kind)
        assert refused.value.reason == "DOCUMENT_TOO_LARGE"
        assert "and a document has at most 4,000,000" in refused.value.message


def test_the_refusal_is_part_of_the_contract() -> None:
    assert error_reason_pb2.ErrorReason.Value("ERROR_REASON_DOCUMENT_TOO_LARGE")


def test_equal_invoices_give_equal_bytes_in_every_process() -> None:
    def digest(content: bytes) -> str:
        return hashlib.sha256(content).hexdigest()

    here = [digest(render(MIXED, kind, seller=("Acme",)).content) for kind in FORMATS]
    again = [digest(render(MIXED, kind, seller=("Acme",)).content) for kind in FORMATS]
    program = (
        "import hashlib, sys; from billing.documents.document import render; from tollkeeper.billing.v1 import invoice_pb2;"
        "invoice = invoice_pb2.Invoice.FromString(sys.stdin.buffer.read());"
        "print(*(hashlib.sha256(render(invoice, f, seller=('Acme',)).content).hexdigest() for f in (1, 2, 3)))"
    )
    elsewhere = subprocess.run(
        [sys.executable, "-c", program],
        input=MIXED.SerializeToString(),
        env=os.environ | {"PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo", "LC_ALL": "C"},
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert here == again == elsewhere.stdout.decode().split()


def test_every_state_is_a_document_in_every_format() -> None:
    for state in pb.InvoiceState.values():
        for kind in FORMATS:
            assert render(bill(line("Gates", "100"), state=state), kind).content
