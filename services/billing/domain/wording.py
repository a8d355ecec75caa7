"""What people read on an invoice: quantities with their unit, spans of time, parts of a period."""

from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Final

from billing.domain.plan_terms import Unit
from kernel.period import Period
from kernel.pricing import Priced
from kernel.quantity import format_decimal, round_half_away
from kernel.recurrence import zone

_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DAY: Final = 86_400_000_000
_SPANS: Final = ((_DAY, "day"), (3_600_000_000, "hour"), (60_000_000, "minute"), (1_000_000, "second"))
# Digits of a day where it is not told exactly: a ten-thousandth is less than nine seconds.
_DAY_PLACES: Final = 4
# A sum of more terms is no longer read at a glance; the total then stands alone.
_MOST_TERMS: Final = 12


def counted(quantity: Decimal, unit: Unit) -> str:
    """A quantity with its unit: "1 gate", "1,234.5 gates"."""
    return f"{grouped(quantity)} {unit.singular if quantity == 1 else unit.plural}"


def grouped(value: Decimal) -> str:
    """A number with its thousands apart: "1,234.5"."""
    whole, _, fraction = format_decimal(value).partition(".")
    sign = "-" if whole.startswith("-") else ""
    return f"{sign}{int(whole.removeprefix('-')):,}" + (f".{fraction}" if fraction else "")


def span(period: Period, time_zone: str) -> str:
    """A span of time: "from 1 Jan 2013 to 1 Feb 2013", with the local time where it is not midnight."""
    return f"from {_instant(period.start, time_zone)} to {_instant(period.end, time_zone)}"


def part_of(part: int, whole: int) -> str:
    """A part of a period, both in microseconds, in the longest unit that tells it exactly: "16 of 31 days".

    Parts finer than a second, as real time makes them, are read in days: "about 15.5001 of 31 days".
    """
    for length, name in _SPANS:
        if part % length == 0 and whole % length == 0:
            return f"{part // length:,} of {whole // length:,} {name}s"
    days = [grouped(round_half_away(Fraction(span, _DAY), _DAY_PLACES)) for span in (part, whole)]
    return f"about {days[0]} of {days[1]} days"


def sum_of(priced: Priced) -> str:
    """How an amount is made: "5 × 20 + 10 = 110"; the amount alone where that says no more or far too much."""
    amount = grouped(priced.amount)
    if not priced.steps or len(priced.steps) > _MOST_TERMS:
        return amount
    terms = [
        grouped(step.amount) if step.quantity == 1 else f"{grouped(step.quantity)} × {grouped(step.unit_price)}"
        for step in priced.steps
    ]
    made = " + ".join(terms)
    return amount if made == amount else f"{made} = {amount}"


def _instant(at: datetime, time_zone: str) -> str:
    local = at.astimezone(zone(time_zone))
    day = f"{local.day} {_MONTHS[local.month - 1]} {local.year}"
    return day if (local.hour, local.minute) == (0, 0) else f"{day} {local:%H:%M}"
