"""In-advance charges that change inside a period: what is due for the period so far, and the line that settles it.

Priced cumulatively: a line is the rounded total due minus what earlier lines charged, never a part priced alone, so
that the lines of a period always add up to its rounded total.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

from kernel.money import Money
from kernel.period import Period, utc
from kernel.pricing import Priced, PriceList, price
from kernel.quantity import round_half_away


@dataclass(frozen=True, slots=True)
class Segment:
    """What is held from an instant until the next segment's, or the period's end.

    Attributes:
        start: Before the period counts as its start; at or after its end costs nothing in it.
        quantity: Units held; zero holds nothing.
        price_list: Of the whole period, as agreed at that time.
    """

    start: datetime
    quantity: Decimal
    price_list: PriceList


@dataclass(frozen=True, slots=True)
class Share:
    """What one segment adds: the price of its quantity × the part of the period it lasts."""

    segment: Segment
    priced: Priced
    fraction: Fraction

    @property
    def amount(self) -> Fraction:
        """In major units, exact."""
        return Fraction(self.priced.amount) * self.fraction


@dataclass(frozen=True, slots=True)
class Proration:
    """The account of one period after a change.

    Attributes:
        shares: One for each segment, in order.
        due: The total for the period so far in major units, exact.
        total: `due` rounded half away from zero to the minor unit.
        line: What the next line charges: `total` minus what was charged; negative where volume prices fell.
    """

    shares: tuple[Share, ...]
    due: Fraction
    total: Money
    line: Money


def prorate(period: Period, segments: Sequence[Segment], *, charged: Money) -> Proration:
    """Settle what is held over one period.

    Args:
        period: A whole billing period; an empty one costs zero.
        segments: All of the period in order of time, the newest last; their prices are in the currency of `charged`. Of two at
            one instant the later one counts. Before the first one nothing is held.
        charged: The sum of the period's earlier lines, in whole minor units.

    Raises:
        ValueError: The segments are not in order of time.
    """
    shares = tuple(
        Share(segment, price(segment.price_list, segment.quantity), period.fraction(segment.start, end))
        for segment, end in zip(segments, _ends(segments, period), strict=True)
    )
    due = sum((share.amount for share in shares), Fraction(0))
    total = Money(round_half_away(due, charged.currency.minor_digits), charged.currency)
    return Proration(shares, due, total, total - charged)


def _ends(segments: Sequence[Segment], period: Period) -> list[datetime]:
    starts = [utc(segment.start) for segment in segments]
    if any(later < earlier for earlier, later in pairwise(starts)):
        raise ValueError("segments come in order of time")
    return [*starts[1:], period.end][: len(starts)]
