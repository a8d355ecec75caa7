"""What an invoice says: every state, every column that must add up, every word that an accountant looks for."""

import re
from collections.abc import Iterable
from decimal import Decimal

import pytest

from billing.documents.reading import legible
from billing.documents.sheet import Sheet, seller_lines, sheet_of
from kernel.quantity import total
from kit.proto import period_to_proto
from tests.unit.billing.documents.bills import FEBRUARY, JANUARY, at, bill, line, money, renewal, step
from tollkeeper.billing.v1 import invoice_pb2 as pb

GATES = line("Gates", "100", step("units 1–5", "5", "20"), quantity="5")


def sheet(invoice: pb.Invoice, time_zone: str = "UTC") -> Sheet:
    return sheet_of(invoice, seller=(), time_zone=time_zone)


def amount(text: str) -> Decimal:
    """The number of printed money; zero of an empty cell."""
    return Decimal(re.sub(r"[^0-9.-]", "", text) or "0")


def added(texts: Iterable[str]) -> Decimal:
    return total(amount(text) for text in texts)


def assert_adds_up(made: Sheet) -> None:
    """Steps make the subtotal, subtotal and discounts the amount, the amounts the total, and so on down to what is left."""
    for row in made.lines:
        if any(step.amount for step in row.steps):
            assert added(step.amount for step in row.steps) == amount(row.subtotal)
        assert added(step.discount for step in row.steps) == amount(row.discount)
        assert amount(row.subtotal) + amount(row.discount) == amount(row.amount)
    assert made.sums[0].label == "Subtotal"
    assert amount(made.sums[0].amount) == added(row.subtotal for row in made.lines)
    so_far = amount(made.sums[0].amount)
    for sum_ in made.sums[1:]:
        if sum_.is_result:
            assert amount(sum_.amount) == so_far, sum_.label
        else:
            so_far += amount(sum_.amount)
    assert amount(dict(sums(made))["Total"]) == added(row.amount for row in made.lines)


def sums(made: Sheet) -> list[tuple[str, str]]:
    return [(row.label, row.amount) for row in made.sums]


def test_a_renewal_tells_its_lines_and_how_they_are_made() -> None:
    made = sheet(renewal())
    gates, departures = made.lines
    assert (gates.description, gates.quantity, gates.subtotal, gates.discount, gates.amount) == (
        "Gates: 24 gates committed, from 1 Feb 2013 to 1 Mar 2013",
        "24",
        "$338.00",
        "",
        "$338.00",
    )
    assert gates.period == ("1 Feb 2013", "1 Mar 2013")
    assert [(row.description, row.calculation, row.amount) for row in gates.steps[:2]] == [
        ("units 1–5", "5 × $20.00", "$100.00"),
        ("flat fee of units 1–5", "", "$10.00"),
    ]
    assert (departures.quantity, departures.period) == ("4,512", ("1 Jan 2013", "1 Feb 2013"))
    assert sums(made) == [
        ("Subtotal", "$363.00"),
        ("Total", "$363.00"),
        ("Amount due", "$363.00"),
        ("Left to pay", "$363.00"),
    ]
    assert made.facts == (
        ("Number", "TK-000003"),
        ("Date", "1 Feb 2013"),
        ("Service period", "1 Jan 2013 – 1 Mar 2013"),
        ("Reason", "Renewal"),
        ("Currency", "USD"),
        ("Time zone", "UTC"),
        ("Customer", "UA"),
        ("Subscription", "sub_UA"),
    )
    assert made.notes[0] == "All amounts are net of tax: tax is not in them."
    assert_adds_up(made)


