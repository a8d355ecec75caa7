"""Values that callers write, with the field that each mistake belongs to."""

from decimal import Decimal

from kernel.errors import FieldViolation, Mistakes, invalid
from kernel.money import Money, currency
from kernel.quantity import parse_decimal, round_half_away
from kernel.text import check_text
from tollkeeper.common.v1 import money_pb2


def required_text(text: str, path: str, *, limit: int) -> str:
    """The text itself.

    Raises:
        TollkeeperError: `INVALID_FIELD` if it is blank, or longer than the limit.
    """
    if not text.strip():
        raise invalid(FieldViolation(path, f"must have 1 to {limit:,} characters, and not only blanks"))
    return check_text(text, path, limit=limit)


def above_zero(text: str, path: str) -> Decimal:
    """An exact number above zero.

    Raises:
        TollkeeperError: `INVALID_FIELD` for anything else.
    """
    number = parse_decimal(text, path)
    if number <= 0:
        raise invalid(FieldViolation(path, "must be above zero"))
    return number


def money_above_zero(message: money_pb2.Money, path: str) -> Money:
    """An amount above zero in whole minor units of its currency.

    Raises:
        TollkeeperError: `INVALID_FIELD` naming every mistake.
    """
    mistakes = Mistakes()
    unit = mistakes.attempt(currency, message.currency, f"{path}.currency")
    amount = mistakes.attempt(above_zero, message.amount, f"{path}.amount")
    if unit is not None and amount is not None:
        digits = unit.minor_digits
        if round_half_away(amount, digits) != amount:
            what = f"at most {digits} digits after the point" if digits else "no digits after the point"
            mistakes.add(f"{path}.amount", f"must have {what}, as {unit.code} has")
        mistakes.check()
        return Money(amount, unit)
    raise invalid(*mistakes.found)
