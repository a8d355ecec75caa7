"""The PDF, read back: what it says, on which page, in every script."""

from datetime import UTC, datetime

import pytest

from billing.documents.fonts import FAMILIES, MAIN
from billing.documents.ink import Ink, Style, _is_lettered
from billing.documents.runs import Run, is_plain, runs
from tests.unit.billing.documents.bills import bill, line, renewal, step
from tests.unit.billing.documents.readers import pages, paper_of
from tollkeeper.billing.v1 import invoice_pb2 as pb

HEADER = "Description Quantity Period Subtotal Discounts Amount"


def test_a_renewal_fits_on_one_page() -> None:
    (text,) = pages(renewal())
    assert text.startswith("Invoice TK-000003 OPEN $363.00 is left to pay. From Bill to")
    for fact in (
        "Airports of New Jersey Inc.",
        "United Airlines",
        "Date 1 Feb 2013",
        "Service period 1 Jan 2013 – 1 Mar 2013",
        HEADER,
        "units 1–5 5 × $20.00 $100.00",
        "flat fee of units 1–5 $10.00",
        "4,512",
        "Left to pay $363.00",
        "All amounts are net of tax: tax is not in them.",
    ):
        assert fact in text
    assert text.endswith("Invoice TK-000003, page 1 of 1")


def test_hundreds_of_lines_repeat_the_header_and_number_their_pages() -> None:
    found = pages(bill(*[line(f"Gate {i}", "5", step("gates", "5", "1"), quantity="5") for i in range(300)]))
    assert len(found) > 5
    for number, text in enumerate(found, start=1):
        assert text.endswith(f"Invoice TK-000003, page {number} of {len(found)}")
    assert all(text.count(HEADER) == 1 for text in found[:-1])
    assert all(text.startswith(HEADER) for text in found[1:-1])
    everything = " ".join(found)
    assert all(f"Gate {i} " in everything for i in range(300))
    # A line and its steps stay together.
    assert all(text.count("Gate ") == text.count("gates 5 × $1.00") for text in found)
    assert "Left to pay $1,500.00" in found[-1]


def test_a_line_longer_than_a_page_is_continued_under_the_header() -> None:
    steps = [step(f"tier number {i}", "2", "1") for i in range(200)]
    found = pages(bill(line("Calls", "400", *steps, quantity="400")))
    assert all(text.count(HEADER) == 1 for text in found)
    # The first page begins with the heading, the two in the middle are full.
    first, second, third, last = (text.count("tier number") for text in found)
    assert first < second == third > last
    assert first + second + third + last == 200


def test_the_sums_stay_on_one_page() -> None:
    for count in range(10, 26):
        found = pages(bill(*[line(f"Gate {i}", "5", quantity="5") for i in range(count)]))
        holding = [text for text in found if "Subtotal $" in text]
        assert len(holding) == 1
        assert "Left to pay" in holding[0]


@pytest.mark.parametrize(
    ("state", "word", "times"),
    [
        (pb.INVOICE_STATE_DRAFT, "DRAFT", 2),
        (pb.INVOICE_STATE_VOID, "VOID", 2),
        (pb.INVOICE_STATE_PAID, "PAID", 1),
        (pb.INVOICE_STATE_UNCOLLECTIBLE, "UNCOLLECTIBLE", 1),
        (pb.INVOICE_STATE_OPEN, "OPEN", 1),
    ],
)
def test_the_state_is_printed_large_and_what_is_no_bill_is_stamped(
    state: pb.InvoiceState.ValueType, word: str, times: int
) -> None:
    (text,) = pages(bill(line("Gates", "100"), state=state))
    assert text.count(word) == times


def test_every_page_of_a_draft_is_stamped() -> None:
    found = pages(bill(*[line(f"Gate {i}", "5") for i in range(60)], state=pb.INVOICE_STATE_DRAFT))
    assert len(found) > 1
    assert all("DRAFT" in text for text in found)


