"""Random plans and random lives: what customers do to a subscription, told to the service's domain and to the book alike."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from hypothesis import strategies as st

from billing.domain.cancel import CancelTiming
from billing.domain.coupon import Coupon, Duration
from billing.domain.plan_terms import Offer, PlanTerms, TrialEnd
from billing.domain.provision import TrialAsked
from billing.domain.subscription import Subscription
from billing.domain.update import Timing
from kernel.errors import TollkeeperError
from kernel.money import currency
from kernel.period import BillingPeriod
from kernel.pricing import FlatRate, Graduated, Package, PriceList, StairStep, StairStepTier, Tier, Volume
from kernel.quantity import format_decimal
from tests.properties.billing.arithmetic import MONTHS, Price
from tests.properties.billing.book import Asked, Book
from tests.properties.billing.sold import Holds, Plan, Sold, holds
from tests.unit.billing.story import Story
from tests.unit.billing.terms import add_on, add_ons, amount_off, committed, fee, percent_off, plan, used

ZONES = ("UTC", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Africa/Casablanca")
CURRENCIES = ("USD", "JPY", "KWD")
MICROSECOND = timedelta(microseconds=1)

_amounts = st.one_of(st.integers(0, 400).map(Fraction), st.integers(0, 4_000_000).map(lambda n: Fraction(n, 10_000)))
_quantities = st.one_of(st.integers(1, 40).map(Fraction), st.integers(2, 80).map(lambda n: Fraction(n, 2)))
# Around the end of months, leap days and the clock changes of the zones above.
_starts = st.one_of(
    st.datetimes(datetime(2019, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - the zone is given.
    st.sampled_from([datetime(2024, 1, 31, tzinfo=UTC), datetime(2024, 2, 29, 5, tzinfo=UTC)]),
    st.sampled_from([datetime(2026, 2, 8, 7, 30, tzinfo=UTC), datetime(2026, 10, 31, 23, tzinfo=UTC)]),
)


@st.composite
def prices(draw: st.DrawFn) -> dict[str, Price]:
    """What something costs in each billing period: one model, with the same tiers or blocks."""
    model = draw(st.sampled_from(["FLAT_RATE", "PACKAGE", "GRADUATED", "VOLUME", "STAIR_STEP"]))
    block = draw(st.integers(1, 12)) if model == "PACKAGE" else 1
    ends = [Fraction(end) for end in sorted(draw(st.sets(st.integers(1, 40), max_size=2)))]
    found = {}
    for billing in MONTHS:
        tiers = tuple((end, draw(_amounts), draw(_amounts)) for end in [*ends, None])
        found[billing] = Price(model, draw(_amounts), block, tiers)
    return found


@st.composite
def plans(draw: st.DrawFn, name: str, version: int, extras: Sequence[str]) -> Plan:
    """A plan version with a fee, commitments to gates, the add-ons, and perhaps usage of departures."""
    each = {billing: draw(_amounts) for billing in MONTHS}
    least, most = draw(st.sampled_from([(1, None), (1, 40), (3, 60)]))
    sold = Sold(draw(prices()), Fraction(least), None if most is None else Fraction(most))
    if not sold.takes(sold.least):
        sold = Sold(sold.prices, sold.least, None)
    add_on_fees = {extra: {billing: draw(_amounts) for billing in MONTHS} for extra in extras}
    usage = draw(prices()) if draw(st.booleans()) else {}
    return Plan(name, version, each, {"gates": sold}, usage, add_on_fees)


def terms(sold: Plan, unit: str) -> PlanTerms:
    """A plan as the service reads it."""
    offers = {billing: Offer(BillingPeriod(billing), unit) for billing in MONTHS}
    gates = sold.commitments["gates"]
    listed = {offers[billing]: _price_list(price) for billing, price in gates.prices.items()}
    charges = [
        fee("0", prices={offers[billing]: FlatRate(_decimal(amount)) for billing, amount in sold.fees.items()}),
        committed(
            next(iter(listed.values())),
            prices=listed,
            minimum=str(gates.least),
            maximum=None if gates.most is None else str(gates.most),
        ),
    ]
    if sold.usage:
        listed = {offers[billing]: _price_list(price) for billing, price in sold.usage.items()}
        charges.append(used(FlatRate(Decimal(0)), prices=listed))
    extras = [
        add_on(name, fee("0", prices={offers[billing]: FlatRate(_decimal(n)) for billing, n in amounts.items()}))
        for name, amounts in sold.add_ons.items()
    ]
    return plan(*charges, plan_id=sold.id, version=sold.version, add_ons=extras)


def _price_list(price: Price) -> PriceList:
    tiers = tuple(
        Tier(None if end is None else _decimal(end), _decimal(each), _decimal(fee)) for end, each, fee in price.tiers
    )
    match price.model:
        case "FLAT_RATE":
            return FlatRate(_decimal(price.unit))
        case "PACKAGE":
            return Package(Decimal(price.block), _decimal(price.unit))
        case "GRADUATED":
            return Graduated(tiers)
        case "VOLUME":
            return Volume(tiers)
    return StairStep(tuple(StairStepTier(tier.up_to, tier.unit_price) for tier in tiers))


def _decimal(value: Fraction) -> Decimal:
    return Decimal(int(value * 10_000)).scaleb(-4)


class Life:
    """One random life: every step is told to the service and to the book, at the same time."""

    def __init__(self, data: st.DataObject) -> None:
        self.data = data
        self.unit = data.draw(st.sampled_from(CURRENCIES))
        self.digits = currency(self.unit).minor_digits
        self.zone = data.draw(st.sampled_from(ZONES))
        self.sold = [
            data.draw(plans("basic", 1, ("lounge", "wifi"))),
            data.draw(plans("basic", 2, ("lounge", "wifi"))),
            data.draw(plans("pro", 1, ("lounge",))),
        ]
        self.now: datetime = data.draw(_starts)
        self.story = Story(*(terms(one, self.unit) for one in (self.sold[0], self.sold[2])))
        self.book = self._begin()
        self.book.newest = {"basic": self.sold[0], "pro": self.sold[2]}
        self.coupons = 0

    @property
    def subscription(self) -> Subscription:
        """As the service holds it."""
        return self.story.subscription

    def _begin(self) -> Book:
        draw = self.data.draw
        days = timedelta(days=draw(st.integers(1, 40)), seconds=draw(st.integers(0, 86_399)))
        how = draw(st.sampled_from(["now", "now", "trial", "later", "later on trial", "before"]))
        start = {"l": self.now + days, "b": self.now - days}.get(how[0], self.now)
        trial_end = start + days if "trial" in how else None
        billing = draw(st.sampled_from(sorted(MONTHS)))
        held = self._held(billing)
        self.story.provision(
            self.now,
            {feature: format_decimal(_decimal(quantity)) for feature, quantity in held.commitments.items()},
            plan_id="basic",
            billing_period=BillingPeriod(billing),
            currency=self.unit,
            time_zone=self.zone,
            start_time=start,
            add_ons=add_ons(held.add_ons),
            trial=TrialAsked(trial_end, TrialEnd.CONVERT),
            coupons=self._coupons(),
        )
        return Book(held, self.now, start=start, trial_end=trial_end, zone=self.zone)

    def _held(self, billing: str) -> Holds:
        quantity = self._quantity(self.sold[0])
        return holds(self.sold[0], billing, {"gates": quantity}, self._extras(self.sold[0]))

    def _quantity(self, of: Plan) -> Fraction:
        return self.data.draw(_quantities.filter(of.commitments["gates"].takes))

    def _extras(self, of: Plan) -> dict[str, int]:
        return self.data.draw(st.dictionaries(st.sampled_from(sorted(of.add_ons)), st.integers(0, 3), max_size=2))

    def _coupons(self) -> list[Coupon]:
        """None, or one of any kind and duration."""
        if not self.data.draw(st.booleans()):
            return []
        duration = self.data.draw(st.sampled_from(Duration))
        percent = self.data.draw(st.sampled_from(["0", "12.5", "33", "100"]))
        name, months = f"coupon-{len(self.story.changes)}", self.data.draw(st.integers(1, 3))
        if percent == "0":
            return [amount_off("50", duration, months=months, unit=self.unit, id=name)]
        return [percent_off(percent, duration, months=months, id=name)]

    def step(self) -> None:
        """Something happens, at some time."""
        self.now = self._moment()
        what = self.data.draw(
            st.sampled_from(["parts", "parts", "plan", "period", "version", "end", "use", "use", "wait"])
        )
        self.story.advance(self.now)
        self.book.advance(self.now, self.digits)
        if not self.subscription.live:
            return
        if what == "use":
            when = self.now - timedelta(days=self.data.draw(st.sampled_from([0, 0, 1, 35])))
            quantity = self.data.draw(_quantities)
            self.story.use(when, format_decimal(_decimal(quantity)))
            self.book.usage.append((when, quantity))
        elif what == "end":
            self._end()
        elif what != "wait":
            self._update(what)

    def _moment(self) -> datetime:
        boundary = self.subscription.boundary
        kind = self.data.draw(st.sampled_from(["same", "boundary", "before", "after", "some", "some"]))
        if kind == "same":
            return self.now
        if kind == "some" or boundary is None:
            days = self.data.draw(st.integers(0, 45))
            return self.now + timedelta(days=days, microseconds=self.data.draw(st.integers(0, 86_399_999_999)))
        beside = {"boundary": timedelta(0), "before": -MICROSECOND, "after": MICROSECOND}[kind]
        return max(self.now, boundary + beside)

    def _update(self, what: str) -> None:
        draw = self.data.draw
        asked = Asked(timing=draw(st.sampled_from(["AUTOMATIC", "AUTOMATIC", "NOW", "PERIOD_END"])))
        if what == "version":
            self.story.publish(terms(self.sold[1], self.unit))
            self.book.newest["basic"] = self.sold[1]
            asked.latest = True
        elif what == "plan":
            asked.plan = draw(st.sampled_from(["basic", "pro"]))
        elif what == "period":
            asked.billing = draw(st.sampled_from(sorted(MONTHS)))
        held = self.book.holding.plan
        to = held if asked.plan in {"", held.id} and not asked.latest else self.book.newest[asked.plan or held.id]
        if what == "parts" or draw(st.booleans()):
            asked.commitments = {"gates": self._quantity(to)}
        if what == "parts" or draw(st.booleans()):
            asked.add_ons = self._extras(to)
        asked.end_trial = self.book.state == "TRIALING" and draw(st.booleans())
        if self._told(asked):
            self.book.update(self.now, asked, self.digits)

    def _told(self, asked: Asked) -> bool:
        """Whether the service did it. It may refuse what a scheduled end comes before, and what a scheduled plan cannot hold."""
        draw = self.data.draw
        removed = [one.coupon.id for one in self.subscription.coupons if draw(st.booleans())]
        try:
            self.story.update(
                self.now,
                {feature: format_decimal(_decimal(quantity)) for feature, quantity in asked.commitments.items()},
                plan_id=asked.plan,
                latest_version=asked.latest,
                billing_period=BillingPeriod(asked.billing) if asked.billing else None,
                extras=asked.add_ons,
                timing=Timing(asked.timing),
                end_trial=asked.end_trial,
                coupons=self._coupons(),
                without=removed,
            )
        except TollkeeperError as refusal:
            if not self._may_refuse(refusal.reason):
                raise
            return False
        return True

    def _may_refuse(self, reason: str) -> bool:
        held = self.subscription
        if reason == "SUBSCRIPTION_ENDED":
            return held.cancel_time is not None
        other = held.scheduled is not None and held.scheduled.plan_key != held.holding.plan_key
        return reason in {"COMMITMENT_INVALID", "ADD_ON_INVALID"} and other

    def _end(self) -> None:
        draw = self.data.draw
        if self.subscription.cancel_time is not None and draw(st.booleans()):
            self.story.resume(self.now)
            self.book.resume()
            return
        timing = draw(st.sampled_from(["PERIOD_END", "PERIOD_END", "AT_TIME", "NOW"]))
        when = self.now + timedelta(days=draw(st.integers(1, 60))) if timing == "AT_TIME" else None
        prorate = draw(st.booleans())
        self.story.cancel(self.now, CancelTiming(timing), at=when, prorate=prorate)
        self.book.cancel(self.now, timing, when, self.digits, prorate=prorate)
