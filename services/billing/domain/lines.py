"""The lines of an invoice, each with the steps that a finance person can follow to its amount."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import assert_never

from billing.domain import wording
from billing.domain.invoice import ChargedPart, InvoiceLine, LineType
from billing.domain.plan_terms import BillingModel, Charge, PlanTerms
from billing.domain.subscription import Subscription
from billing.domain.usage import Usage, UsageAnswers, billed_periods
from kernel.money import Currency, Money, currency
from kernel.period import Period
from kernel.pricing import PriceList, Step, price
from kernel.proration import Proration, Segment, Share, prorate
from kernel.quantity import EXACT, round_half_away, total

_ONE = Decimal(1)
# Digits after the point of a share of time and its amount, where they have no end; the step "rounded" makes up for the
# rest, so that the steps add up exactly.
_SHOWN_PLACES = 12


def advance_lines(subscription: Subscription, terms: PlanTerms) -> tuple[InvoiceLine, ...]:
    """What the subscription's period costs at its start: fixed fees and commitments, in the plan's order."""
    return tuple(
        _advance_line(subscription, charge) for charge in terms.charges if charge.model is not BillingModel.USAGE_BASED
    )


def raise_lines(
    before: Subscription, after: Subscription, terms: PlanTerms, *, account: Sequence[InvoiceLine], at: datetime
) -> tuple[InvoiceLine, ...]:
    """What a raise costs for the rest of the period: one line for each raised commitment, in the plan's order.

    `account` holds all commitment lines of the current period, the oldest first; `at`, when it is raised, lies in the period and
    not before the last line's start.
    """
    return tuple(
        _raise_line(before, after, charge, account=[line for line in account if line.charge_id == charge.id], at=at)
        for charge in terms.of_model(BillingModel.PER_UNIT)
        if before.committed(charge.feature_id) != after.committed(charge.feature_id)
    )


def usage_lines(subscription: Subscription, terms: PlanTerms, answers: UsageAnswers) -> tuple[InvoiceLine, ...]:
    """What the usage of the subscription's period costs; usage of zero is shown as well."""
    return tuple(_usage_line(subscription, charge, answers) for charge in terms.of_model(BillingModel.USAGE_BASED))


def late_usage_lines(
    subscription: Subscription, terms: PlanTerms, answers: UsageAnswers, *, billed: Sequence[InvoiceLine]
) -> tuple[InvoiceLine, ...]:
    """What the usage of billed periods costs beyond what was charged for it; nothing where it did not change.

    `billed` holds all usage lines of those periods, the oldest first.
    """
    accounts: dict[tuple[int, str], list[InvoiceLine]] = defaultdict(list)
    for line in billed:
        accounts[line.period_number, line.charge_id].append(line)
    late = (
        _late_usage_line(subscription, charge, answers[number, charge.id], account=accounts[number, charge.id])
        for number in billed_periods(subscription)
        for charge in terms.of_model(BillingModel.USAGE_BASED)
    )
    return tuple(line for line in late if line is not None)


def _advance_line(subscription: Subscription, charge: Charge) -> InvoiceLine:
    span = wording.span(subscription.period, subscription.time_zone)
    match charge.model:
        case BillingModel.FLAT_FEE:
            kind, quantity, what = LineType.FLAT_FEE, _ONE, "fixed fee"
        case BillingModel.PER_UNIT:
            kind, quantity = LineType.COMMITMENT, subscription.committed(charge.feature_id).quantity
            what = f"{wording.counted(quantity, charge.unit)} committed"
        case BillingModel.USAGE_BASED:
            raise ValueError("usage is not charged in advance")
        case _:
            assert_never(charge.model)
    priced = price(_price_list(subscription, charge), quantity)
    steps = priced.steps
    if kind is LineType.FLAT_FEE:
        steps = (Step("fixed fee", _ONE, priced.amount, priced.amount),)
    return InvoiceLine(
        type=kind,
        charge_id=charge.id,
        feature_id=charge.feature_id,
        description=f"{charge.name}: {what}, {span}",
        quantity=quantity,
        period_number=subscription.period_number,
        period=subscription.period,
        amount=Money(priced.amount, _currency(subscription)).rounded(),
        derivation=steps,
    )