@pytest.mark.parametrize(
    ("invoice", "state", "sentence", "stamp"),
    [
        (bill(GATES), "Open", "$100.00 is left to pay.", ""),
        (bill(GATES, credited="25"), "Open", "$75.00 is left to pay.", ""),
        (bill(GATES, state=pb.INVOICE_STATE_PAID, paid="100"), "Paid", "Paid on 3 Feb 2013.", ""),
        (
            bill(GATES, state=pb.INVOICE_STATE_PAID, credit="100"),
            "Paid",
            "Settled on 3 Feb 2013: nothing was left to pay.",
            "",
        ),
        (
            bill(GATES, state=pb.INVOICE_STATE_VOID),
            "Void",
            "Taken back on 4 Mar 2013: nothing is asked for.",
            "VOID",
        ),
        (
            bill(GATES, state=pb.INVOICE_STATE_UNCOLLECTIBLE, credited="40"),
            "Uncollectible",
            "Given up on 4 Mar 2013: $60.00 is left unpaid.",
            "",
        ),
        (
            bill(GATES, state=pb.INVOICE_STATE_DRAFT),
            "Draft",
            "This is a draft: it has no number, and nothing is asked for.",
            "DRAFT",
        ),
    ],
)
def test_every_state_says_what_it_means(invoice: pb.Invoice, state: str, sentence: str, stamp: str) -> None:
    made = sheet(invoice)
    assert (made.state, made.state_sentence, made.stamp) == (state, sentence, stamp)
    assert_adds_up(made)


def test_the_next_attempt_is_told() -> None:
    invoice = bill(GATES)
    invoice.next_attempt_time.CopyFrom(at(2, 4, 3))
    assert sheet(invoice).state_sentence == ("$100.00 is left to pay. The next attempt to collect it is on 4 Feb 2013.")


def test_coupons_credit_and_credit_notes_stand_between_the_results() -> None:
    welcome, sorry = "Welcome: 20 % off", "Sorry: $10 off"
    made = sheet(
        bill(
            line("Airline", "99", step("fixed fee", "1", "99"), discounts=[(welcome, "19.80"), (sorry, "2.29")]),
            line("Gates", "338", discounts=[(welcome, "67.60"), (sorry, "7.71")], quantity="24"),
            discounts=[(welcome, "87.40"), (sorry, "10")],
            credit="50",
            credited="30",
        )
    )
    assert sums(made) == [
        ("Subtotal", "$437.00"),
        (welcome, "-$87.40"),
        (sorry, "-$10.00"),
        ("Total", "$339.60"),
        ("Paid from credit", "-$50.00"),
        ("Amount due", "$289.60"),
        ("Credited by credit notes", "-$30.00"),
        ("Left to pay", "$259.60"),
    ]
    assert (made.lines[0].discount, made.lines[0].amount) == ("-$22.09", "$76.91")
    assert [(row.description, row.discount) for row in made.lines[0].steps[1:]] == [
        (welcome, "-$19.80"),
        (sorry, "-$2.29"),
    ]
    assert_adds_up(made)


def test_a_line_that_gives_money_back_gives_its_discount_back_too() -> None:
    off = "Welcome: 20 % off"
    made = sheet(
        bill(
            line("Gates: 10 gates instead of 20", "-73.12", discounts=[(off, "-14.62")], days=(16, 31)),
            discounts=[(off, "-14.62")],
            state=pb.INVOICE_STATE_PAID,
        )
    )
    assert (made.lines[0].subtotal, made.lines[0].discount, made.lines[0].amount) == ("-$73.12", "$14.62", "-$58.50")
    assert sums(made)[-3:] == [("Becomes credit", "$58.50"), ("Amount due", "$0.00"), ("Left to pay", "$0.00")]
    assert_adds_up(made)


def test_a_void_invoice_takes_back_what_was_due() -> None:
    made = sheet(bill(GATES, state=pb.INVOICE_STATE_VOID, credit="20"))
    assert sums(made)[-3:] == [("Amount due", "$80.00"), ("Taken back", "-$80.00"), ("Left to pay", "$0.00")]


def test_a_proration_says_its_part_and_marks_shares_without_end() -> None:
    made = sheet(
        bill(
            line(
                "Gates: 24 gates instead of 20",
                "20.65",
                step("20 gates for 15 of 31 days", "0.483870967742", "298", "144.193548387097"),
                step("24 gates for 16 of 31 days", "0.516129032258", "338", "174.451612903226"),
                step("rounded to 0.01", "1", "0.004838709677"),
                step("already charged", "1", "-298"),
                days=(16, 31),
            )
        )
    )
    assert made.lines[0].part == "16 of 31 days"
    assert made.lines[0].steps[0].calculation == "0.483870967742… × $298.00"
    assert [row.amount for row in made.lines[0].steps[2:]] == ["$0.004838709677", "-$298.00"]
    assert_adds_up(made)


