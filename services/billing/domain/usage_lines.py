"""Lines for usage: of the period that ended, of the part of it in which a charge was held, and what arrived late."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from billing.domain import wording
from billing.domain.advance_lines import settling_steps
from billing.domain.holding import UsageItem, usage_items
from billing.domain.invoice import USAGE_TYPES, InvoiceLine, LineType, Source
from billing.domain.plan_terms import BillingModel, Offer, Terms
from billing.domain.subscription import Subscription
from billing.domain.usage import Usage, UsageAnswers, UsageKey, latest
from kernel.money import Money, currency
from kernel.period import Period
from kernel.pricing import price

_Accounts = dict[UsageKey, list[InvoiceLine]]


def usage_lines(
    subscription: Subscription,
    *,
    kept: Iterable[str],
    at: datetime,
    terms: Terms,
    account: Sequence[InvoiceLine],
    answers: UsageAnswers,
) -> tuple[InvoiceLine, ...]:
    """What the usage of the subscription's period up to the instant costs, of every charge but those of the features kept.

    Usage of zero is shown as well. What the period was charged for a feature before, by a charge that ended, is taken off.
    """
    charged = usage_items(subscription.holding, terms[subscription.holding.plan_key], subscription.offer)
    accounts = _accounts(account)
    end = min(max(at, subscription.period.start), subscription.period.end)
    span, number = Period(subscription.period.start, end), subscription.period_number
    if span.start == span.end:
        # A period that ends as it begins has no usage to show.
        return ()
    found = (
        _line(
            subscription,
            item,
            answers[number, feature_id],
            offer=subscription.offer,
            number=number,
            period=span,
            account=accounts[number, feature_id],
            late=False,
        )
        for feature_id, item in charged.items()
        if feature_id not in kept
    )
    return tuple(line for line in found if line is not None)


def late_usage_lines(
    subscription: Subscription, *, terms: Terms, account: Sequence[InvoiceLine], answers: UsageAnswers
) -> tuple[InvoiceLine, ...]:
    """What the usage of billed periods costs beyond what was charged for it; nothing where it did not change, or where that cannot
    be told any more: what was charged stands.

    Each is priced as when its period was closed.
    """
    accounts = _accounts(account)
    charged = usage_items(subscription.holding, terms[subscription.holding.plan_key], subscription.offer)
    found = []
    for last in latest(account, subscription.period_number, charged):
        usage = answers[last.period_number, last.feature_id]
        if usage.incomplete or usage.quantity == last.quantity:
            continue
        item, offer = _sold(subscription, last, terms)
        key = (last.period_number, last.feature_id)
        line = _line(
            subscription,
            item,
            usage,
            offer=offer,
            number=last.period_number,
            period=last.period,
            account=accounts[key],
            late=True,
        )
        if line is not None:
            found.append(line)
    return tuple(found)


def _sold(subscription: Subscription, line: InvoiceLine, terms: Terms) -> tuple[UsageItem, Offer]:
    source = line.source
    if source is None:
        raise ValueError("a usage line has a source")
    key = (source.plan_id, source.plan_version)
    offer = Offer(source.billing_period, subscription.currency, subscription.country)
    plan = terms[key]
    charges = plan.charges if source.id == plan.plan_id else plan.add_ons[source.id].charges
    charge = next(one for one in charges if one.id == line.charge_id and one.model is BillingModel.USAGE_BASED)
    price_list = charge.price_list(offer)
    if price_list is None:
        raise LookupError(f"the charge {charge.id} has no price {offer}")
    return UsageItem(source.id, charge, price_list, key), offer


def _accounts(lines: Sequence[InvoiceLine]) -> _Accounts:
    accounts: _Accounts = defaultdict(list)
    for line in lines:
        if line.type in USAGE_TYPES:
            accounts[line.period_number, line.feature_id].append(line)
    return accounts


def _line(
    subscription: Subscription,
    item: UsageItem,
    usage: Usage,
    *,
    offer: Offer,
    number: int,
    period: Period,
    account: Sequence[InvoiceLine],
    late: bool,
) -> InvoiceLine | None:
    charge, unit = item.charge, currency(subscription.currency)
    priced = price(item.price_list, usage.quantity)
    due = Money(priced.amount, unit).rounded()
    charged = Money.total((line.subtotal for line in account), unit)
    last = account[-1].quantity if account else None
    if last is not None and last == usage.quantity and due == charged:
        return None
    counted = wording.counted(usage.quantity, charge.unit)
    what = f"{counted} used"
    if last is not None:
        before = wording.grouped(last)
        what = f"late usage, {counted} instead of {before}" if late else f"{what}, of which {before} are charged"
    steps = priced.steps if last is None else (*priced.steps, *settling_steps(priced.amount, due, charged=charged))
    return InvoiceLine(
        type=LineType.LATE_USAGE if late else LineType.USAGE,
        source=Source(item.source_id, *item.plan_key, offer.billing_period),
        charge_id=charge.id,
        feature_id=charge.feature_id,
        description=f"{charge.name}: {what}, {wording.span(period, subscription.time_zone)}",
        quantity=usage.quantity,
        period_number=number,
        period=period,
        subtotal=due - charged,
        derivation=steps,
        previous_quantity=last,
        usage_revision=usage.revision,
    )
