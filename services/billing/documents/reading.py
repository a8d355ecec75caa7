"""How values of the contract are read on a document: money, numbers, dates, texts of others."""

import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp

from billing.domain import wording
from kernel.money import CURRENCIES, Currency, Money, format_money
from kernel.quantity import ZERO
from kernel.recurrence import zone
from tollkeeper.billing.v1 import invoice_pb2
from tollkeeper.common.v1 import money_pb2, period_pb2

_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
# Joiners belong to the spelling of Persian and Hindi; every other invisible character only hides or reorders.
_JOINERS: Final = frozenset("\u200c\u200d")
_INVISIBLE: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def money(message: money_pb2.Money, currency: Currency) -> Money:
    """The amount; zero where the message does not say it."""
    return Money(Decimal(message.amount), CURRENCIES[message.currency]) if message.amount else Money.zero(currency)


def amount(text: str, currency: Currency) -> Money:
    """An exact amount of a derivation, in major units."""
    return Money(Decimal(text) if text else ZERO, currency)


def shown(value: Money) -> str:
    """Money as it is printed: "$1,234.50", "-$3.00"."""
    return format_money(value)


def shown_unless_zero(value: Money) -> str:
    """The same, and nothing for nothing."""
    return format_money(value) if value.amount else ""


def smallest(currency: Currency) -> str:
    """The smallest amount that can be paid, as the steps of derivations name it: "0.01"."""
    return wording.grouped(Decimal(1).scaleb(-currency.minor_digits))


def number(text: str) -> str:
    """A quantity with its thousands apart; nothing for none."""
    return wording.grouped(Decimal(text)) if text else ""


def part(proration: invoice_pb2.Proration) -> str:
    """The part of a period that is charged: "16 of 31 days"."""
    return wording.part_of(proration.charged_microseconds, proration.period_microseconds)


def instant(timestamp: Timestamp) -> datetime:
    """The time, in UTC."""
    return timestamp.ToDatetime(tzinfo=UTC)


def day(timestamp: Timestamp, time_zone: str) -> str:
    """The local day: "1 Feb 2013"."""
    local = instant(timestamp).astimezone(zone(time_zone))
    return f"{local.day} {_MONTHS[local.month - 1]} {local.year}"


def moment(timestamp: Timestamp, time_zone: str) -> str:
    """The local day, and the time where it is not midnight: "16 Jan 2013 14:30"."""
    local = instant(timestamp).astimezone(zone(time_zone))
    midnight = (local.hour, local.minute) == (0, 0)
    return day(timestamp, time_zone) + ("" if midnight else f" {local:%H:%M}")


def bounds(period: period_pb2.Period, time_zone: str) -> tuple[str, ...]:
    """The first instant of a span of time, and the first after it where it ends; nothing where there is no span."""
    if not period.HasField("start_time"):
        return ()
    start = moment(period.start_time, time_zone)
    return (start, moment(period.end_time, time_zone)) if period.HasField("end_time") else (f"from {start}",)


def whole_span(periods: Sequence[period_pb2.Period]) -> period_pb2.Period:
    """From the first start to the last end; without an end where one of them has none."""
    whole = period_pb2.Period()
    starting = [period for period in periods if period.HasField("start_time")]
    if starting:
        whole.start_time.CopyFrom(min((period.start_time for period in starting), key=instant))
        if all(period.HasField("end_time") for period in starting):
            whole.end_time.CopyFrom(max((period.end_time for period in starting), key=instant))
    return whole


def legible(text: str) -> str:
    """A text of somebody else on one line: composed, without characters that hide or reorder what is printed."""
    kept = (
        character if character in _JOINERS or unicodedata.category(character) not in _INVISIBLE else " "
        for character in unicodedata.normalize("NFC", text)
    )
    return " ".join("".join(kept).split())
