"""Terms of plans and subscriptions to them, in few words."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from billing.domain.commitment import Commitment
from billing.domain.customer import Customer
from billing.domain.invoice import InvoiceLine
from billing.domain.lifecycle import Agreement, Change, close_period, provision, raise_commitments
from billing.domain.plan_terms import BillingModel, Charge, Offer, PlanTerms, Unit
from billing.domain.usage import Usage, UsageAnswers, usage_questions
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
) -> Charge:
    """A charge that costs the same in every offer."""
    return Charge(
        id=feature_id or "fee",
        model=model,
        name=feature_id.capitalize() or "Airline",
        feature_id=feature_id,
        unit=Unit(feature_id.removesuffix("s") or "unit", feature_id or "units"),
        minimum=Decimal(minimum),
        maximum=None if maximum is None else Decimal(maximum),
        block_size=price_list.block_size if isinstance(price_list, Package) else None,
        prices=dict.fromkeys(offers, price_list),
    )


def committed(price_list: PriceList, **more: object) -> Charge:
    """A commitment."""
    return charge(BillingModel.PER_UNIT, price_list, **more)  # type: ignore[arg-type]  # the fields of `charge`.


def used(price_list: PriceList, feature_id: str = "departures") -> Charge:
    """Billed by usage."""
    return charge(BillingModel.USAGE_BASED, price_list, feature_id=feature_id)


def fee(amount: str) -> Charge:
    """A fixed fee."""
    return charge(BillingModel.FLAT_FEE, FlatRate(Decimal(amount)), feature_id="")


def plan(*charges: Charge) -> PlanTerms:
    """A plan; free without charges."""
    return PlanTerms("airline", 1, "airport", "Airline", not charges, charges)


def customer(now: datetime, currency: str = "USD") -> Customer:
    """A real-time customer without credit."""
    return Customer("UA", "United", "", currency, None, 1, now)


def agreement(
    quantities: Mapping[str, str] | None = None,
    *,
    time_zone: str = "America/New_York",
    billing_period: BillingPeriod = BillingPeriod.MONTHLY,
    currency: str | None = None,
) -> Agreement:
    """What UA asks for."""
    return Agreement("UA", "airline", billing_period, commitments(quantities or {}), time_zone, currency, "sub_1")


def commitments(quantities: Mapping[str, str]) -> tuple[Commitment, ...]:
    """Commitments by feature."""
    return tuple(Commitment(feature_id, Decimal(quantity)) for feature_id, quantity in quantities.items())


def provisioned(
    terms: PlanTerms,
    now: datetime,
    quantities: Mapping[str, str] | None = None,
    *,
    time_zone: str = "America/New_York",
    offer: Offer = USD_MONTHLY,
) -> Change:
    """UA's subscription to the plan, begun now."""
    asked = agreement(quantities, time_zone=time_zone, billing_period=offer.billing_period, currency=offer.currency)
    return provision(terms, asked, customer=customer(now), now=now, revision=1)


def raised(
    change: Change, terms: PlanTerms, at: datetime, quantities: Mapping[str, str], *, account: Sequence[InvoiceLine]
) -> Change:
    """The subscription with greater commitments."""
    return raise_commitments(change.subscription, terms, commitments(quantities), account=account, now=at, revision=2)


def answers(change: Change, terms: PlanTerms, *quantities: str) -> UsageAnswers:
    """The usage of the closing period, then of those billed before, the oldest first."""
    questions = usage_questions(change.subscription, terms)
    return {
        (question.period_number, question.charge_id): Usage(Decimal(quantity), 1)
        for question, quantity in zip(questions, quantities, strict=True)
    }


def closed(change: Change, terms: PlanTerms, *quantities: str, before: Sequence[InvoiceLine] = ()) -> Change:
    """The subscription in its next period; usage as for `answers`."""
    usage = answers(change, terms, *quantities)
    return close_period(change.subscription, terms, answers=usage, billed=before, revision=3)


def told(lines: Sequence[InvoiceLine]) -> list[tuple[str, str, str]]:
    """Lines as their types, quantities and amounts."""
    return [(line.type.value, str(line.quantity), str(line.amount.amount)) for line in lines]
