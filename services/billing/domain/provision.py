"""How a subscription begins: now, later, in the past, or with a trial."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from billing.domain.add_on import asked_add_ons, check_add_ons
from billing.domain.charging import Step
from billing.domain.commitment import Commitment, first_commitments
from billing.domain.coupon import Coupon, apply_coupons
from billing.domain.customer import Customer
from billing.domain.holding import HeldAddOn, Holding, charges_held
from billing.domain.invoice import InvoiceReason
from billing.domain.plan_terms import Charge, Offer, PlanTerms, TrialEnd, check_offer
from billing.domain.subscription import Subscription, SubscriptionState
from kernel.errors import FieldViolation, invalid, precondition
from kernel.money import currency
from kernel.period import BillingPeriod
from kernel.recurrence import Interval, Recurrence, zone

# The contract's bounds: ten years hold at most three leap days.
FARTHEST_START = timedelta(days=10 * 365 + 3)
LONGEST_TRIAL = timedelta(days=730)


@dataclass(frozen=True, slots=True)
class TrialAsked:
    """What overrules the plan's trial; no end: no trial."""

    end_time: datetime | None
    end: TrialEnd


@dataclass(frozen=True, slots=True)
class Agreement:
    """What a customer asks to subscribe to.

    Attributes:
        currency: None for the customer's.
        country: None for the customer's.
        subscription_id: The id it shall have.
        start_time: None for now.
        trial: None for what the plan says.
    """

    customer_id: str
    plan_id: str
    billing_period: BillingPeriod
    commitments: tuple[Commitment, ...]
    time_zone: str
    currency: str | None
    subscription_id: str
    add_ons: tuple[HeldAddOn, ...] = ()
    resource_id: str = ""
    start_time: datetime | None = None
    trial: TrialAsked | None = None
    coupon_ids: tuple[str, ...] = ()
    country: str | None = None


def provision(
    terms: PlanTerms,
    agreement: Agreement,
    *,
    customer: Customer,
    coupons: tuple[Coupon, ...],
    had_trial: bool,
    now: datetime,
    revision: int,
) -> Step:
    """A subscription that begins; what it charges at once is `charging.charge`'s to say.

    Raises:
        TollkeeperError: `PRICE_NOT_OFFERED`; `COMMITMENT_INVALID`; `ADD_ON_INVALID`; `RESOURCE_INVALID`; `TRIAL_USED`;
            `COUPON_NOT_APPLICABLE`; `INVALID_FIELD`.
    """
    _check_resource(terms, agreement.resource_id)
    code = currency(agreement.currency or customer.currency).code
    country = customer.country if agreement.country is None else agreement.country
    holding = _holding(terms, agreement, code, country)
    time_zone = zone(agreement.time_zone, "time_zone").key
    start = _start(agreement, now)
    trial_end, trial_end_behavior = _trial(terms, agreement, start=start, now=now, time_zone=time_zone, had=had_trial)
    periods = Recurrence(Interval.of(agreement.billing_period), trial_end or start, time_zone)
    number = periods.index_at(now) if start < now else 0
    period = periods.period(number)
    applied = apply_coupons((), coupons, at=max(now, start), currency_code=code, time_zone=time_zone, path="coupon_ids")
    subscription = Subscription(
        id=agreement.subscription_id,
        customer_id=customer.id,
        product_id=terms.product_id,
        resource_id=agreement.resource_id,
        test_clock_id=customer.test_clock_id,
        state=_state(start, trial_end, now),
        holding=holding,
        held_since=start,
        held_before=(),
        scheduled=None,
        currency=code,
        country=country,
        time_zone=time_zone,
        start_time=start,
        anchor_time=periods.anchor,
        anchor_number=0,
        period_number=number,
        period=period,
        # What lies before now is history; a period that begins just now is not.
        first_charged=number if period.start >= now else number + 1,
        trial_end=trial_end,
        trial_end_behavior=trial_end_behavior,
        cancel_time=None,
        cancel_prorate=False,
        end_time=None,
        coupons=applied,
        opens_unpaid=not customer.automatic or trial_end is not None or not _charges(terms, holding),
        pending=None,
        revision=revision,
        create_time=now,
    )
    return Step(None, subscription, now, InvoiceReason.PROVISION)


def _holding(terms: PlanTerms, agreement: Agreement, code: str, country: str) -> Holding:
    holding = Holding(
        plan_id=terms.plan_id,
        plan_version=terms.version,
        billing_period=agreement.billing_period,
        commitments=first_commitments(terms, agreement.commitments),
        add_ons=check_add_ons(terms, asked_add_ons(terms, agreement.add_ons)),
    )
    check_offer(terms, _charges(terms, holding), Offer(agreement.billing_period, code, country))
    return holding


def _charges(terms: PlanTerms, holding: Holding) -> list[Charge]:
    return [charge for _, charge in charges_held(holding, terms)]


def _state(start: datetime, trial_end: datetime | None, now: datetime) -> SubscriptionState:
    if start > now:
        return SubscriptionState.SCHEDULED
    return SubscriptionState.ACTIVE if trial_end is None else SubscriptionState.TRIALING


def _check_resource(terms: PlanTerms, resource_id: str) -> None:
    if terms.several == bool(resource_id):
        return
    message = (
        f"must name the resource: the product {terms.product_id} allows several subscriptions, each on one"
        if terms.several
        else f"must be left out: the product {terms.product_id} allows one subscription only"
    )
    raise invalid(FieldViolation("resource_id", message), reason="RESOURCE_INVALID")


def _start(agreement: Agreement, now: datetime) -> datetime:
    start = now if agreement.start_time is None else agreement.start_time
    if abs(start - now) > FARTHEST_START:
        raise invalid(FieldViolation("start_time", f"must be at most ten years away from {now.isoformat()}"))
    return start


def _trial(
    terms: PlanTerms, agreement: Agreement, *, start: datetime, now: datetime, time_zone: str, had: bool
) -> tuple[datetime | None, TrialEnd | None]:
    asked = agreement.trial
    if asked is not None and asked.end_time is not None:
        if not max(start, now) < asked.end_time <= start + LONGEST_TRIAL:
            message = f"must be after {max(start, now).isoformat()}, and at most 730 days after the start"
            raise invalid(FieldViolation("trial.end_time", message))
        if start < now:
            message = "must be left out: what began in the past has no trial"
            raise invalid(FieldViolation("trial.end_time", message))
        if had:
            raise precondition(
                "TRIAL_USED",
                f"The customer {agreement.customer_id} had a trial of {terms.product_id} before.",
                customer_id=agreement.customer_id,
                product_id=terms.product_id,
            ).at("trial")
        return asked.end_time, asked.end
    if asked is not None or terms.trial is None or had or start < now:
        return None, None
    # Days of local time, so that a clock change moves no end.
    days = Recurrence(Interval.DAY, start, time_zone)
    return days.period(terms.trial.days).start, terms.trial.end
