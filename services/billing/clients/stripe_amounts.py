"""Money as Stripe counts it: whole numbers of its own minor units, which are not always those of ISO 4217.

The source is Stripe's page "Supported currencies": zero-decimal and three-decimal currencies, and the special cases. HUF and TWD
are special for payouts only, and are charged like any other currency.
"""

from decimal import Decimal
from typing import Final

from kernel.money import Money, format_money
from kernel.quantity import EXACT

_ZERO_DECIMAL: Final = frozenset(
    ("BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF")
)
# Sent with two decimals that must be 00: they once had them. UGX stands in Stripe's list of zero-decimal currencies as well;
# the special case is what holds for charges.
_TWO_DECIMALS_OF_ZERO: Final = frozenset({"ISK", "UGX"})
# The last of the three digits must be 0.
_THREE_DECIMAL: Final = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})


class NotChargeableError(ValueError):
    """Stripe cannot charge this amount exactly; the text is for people."""


def minor_units(money: Money) -> int:
    """The amount as Stripe's `amount`. Minimum and maximum amounts are left to Stripe, which knows them by country.

    Raises:
        NotChargeableError: Stripe has no such currency, or the amount is finer than what it charges; it is never rounded.
    """
    code = money.currency.code
    places, step = _places_and_step(code, money.currency.minor_digits)
    units = EXACT.scaleb(money.amount, places)
    if units <= 0:
        raise NotChargeableError(f"{format_money(money)} cannot be charged: it is not above zero.")
    if EXACT.remainder(units, step):
        smallest = EXACT.scaleb(step, -places)
        raise NotChargeableError(
            f"{format_money(money)} cannot be charged by Stripe, which charges {code} in steps of {smallest:f}. "
            "Ask for it by other means, and mark the invoice paid."
        )
    return int(units)


def _places_and_step(code: str, minor_digits: int) -> tuple[int, Decimal]:
    if code in _ZERO_DECIMAL:
        return 0, Decimal(1)
    if code in _TWO_DECIMALS_OF_ZERO:
        return 2, Decimal(100)
    if code in _THREE_DECIMAL:
        return 3, Decimal(10)
    if minor_digits != 2:
        # Charging it by a guessed minor unit would be wrong by a factor of ten or more.
        raise NotChargeableError(f"Stripe does not charge {code}.")
    return 2, Decimal(1)