def test_the_metadata_name_the_invoice_and_its_time_not_the_clock() -> None:
    metadata = paper_of(renewal()).metadata
    assert metadata is not None
    assert metadata.title == "Invoice TK-000003"
    assert metadata.creator == "Tollkeeper"
    assert metadata.creation_date == datetime(2013, 2, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "Café Größe Łódź İstanbul Đà Nẵng – “quoted” €1 £2 ¥3 ₹4",
        "Ελληνικά",
        "Українська Ґ",
        "日本語 简体中文 한국어",
        "नमस्ते",
        "გამარჯობა",
        "→ ✓",
    ],
)
def test_scripts_can_be_read_back(text: str) -> None:
    (found,) = pages(bill(line("Gates", "1"), name=text))
    assert text.replace(" ", "") in found.replace(" ", "")


def test_the_visible_replacement_stands_for_what_no_font_has() -> None:
    (text,) = pages(bill(line("Tamil தமிழ் {nb}", "1"), name="বাংলা"))
    assert "Tamil ����� {nb}" in text
    assert "Bill to Airports of New Jersey Inc. �����" in text


def test_right_to_left_text_is_read_from_the_right_with_its_numbers_and_brackets_in_order() -> None:
    found = [(run.text, run.family.name, run.is_right_to_left) for run in runs('אל על בע"מ (2013)')]
    assert found == [(")", "sans", True), ("2013", "sans", False), ('אל על בע"מ (', "wide", True)]


def test_brackets_from_right_to_left_are_mirrored() -> None:
    # Only shaping mirrors them; letter by letter "(2013)" would stand as ")2013(".
    assert not _is_lettered(Run(")", MAIN, is_right_to_left=True))
    assert _is_lettered(Run(")", MAIN))


def test_what_the_pdf_library_takes_for_the_number_of_pages_is_a_text_like_any_other() -> None:
    ink = Ink(title="", time=None)
    assert ink.width("{nb}", Style(9)) == pytest.approx(sum(ink.width(character, Style(9)) for character in "{nb}"))


def test_a_word_from_the_right_stands_in_a_row_from_the_left() -> None:
    found = [(run.text, run.is_right_to_left) for run in runs("Gates: 20 שערים at Newark")]
    assert found == [("Gates: 20 ", False), ("שערים", True), (" ", False), ("at Newark", False)]


def test_plain_text_is_one_run_of_the_main_font() -> None:
    assert is_plain("Gates: 20 gates – €1")
    assert [run.family for run in runs("Gates")] == [MAIN]
    assert not is_plain("שלום")
    assert not is_plain("q\u0323\u0307")


def test_the_digits_of_the_main_font_are_equally_wide() -> None:
    ink = Ink(title="", time=None)
    for style in (Style(9), Style(9, is_bold=True)):
        assert len({ink.width(digit, style) for digit in "0123456789"}) == 1


def test_rows_are_broken_between_words_and_inside_one_that_is_too_wide() -> None:
    ink = Ink(title="", time=None)
    style = Style(9)
    assert ink.rows("", style, width=100) == []
    rows = ink.rows("a few words and thenonewordthatiswiderthanawholerow", style, width=60)
    assert rows[:2] == ["a few words", "and"]
    assert "".join(rows).replace(" ", "") == "afewwordsandthenonewordthatiswiderthanawholerow"
    assert all(ink.width(row, style) <= 60 for row in rows)


def test_a_number_wider_than_its_column_is_printed_smaller() -> None:
    ink = Ink(title="", time=None)
    fitted = ink.fitting("$999,999,999,999,999.99", Style(9), width=50)
    assert ink.width("$999,999,999,999,999.99", fitted) == pytest.approx(50)
    assert ink.fitting("$1.00", Style(9), width=50) == Style(9)


def test_every_font_is_there() -> None:
    for family in FAMILIES:
        assert family.regular().is_file()
        assert family.bold is None or family.bold().is_file()
