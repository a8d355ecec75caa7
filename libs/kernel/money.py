"""Money: an exact decimal amount in major units of one ISO 4217 currency, rounded only where a line is written."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import lcm
from typing import Final, Self

from kernel.errors import FieldViolation, invalid
from kernel.quantity import EXACT, ZERO, format_decimal, round_half_away
from kernel.quantity import total as total_of

# ISO 4217 list one (active codes, up to amendment 180) by digits of the minor unit. Codes without one (gold, XDR, XTS)
# cannot be priced in.
_CODES_BY_MINOR_DIGITS: Final = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    2: (
        "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW "
        "CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF "
        "IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK "
        "MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP "
        "SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD XCD XCG "
        "YER ZAR ZMW ZWG"
    ),
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
_SYMBOLS: Final = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥"}


@dataclass(frozen=True, slots=True)
class Currency:
    """A currency; made by `currency`, so that its minor unit is the one of ISO 4217.

    Attributes:
        code: Three capital letters.
        minor_digits: Digits after the point of the smallest amount that can be paid: USD 2, JPY 0, KWD 3.
    """

    code: str
    minor_digits: int


CURRENCIES: Final = {
    code: Currency(code, digits) for digits, codes in _CODES_BY_MINOR_DIGITS.items() for code in codes.split()
}
USD: Final = CURRENCIES["USD"]


def currency(code: str, path: str = "currency") -> Currency:
    """The active ISO 4217 currency of that code, in capital letters.

    Raises:
        TollkeeperError: `INVALID_ARGUMENT` naming `path` when there is none.
    """
    found = CURRENCIES.get(code)
    if found is None:
        raise invalid(FieldViolation(path, "must be an active ISO 4217 currency code in capital letters, such as USD"))
    return found


@dataclass(frozen=True, slots=True)
class Money:
    """An exact amount in major units; equal amounts are equal money (``1.5`` and ``1.50``).

    Raises:
        ValueError: The amount is not finite, or two currencies meet in one sum.
    """

    amount: Decimal
    currency: Currency

    def __post_init__(self) -> None:
        if not self.amount.is_finite():
            raise ValueError("an amount of money is finite")

    @classmethod
    def zero(cls, currency: Currency) -> Self:
        """No money of that currency."""
        return cls(ZERO, currency)

    @classmethod
    def total(cls, moneys: Iterable[Self], currency: Currency) -> Self:
        """The exact sum; zero of nothing."""
        return cls(total_of(_amount_in(currency, money) for money in moneys), currency)

    def __add__(self, other: Self) -> Self:
        return type(self)(EXACT.add(self.amount, _amount_in(self.currency, other)), self.currency)

    def __sub__(self, other: Self) -> Self:
        return type(self)(EXACT.subtract(self.amount, _amount_in(self.currency, other)), self.currency)

    def __neg__(self) -> Self:
        return type(self)(EXACT.minus(self.amount), self.currency)

    def rounded(self) -> Self:
        """Rounded half away from zero to the minor unit, as each invoice line is, once."""
        return type(self)(round_half_away(self.amount, self.currency.minor_digits), self.currency)

    def split(self, weights: Sequence[Decimal]) -> tuple[Self, ...]:
        """Parts in proportion to `weights`, in whole minor units, that add up to this; see `split`."""
        parts = split(self.amount, weights, places=self.currency.minor_digits)
        return tuple(type(self)(part, self.currency) for part in parts)


def split(amount: Decimal, weights: Sequence[Decimal], *, places: int) -> tuple[Decimal, ...]:
    """Split an amount over parts by the largest remainder: the parts always add up to the whole.

    Every part is a multiple of ``10**-places`` less than one such unit away from its exact share. Units left over go to
    the largest remainders, the first of equal ones before the next; a negative amount is split like its opposite.

    Raises:
        ValueError: The amount is finer than `places`, or no weight is positive, or one is negative.
    """
    scaled = Fraction(amount) * 10**places
    if scaled.denominator != 1:
        raise ValueError(f"{amount} has more than {places} digits after the point")
    units = abs(scaled.numerator)
    shares = _whole_weights(weights)
    whole = sum(shares)
    parts = [units * share // whole for share in shares]
    by_remainder = sorted(range(len(shares)), key=lambda part: (-(units * shares[part] % whole), part))
    for part in by_remainder[: units - sum(parts)]:
        parts[part] += 1
    sign = -1 if amount < 0 else 1
    return tuple(Decimal(f"{sign * part}E-{places}") for part in parts)


def format_money(money: Money) -> str:
    """Money for people: ``$1,234.50``, ``-$3.00``, ``¥500``, ``KWD 1.250``.

    Shows at least the minor unit's digits, and all digits of a finer amount: ``$0.0001``.
    """
    whole, _, fraction = format_decimal(money.amount.copy_abs()).partition(".")
    fraction = fraction.ljust(money.currency.minor_digits, "0")
    digits = f"{int(whole):,}" + (f".{fraction}" if fraction else "")
    sign = "-" if money.amount < 0 else ""
    return sign + _SYMBOLS.get(money.currency.code, money.currency.code + " ") + digits


def _amount_in(currency: Currency, money: Money) -> Decimal:
    if money.currency != currency:
        raise ValueError(f"{money.currency.code} cannot be added to {currency.code}")
    return money.amount


def _whole_weights(weights: Sequence[Decimal]) -> list[int]:
    """The weights as integers in the same proportion."""
    if any(weight < 0 for weight in weights) or not any(weights):
        raise ValueError("a split needs weights of zero or more, and one above zero")
    fractions = [Fraction(weight) for weight in weights]
    scale = lcm(*(fraction.denominator for fraction in fractions))
    return [int(fraction * scale) for fraction in fractions]
