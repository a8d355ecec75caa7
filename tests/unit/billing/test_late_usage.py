"""Late usage: what arrives after its period was billed becomes a line of its own on the next invoice."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from billing.domain.invoice import InvoiceLine, LineType
from billing.domain.lifecycle import Change, schedule_end
from billing.domain.usage import LATE_PERIODS
from kernel.pricing import FlatRate, Package
from tests.unit.billing.terms import closed, plan, provisioned, told, used

START = datetime(2013, 1, 1, tzinfo=ZoneInfo("America/New_York"))
THOUSANDS = Package(Decimal(1000), Decimal(5))
TERMS = plan(used(THOUSANDS))


def billed(*known: Mapping[int, str], ends: bool = False) -> list[tuple[InvoiceLine, ...]]:
    """The lines of one renewal after the other; each is told the usage of periods, of which those not named have none."""
    change = provisioned(TERMS, START)
    invoices: list[tuple[InvoiceLine, ...]] = []
    for number, usage in enumerate(known):
        if ends and number == len(known) - 1:
            change = Change(schedule_end(change.subscription, revision=2), (), change.reason, number)
        asked = (number, *range(max(0, number - LATE_PERIODS), number))
        quantities = [usage.get(one, "0") for one in asked]
        change = closed(change, TERMS, *quantities, before=[line for lines in invoices for line in lines])
        invoices.append(change.lines)
    return invoices


def late_lines(lines: Sequence[InvoiceLine]) -> list[tuple[int, str, str, str]]:
    """The lines of late usage: period, old and new quantity, amount."""
    return [
        (line.period_number, str(line.previous_quantity), str(line.quantity), str(line.amount.amount))
        for line in lines
        if line.type is LineType.LATE_USAGE
    ]


@pytest.mark.parametrize(
    ("late", "amount"), [("4512", None), ("4513", "0.00"), ("5001", "5.00"), ("3999", "-5.00"), ("0", "-25.00")]
)
def test_late_usage_is_the_difference(late: str, amount: str | None) -> None:
    terms = plan(used(THOUSANDS))
    first = closed(provisioned(terms, START), terms, "4512")
    second = closed(first, terms, "10", late, before=first.lines)
    usage, *found = second.lines
    assert told([usage]) == [("USAGE", "10", "5.00")]
    if amount is None:
        assert found == []
        return
    [line] = found
    assert (line.type, line.previous_quantity, str(line.quantity)) == (LineType.LATE_USAGE, Decimal(4512), late)
    assert str(line.amount.amount) == amount
    assert sum(step.amount for step in line.derivation) == line.amount.amount
    assert (line.period.end, line.period_number) == (usage.period.start, 0)


def test_late_usage_is_rounded_with_what_was_billed() -> None:
    terms = plan(used(FlatRate(Decimal("0.004"))))
    first = closed(provisioned(terms, START), terms, "1")
    assert str(first.lines[0].amount.amount) == "0.00"
    second = closed(first, terms, "0", "2", before=first.lines)
    assert told(second.lines) == [("USAGE", "0", "0.00"), ("LATE_USAGE", "2", "0.01")]
    assert [step.description for step in second.lines[1].derivation] == ["2 units", "rounded to 0.01"]


def test_usage_comes_two_and_three_periods_late() -> None:
    usage = {0: "1000", 1: "1000"}
    *_, third, fourth = billed(usage, usage, usage | {0: "1001"}, usage | {0: "3000", 1: "1001"})
    assert late_lines(third) == [(0, "1000", "1001", "5.00")]
    assert late_lines(fourth) == [(0, "1001", "3000", "5.00"), (1, "1000", "1001", "5.00")]
    of_january = fourth[1]
    assert of_january.period.start == START
    assert (
        of_january.description
        == "Departures: late usage, 3,000 departures instead of 1,001, from 1 Jan 2013 to 1 Feb 2013"
    )
    assert [(step.description, str(step.amount)) for step in of_january.derivation] == [
        ("3 packages of 1000", "15"),
        ("already charged", "-10.00"),
    ]


def test_usage_of_one_period_comes_late_again_and_again() -> None:
    invoices = billed({0: "1"}, {0: "1001"}, {0: "2001"}, {0: "2001"}, {0: "500"})
    assert [late_lines(lines) for lines in invoices] == [
        [],
        [(0, "1", "1001", "5.00")],
        [(0, "1001", "2001", "5.00")],
        [],
        [(0, "2001", "500", "-10.00")],
    ]


def test_usage_later_than_the_bound_is_not_billed() -> None:
    before = [{0: "1", 1: "1"}] * (LATE_PERIODS + 1)
    *_, last = billed(*before, {0: "5000", 1: "5000"})
    assert late_lines(last) == [(1, "1", "5000", "20.00")]
    *_, in_time = billed(*before[1:], {0: "5000", 1: "5000"})
    assert late_lines(in_time) == [(0, "1", "5000", "20.00"), (1, "1", "5000", "20.00")]


def test_the_final_invoice_bills_what_is_late_too() -> None:
    *_, final = billed({0: "1"}, {0: "1", 1: "1"}, {0: "2000", 1: "2000", 2: "1"}, ends=True)
    assert told(final) == [("USAGE", "1", "5.00"), ("LATE_USAGE", "2000", "5.00"), ("LATE_USAGE", "2000", "5.00")]