def _raise_line(
    before: Subscription, after: Subscription, charge: Charge, *, account: Sequence[InvoiceLine], at: datetime
) -> InvoiceLine:
    period = Period(at, after.period.end)
    old, new = before.committed(charge.feature_id).quantity, after.committed(charge.feature_id).quantity
    segments = [Segment(line.period.start, line.quantity) for line in account] + [Segment(at, new)]
    charged = Money.total((line.amount for line in account), _currency(after))
    proration = prorate(after.period, segments, price_list=_price_list(after, charge), charged=charged)
    span = wording.span(period, after.time_zone)
    return InvoiceLine(
        type=LineType.COMMITMENT_PRORATION,
        charge_id=charge.id,
        feature_id=charge.feature_id,
        description=f"{charge.name}: {wording.counted(new, charge.unit)} instead of {wording.grouped(old)}, {span}",
        quantity=new,
        period_number=after.period_number,
        period=period,
        amount=proration.line,
        derivation=tuple(_proration_steps(proration, charge, period=after.period, charged=charged)),
        previous_quantity=old,
        part=ChargedPart(period.microseconds, after.period.microseconds),
    )


def _proration_steps(proration: Proration, charge: Charge, *, period: Period, charged: Money) -> Iterator[Step]:
    """The due of the period so far, share by share, less what was charged: together exactly the line's amount."""
    shares = [_share_step(share, charge, period) for share in proration.shares if share.fraction]
    yield from shares
    yield from _settling_steps(total(step.amount for step in shares), proration.total, charged=charged)


def _share_step(share: Share, charge: Charge, period: Period) -> Step:
    whole = period.microseconds
    part = wording.part_of(int(share.fraction * whole), whole)
    quantity = wording.counted(share.segment.quantity, charge.unit)
    return Step(
        f"{quantity} for {part}: {wording.sum_of(share.priced)} a period",
        round_half_away(share.fraction, _SHOWN_PLACES),
        share.priced.amount,
        round_half_away(share.amount, _SHOWN_PLACES),
    )


def _settling_steps(exact: Decimal, rounded: Money, *, charged: Money) -> Iterator[Step]:
    difference = EXACT.subtract(rounded.amount, exact)
    if difference:
        unit = _ONE.scaleb(-rounded.currency.minor_digits)
        yield Step(f"rounded to {wording.grouped(unit)}", _ONE, difference, difference)
    if charged.amount:
        yield Step("already charged", _ONE, -charged.amount, -charged.amount)


def _usage_line(subscription: Subscription, charge: Charge, answers: UsageAnswers) -> InvoiceLine:
    usage = answers[subscription.period_number, charge.id]
    priced = price(_price_list(subscription, charge), usage.quantity)
    span = wording.span(subscription.period, subscription.time_zone)
    return InvoiceLine(
        type=LineType.USAGE,
        charge_id=charge.id,
        feature_id=charge.feature_id,
        description=f"{charge.name}: {wording.counted(usage.quantity, charge.unit)} used, {span}",
        quantity=usage.quantity,
        period_number=subscription.period_number,
        period=subscription.period,
        amount=Money(priced.amount, _currency(subscription)).rounded(),
        derivation=priced.steps,
        usage_revision=usage.revision,
    )


def _late_usage_line(
    subscription: Subscription, charge: Charge, usage: Usage, *, account: Sequence[InvoiceLine]
) -> InvoiceLine | None:
    last = account[-1]
    if usage.quantity == last.quantity:
        return None
    charged = Money.total((line.amount for line in account), _currency(subscription))
    priced = price(_price_list(subscription, charge), usage.quantity)
    due = Money(priced.amount, charged.currency).rounded()
    what = f"late usage, {wording.counted(usage.quantity, charge.unit)} instead of {wording.grouped(last.quantity)}"
    return InvoiceLine(
        type=LineType.LATE_USAGE,
        charge_id=charge.id,
        feature_id=charge.feature_id,
        description=f"{charge.name}: {what}, {wording.span(last.period, subscription.time_zone)}",
        quantity=usage.quantity,
        period_number=last.period_number,
        period=last.period,
        amount=due - charged,
        derivation=(*priced.steps, *_settling_steps(priced.amount, due, charged=charged)),
        previous_quantity=last.quantity,
        usage_revision=usage.revision,
    )


def _price_list(subscription: Subscription, charge: Charge) -> PriceList:
    return charge.prices[subscription.offer]


def _currency(subscription: Subscription) -> Currency:
    return currency(subscription.offer.currency)
