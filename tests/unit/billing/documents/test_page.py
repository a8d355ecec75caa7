"""The page: tables that programs and people read alike, nothing from outside, nobody's markup."""

import pytest

from billing.documents.document import render_html
from tests.unit.billing.documents.bills import bill, line, renewal, step
from tests.unit.billing.documents.readers import Page, page_of
from tollkeeper.billing.v1 import invoice_pb2 as pb

EVIL = '<script>alert("x")</script>\'><img src=x onerror=alert(1)> {{ 7 * 7 }} & Söhne'


def test_the_table_holds_the_lines_with_their_steps() -> None:
    lines, sums = page_of(renewal()).tables
    assert lines[0] == ["Description", "Quantity", "Period", "Subtotal", "Discounts", "Amount"]
    assert lines[1] == [
        "Gates: 24 gates committed, from 1 Feb 2013 to 1 Mar 2013",
        "24",
        "1 Feb 2013 – 1 Mar 2013",
        "$338.00",
        "",
        "$338.00",
    ]
    assert lines[2] == ["units 1–5", "5 × $20.00", "$100.00", "", ""]
    assert lines[8][:2] == ["Departures: 4,512 departures used, from 1 Jan 2013 to 1 Feb 2013", "4,512"]
    assert lines[9] == ["5 packages of 1000", "5 × $5.00", "$25.00", "", ""]
    assert sums[-1] == ["Left to pay", "$363.00"]


def test_the_page_says_who_asks_whom_for_what() -> None:
    text = page_of(renewal(), time_zone="Europe/Berlin").text
    assert "Invoice TK-000003" in text
    assert "OPEN" in text
    assert "From Airports of New Jersey Inc. 1 Terminal Road Newark, NJ 07114" in text
    assert "Bill to United Airlines ap@united.example US" in text
    assert "Date 1 Feb 2013" in text
    assert "Time zone Europe/Berlin" in text
    assert "All amounts are net of tax" in text


def test_the_page_needs_nothing_and_runs_nothing() -> None:
    page = page_of(renewal())
    names = {tag for tag, _ in page.tags}
    assert not names & {"script", "link", "img", "iframe", "object", "form", "base", "a"}
    attributes = {name for _, attrs in page.tags for name in attrs}
    assert not attributes & {"src", "href", "style"}
    assert not {name for name in attributes if name.startswith("on")}
    policies = [attrs["content"] for _, attrs in page.tags if attrs.get("http-equiv") == "Content-Security-Policy"]
    assert policies == ["default-src 'none'; style-src 'unsafe-inline'"]


def test_the_page_can_be_read_by_machines_for_people() -> None:
    page = page_of(renewal())
    assert ("html", {"lang": "en"}) in page.tags
    scopes = [attrs.get("scope") for tag, attrs in page.tags if tag == "th"]
    assert set(scopes) == {"col", "row"}
    assert [tag for tag, _ in page.tags].count("caption") == 2
    assert ("meta", {"charset": "utf-8"}) in page.tags
    assert ("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}) in page.tags


def test_nobody_brings_markup_along() -> None:
    invoice = bill(line(EVIL, "10", step(EVIL, "2", "5"), discounts=[(EVIL, "1")]), discounts=[(EVIL, "1")], name=EVIL)
    invoice.bill_to.email = invoice.bill_to.country = invoice.customer_id = invoice.subscription_id = EVIL
    page = page_of(invoice)
    assert not {tag for tag, _ in page.tags} & {"script", "img"}
    assert {tag for tag, _ in page.tags} == {tag for tag, _ in page_of(renewal()).tags}
    assert page.text.count(EVIL) == 9
    assert page.tables[0][1][0] == EVIL


@pytest.mark.parametrize(
    ("state", "stamp"),
    [(pb.INVOICE_STATE_DRAFT, "DRAFT"), (pb.INVOICE_STATE_VOID, "VOID"), (pb.INVOICE_STATE_OPEN, None)],
)
def test_what_is_no_bill_is_stamped(state: pb.InvoiceState.ValueType, stamp: str | None) -> None:
    page = page_of(bill(line("Gates", "100"), state=state))
    stamped = any(attrs.get("class") == "stamp" for _, attrs in page.tags)
    assert stamped == (stamp is not None)
    if stamp is not None:
        assert page.text.count(stamp) == 2


def test_without_a_seller_nobody_is_named_as_one() -> None:
    page = Page(render_html(renewal(), seller=(), time_zone="UTC"))
    assert "Bill to United Airlines" in page.text
    assert "From Airports" not in page.text
    assert [tag for tag, _ in page.tags].count("h2") == 2
