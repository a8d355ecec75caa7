"""Late usage: what arrives after its period was billed becomes a line of its own on the next invoice."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from billing.domain.invoice import InvoiceLine, LineType
from billing.domain.plan_terms import PlanTerms
from billing.domain.usage import LATE_PERIODS
from kernel.pricing import FlatRate, Package
from kernel.recurrence import Interval, Recurrence
from tests.unit.billing.story import Story
from tests.unit.billing.terms import add_on, fee, plan, told, used

START = datetime(2013, 1, 1, tzinfo=ZoneInfo("America/New_York"))
MONTHS = Recurrence(Interval.MONTH, START, "America/New_York")
THOUSANDS = Package(Decimal(1000), Decimal(5))
TERMS = plan(used(THOUSANDS))


def begun(terms: PlanTerms = TERMS) -> Story:
    story = Story(terms)
    story.provision(START)
    return story


def billed(*known: Mapping[int, str], ends: bool = False) -> list[tuple[InvoiceLine, ...]]:
    """The lines of one renewal after the other; before each, usage of periods arrives until it is what is known then."""
    story = begun()
    arrived: dict[int, Decimal] = {}
    invoices: list[tuple[InvoiceLine, ...]] = []
    for number, usage in enumerate(known):
        for period, quantity in usage.items():
            story.use(MONTHS.period(period).start, str(Decimal(quantity) - arrived.get(period, Decimal(0))))
            arrived[period] = Decimal(quantity)
        if ends and number == len(known) - 1:
            story.cancel(story.subscription.period.start)
        invoices.append(story.renew().lines)
    return invoices


def late_lines(lines: Sequence[InvoiceLine]) -> list[tuple[int, str, str, str]]:
    """The lines of late usage: period, old and new quantity, amount."""
    return [
        (line.period_number, str(line.previous_quantity), str(line.quantity), str(line.amount.amount))
        for line in lines
        if line.type is LineType.LATE_USAGE
    ]


@pytest.mark.parametrize(
    ("late", "amount"), [("0", None), ("1", "0.00"), ("489", "5.00"), ("-513", "-5.00"), ("-4512", "-25.00")]
)
def test_late_usage_is_the_difference(late: str, amount: str | None) -> None:
    story = begun()
    story.use(START, "4512")
    story.renew()
    story.use(MONTHS.period(1).start, "10")
    story.use(START, late)
    usage, *found = story.renew().lines
    assert told([usage]) == [("USAGE", "10", "5.00")]
    if amount is None:
        assert found == []
        return
    [line] = found
    assert (line.type, line.previous_quantity, line.quantity) == (
        LineType.LATE_USAGE,
        Decimal(4512),
        4512 + Decimal(late),
    )
    assert str(line.amount.amount) == amount
    assert sum(step.amount for step in line.derivation) == line.amount.amount
    assert (line.period.end, line.period_number) == (usage.period.start, 0)


def test_late_usage_is_rounded_with_what_was_billed() -> None:
    story = begun(plan(used(FlatRate(Decimal("0.004")))))
    story.use(START, "1")
    assert str(story.renew().lines[0].amount.amount) == "0.00"
    story.use(START, "1")
    lines = story.renew().lines
    assert told(lines) == [("USAGE", "0", "0.00"), ("LATE_USAGE", "2", "0.01")]
    assert [step.description for step in lines[1].derivation] == ["2 units", "rounded to 0.01"]


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


def test_late_usage_costs_what_its_period_cost_after_a_change_of_plan() -> None:
    story = begun()
    story.publish(plan(used(FlatRate(Decimal(1))), plan_id="pro"))
    story.use(START, "1000")
    story.renew()
    story.update(MONTHS.period(1).start, plan_id="pro")
    story.use(START, "1")
    story.use(MONTHS.period(1).start, "7")
    assert told(story.renew().lines) == [("USAGE", "7", "7.00"), ("LATE_USAGE", "1001", "5.00")]


def test_late_usage_of_an_add_on_that_is_gone_costs_what_it_cost() -> None:
    extra = add_on("charters", used(FlatRate(Decimal("0.5")), "charters"))
    story = Story(plan(fee("1"), add_ons=[extra]))
    story.provision(START, add_ons=())
    story.update(START, extras={"charters": 2})
    story.use(START, "10", "charters")
    story.update(MONTHS.period(0).start, extras={"charters": 0})
    assert told(story.renew().lines) == [("FLAT_FEE", "1", "1.00"), ("USAGE", "10", "5.00")]
    story.use(START, "4", "charters")
    assert told(story.renew().lines) == [("FLAT_FEE", "1", "1.00"), ("LATE_USAGE", "14", "2.00")]


def test_late_usage_of_a_charge_that_ended_comes_with_the_end_of_its_period() -> None:
    story = Story(plan(used(FlatRate(Decimal("0.017")))), plan(fee("1"), plan_id="pro"))
    story.provision(START)
    story.use(START, "1000")
    middle = START + (MONTHS.period(0).end - START) / 2
    [ended] = [line for line in story.update(middle, plan_id="pro").lines if line.type == "USAGE"]
    assert told([ended]) == [("USAGE", "1000", "17.00")]
    story.use(START, "2000")
    # What is used after the charge ended is never asked for.
    story.use(middle, "5000")
    assert told(story.renew().lines) == [("FLAT_FEE", "1", "1.00"), ("LATE_USAGE", "3000", "34.00")]
    assert told(story.renew().lines) == [("FLAT_FEE", "1", "1.00")]


def test_usage_that_can_no_longer_be_told_stays_as_it_was_billed() -> None:
    story = Story(plan(used(FlatRate(Decimal("0.017")))), plan(fee("1"), plan_id="pro"))
    story.provision(START)
    story.use(START, "1000")
    middle = START + (MONTHS.period(0).end - START) / 2
    story.update(middle, plan_id="pro")
    story.kept_from = middle
    assert told(story.renew().lines) == [("FLAT_FEE", "1", "1.00")]