def test_an_exact_share_is_not_marked() -> None:
    made = sheet(bill(line("Gates", "50", step("20 gates for 14 of 28 days", "0.5", "100"), days=(14, 28))))
    assert made.lines[0].steps[0].calculation == "0.5 × $100.00"


@pytest.mark.parametrize(
    ("currency", "price", "subtotal", "rounding", "unit"),
    [
        ("USD", "0.0001", "123.46", "$0.0033", "0.01"),
        ("JPY", "0.5", "617284", "¥0.5", "1"),
        ("KWD", "0.0001", "123.457", "KWD 0.0003", "0.001"),
    ],
)
def test_the_one_rounding_of_a_line_is_shown(
    currency: str, price: str, subtotal: str, rounding: str, unit: str
) -> None:
    steps = [step("1234567 units", "1234567", price)]
    made = sheet(bill(line("Calls", subtotal, *steps, quantity="1234567", currency=currency), currency=currency))
    assert (made.lines[0].steps[-1].description, made.lines[0].steps[-1].amount) == (f"rounded to {unit}", rounding)
    assert made.notes[-1].startswith(f"Each line is rounded once, half away from zero, to {unit};")
    assert_adds_up(made)


def test_dates_are_of_the_time_zone_and_say_it() -> None:
    made = sheet(renewal(), "America/New_York")
    assert dict(made.facts)["Date"] == "31 Jan 2013"
    assert dict(made.facts)["Time zone"] == "America/New_York"
    assert made.lines[0].period == ("31 Jan 2013 19:00", "28 Feb 2013 19:00")
    assert "dates and times in America/New_York" in made.notes[1]


def test_a_draft_has_a_title_and_the_day_it_was_made() -> None:
    made = sheet(bill(GATES, state=pb.INVOICE_STATE_DRAFT, reason=pb.INVOICE_REASON_MANUAL))
    assert made.title == "Draft invoice"
    assert made.facts[0] == ("Drafted", "1 Feb 2013")
    assert ("Reason", "Made by hand") in made.facts
    assert [label for label, _ in sums(made)] == ["Subtotal", "Total", "Amount due"]


def test_a_line_by_hand_needs_no_period() -> None:
    made = sheet(bill(line("Consulting", "1200", step("hours", "12", "100"), quantity="12", period=None)))
    assert made.lines[0].period == ()
    assert "Service period" not in dict(made.facts)


def test_a_period_without_end_says_so() -> None:
    invoice = bill(GATES, line("Departures", "0", period=JANUARY))
    invoice.lines[0].period.CopyFrom(period_to_proto(FEBRUARY))
    invoice.lines[0].period.ClearField("end_time")
    made = sheet(invoice)
    assert made.lines[0].period == ("from 1 Feb 2013",)
    assert dict(made.facts)["Service period"] == "from 1 Jan 2013"


def test_without_a_name_the_customer_is_its_id() -> None:
    invoice = bill(GATES)
    invoice.ClearField("bill_to")
    assert sheet(invoice).bill_to == ("UA",)


def test_a_preview_that_was_never_made_has_no_time() -> None:
    invoice = bill(GATES, state=pb.INVOICE_STATE_DRAFT)
    invoice.ClearField("create_time")
    assert sheet(invoice).time is None


def test_amounts_that_are_not_said_are_nothing() -> None:
    invoice = pb.Invoice(currency="JPY", state=pb.INVOICE_STATE_OPEN, customer_id="JL", total=money("0", "JPY"))
    assert sums(sheet(invoice))[-1] == ("Left to pay", "¥0")


def test_texts_of_others_are_made_legible() -> None:
    # A right-to-left override would show "gpj.exe" as "exe.jpg"; a line feed would end a row of print.
    assert legible("  two\nrows\u202e\u0007 \u200b and\u00a0more ") == "two rows and more"
    assert legible("Cafe\u0301") == "Café"
    assert legible("می\u200cخواهم") == "می\u200cخواهم"


def test_a_seller_is_told_in_lines() -> None:
    assert seller_lines(" Acme Inc. | 1 Main Street\r\n\n12345 Town |") == ("Acme Inc.", "1 Main Street", "12345 Town")
    assert seller_lines("") == ()
