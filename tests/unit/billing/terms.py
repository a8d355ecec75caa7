"""Terms of plans, and what customers ask for, in few words."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from billing.domain.commitment import Commitment
from billing.domain.coupon import Coupon, Duration
from billing.domain.customer import Customer
from billing.domain.holding import HeldAddOn
from billing.domain.invoice import InvoiceLine
from billing.domain.plan_terms import AddOnTerms, BillingModel, Charge, Offer, PlanTerms, TrialTerms, Unit
from billing.domain.provision import Agreement
from kernel.money import Money, currency
from kernel.period import BillingPeriod
from kernel.pricing import FlatRate, Graduated, Package, PriceList, StairStep, StairStepTier, Tier, Volume

USD_MONTHLY = Offer(BillingPeriod.MONTHLY, "USD")


def tiers(*fees: str) -> tuple[Tier, ...]:
    """The documents' tiers: 1–5 at $20, 6–10 at $15, 11 and above at $10; with or without their flat fees."""
    first, second, third = (Decimal(fee) for fee in fees or ("0", "0", "0"))
    return (
        Tier(Decimal(5), Decimal(20), first),
        Tier(Decimal(10), Decimal(15), second),
        Tier(None, Decimal(10), third),
    )


GRADUATED = Graduated(tiers())
GRADUATED_WITH_FEES = Graduated(tiers("10", "8", "5"))
VOLUME = Volume(tiers())
VOLUME_WITH_FEES = Volume(tiers("10", "8", "5"))
PACKAGE = Package(Decimal(25), Decimal(5))
STAIR_STEP = StairStep(
    (
        StairStepTier(Decimal(5), Decimal(100)),
        StairStepTier(Decimal(10), Decimal(150)),
        StairStepTier(None, Decimal(200)),
    )
)


def charge(
    model: BillingModel,
    price_list: PriceList,
    *,
    feature_id: str = "gates",
    minimum: str = "1",
    maximum: str | None = None,
    offers: Sequence[Offer] = (USD_MONTHLY,),
    prices: Mapping[Offer, PriceList] | None = None,
) -> Charge:
    """A charge that costs the same in every offer, unless `prices` says what it costs in each."""
    return Charge(
        id=feature_id or "fee",
        model=model,
        name=feature_id.capitalize() or "Airline",
        feature_id=feature_id,
        unit=Unit(feature_id.removesuffix("s") or "unit", feature_id or "units"),
        minimum=Decimal(minimum),
        maximum=None if maximum is None else Decimal(maximum),
        block_size=price_list.block_size if isinstance(price_list, Package) else None,
        prices=prices or dict.fromkeys(offers, price_list),
    )


def committed(price_list: PriceList, **more: Any) -> Charge:
    """A commitment."""
    return charge(BillingModel.PER_UNIT, price_list, **more)


def used(price_list: PriceList, feature_id: str = "departures", **more: Any) -> Charge:
    """Billed by usage."""
    return charge(BillingModel.USAGE_BASED, price_list, feature_id=feature_id, **more)


def fee(amount: str, **more: Any) -> Charge:
    """A fixed fee."""
    return charge(BillingModel.FLAT_FEE, FlatRate(Decimal(amount)), feature_id="", **more)


def add_on(name: str, *charges: Charge, maximum: int = 10, required: Sequence[str] = ()) -> AddOnTerms:
    """An add-on; with a fee of 3 a period unless charges are given."""
    return AddOnTerms(name, name.capitalize(), charges or (fee("3"),), maximum, tuple(required))


def plan(
    *charges: Charge,
    plan_id: str = "airline",
    version: int = 1,
    product_id: str = "airport",
    add_ons: Iterable[AddOnTerms] = (),
    trial: TrialTerms | None = None,
    several: bool = False,
) -> PlanTerms:
    """A plan version; free without charges."""
    compatible = {one.id: one for one in add_ons}
    name = plan_id.capitalize()
    return PlanTerms(plan_id, version, product_id, name, not charges, charges, compatible, trial, several)


def customer(now: datetime, currency: str = "USD", country: str = "") -> Customer:
    """A real-time customer without credit."""
    return Customer("UA", "United", "", currency, None, 1, now, country=country)


def agreement(quantities: Mapping[str, str] | None = None, **more: Any) -> Agreement:
    """What UA asks for: the airline by the month, in New York's time, unless `more` says otherwise."""
    fields: dict[str, Any] = {
        "customer_id": "UA",
        "plan_id": "airline",
        "billing_period": BillingPeriod.MONTHLY,
        "commitments": commitments(quantities or {}),
        "time_zone": "America/New_York",
        "currency": None,
        "subscription_id": "sub_1",
    }
    return Agreement(**(fields | more))


def commitments(quantities: Mapping[str, str]) -> tuple[Commitment, ...]:
    """Commitments by feature."""
    return tuple(Commitment(feature_id, Decimal(quantity)) for feature_id, quantity in quantities.items())


def add_ons(quantities: Mapping[str, int]) -> tuple[HeldAddOn, ...]:
    """Add-ons by id."""
    return tuple(HeldAddOn(add_on_id, quantity) for add_on_id, quantity in quantities.items())


def percent_off(percent: str, duration: Duration = Duration.FOREVER, *, months: int = 0, id: str = "") -> Coupon:
    """A coupon that takes a percentage off."""
    return Coupon(id or f"percent-{percent}", f"Less {percent}", Decimal(percent), (), duration, months)


def amount_off(
    amount: str, duration: Duration = Duration.FOREVER, *, months: int = 0, unit: str = "USD", id: str = ""
) -> Coupon:
    """A coupon that takes a fixed amount off."""
    money = Money(Decimal(amount), currency(unit))
    return Coupon(id or f"amount-{amount}", f"Less {amount}", None, (money,), duration, months)


def told(lines: Sequence[InvoiceLine]) -> list[tuple[str, str, str]]:
    """Lines as their types, quantities and amounts."""
    return [(line.type.value, str(line.quantity), str(line.amount.amount)) for line in lines]
