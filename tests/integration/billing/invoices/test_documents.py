"""Invoices as documents over gRPC."""

import asyncio
import json
from datetime import UTC, datetime
from io import BytesIO

import grpc
import pytest
from google.protobuf.json_format import Parse
from pypdf import PdfReader

from billing.documents import document
from kit.client import call
from tests.integration.billing.invoices.clerk import Clerk, manual
from tests.integration.billing.plans import gates, plan
from tests.integration.billing.world import refused
from tollkeeper.billing.v1 import invoice_pb2
from tollkeeper.billing.v1 import invoice_service_pb2 as pb

JSON, HTML, PDF = pb.DOCUMENT_FORMAT_JSON, pb.DOCUMENT_FORMAT_HTML, pb.DOCUMENT_FORMAT_PDF


async def rendered(clerk: Clerk, invoice_id: str, format: pb.DocumentFormat.ValueType) -> pb.RenderInvoiceResponse:
    request = pb.RenderInvoiceRequest(invoice_id=invoice_id, format=format)
    return await call(clerk.world.invoices.RenderInvoice, request)


def words_of(pdf: bytes) -> str:
    return " ".join(" ".join(page.extract_text() for page in PdfReader(BytesIO(pdf)).pages).split())


async def test_an_invoice_in_each_format(clerk: Clerk) -> None:
    invoice = await clerk.issued("UA", "1234.5")
    as_json = await rendered(clerk, invoice.id, JSON)
    assert (as_json.media_type, as_json.filename) == ("application/json", "TK-000001.json")
    assert Parse(as_json.content, invoice_pb2.Invoice()) == invoice
    page = await rendered(clerk, invoice.id, HTML)
    assert (page.media_type, page.filename) == ("text/html", "TK-000001.html")
    assert "Invoice TK-000001" in page.content.decode()
    assert "$1,234.50" in page.content.decode()
    paper = await rendered(clerk, invoice.id, PDF)
    assert (paper.media_type, paper.filename) == ("application/pdf", "TK-000001.pdf")
    assert "TK-000001" in words_of(paper.content)
    assert "$1,234.50" in words_of(paper.content)
    assert await rendered(clerk, invoice.id, PDF) == paper


async def test_a_draft_says_that_it_is_one(clerk: Clerk) -> None:
    made = await clerk.draft("UA", manual("De-icing", "20", "3"))
    page = await rendered(clerk, made.id, HTML)
    assert page.filename == "draft.html"
    assert "Draft invoice" in page.content.decode()
    assert "Service period" not in page.content.decode()
    assert json.loads((await rendered(clerk, made.id, JSON)).content)["state"] == "INVOICE_STATE_DRAFT"


async def test_dates_are_those_of_the_subscriptions_time_zone(clerk: Clerk) -> None:
    clerk.world.catalog.publish(plan("airline", gates()))
    clerk.world.real_time.time = datetime(2013, 1, 16, 2, tzinfo=UTC)
    begun = await clerk.world.provision("UA", "airline", time_zone="America/New_York")
    page = (await rendered(clerk, begun.invoice.id, HTML)).content.decode()
    assert "America/New_York" in page
    assert "15 Jan 2013" in page
    by_hand = (await rendered(clerk, (await clerk.issued("UA", "1")).id, HTML)).content.decode()
    assert "UTC" in by_hand
    assert "16 Jan 2013" in by_hand


async def test_a_credit_note_is_seen_on_the_invoice(clerk: Clerk) -> None:
    invoice = await clerk.issued("UA", "100")
    await clerk.correct(invoice.id, {0: "30"})
    page = (await rendered(clerk, invoice.id, HTML)).content.decode()
    assert "Credited by credit notes" in page
    assert "$70.00" in page


async def test_what_cannot_be_rendered(clerk: Clerk, monkeypatch: pytest.MonkeyPatch) -> None:
    invoice = await clerk.issued("UA", "1", "2")
    assert (await refused(rendered(clerk, "inv_none", PDF))).reason == "INVOICE_NOT_FOUND"
    for unknown in (pb.DOCUMENT_FORMAT_UNSPECIFIED, 77):
        refusal = await refused(rendered(clerk, "-", unknown))  # type: ignore[arg-type]  # of a newer client.
        assert [one.path for one in refusal.violations] == ["invoice_id", "format"]
    monkeypatch.setattr(document, "MOST_ROWS", 3)
    for large in (HTML, PDF):
        refusal = await refused(rendered(clerk, invoice.id, large))
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "DOCUMENT_TOO_LARGE")
    monkeypatch.setattr(document, "MOST_BYTES", 10)
    assert (await refused(rendered(clerk, invoice.id, JSON))).reason == "DOCUMENT_TOO_LARGE"


async def test_many_ask_at_once(clerk: Clerk) -> None:
    invoice = await clerk.issued("UA", "1", "2")
    papers = await asyncio.gather(*(rendered(clerk, invoice.id, PDF) for _ in range(6)))
    assert all(one == papers[0] for one in papers)
