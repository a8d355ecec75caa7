"""What a plan version would mean for subscriptions that hold another one: their price per period, before and after."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from billing.domain.holding import Holding, charges_held, items
from billing.domain.moving import moved
from billing.domain.plan_terms import Offer, PlanTerms, Terms
from kernel.errors import TollkeeperError
from kernel.money import Money, currency
from kernel.period import BillingPeriod
from kernel.pricing import price
from kernel.quantity import EXACT


@dataclass(frozen=True, slots=True)
class Group:
    """Subscriptions that hold the same, for the same price."""

    holding: Holding
    offer: Offer
    number: int


@dataclass(frozen=True, slots=True)
class Effect:
    """What the subscriptions of one version, billing period and currency cost in advance per period, all together.

    Attributes:
        not_offered: How many of them have no price in the new version, or cannot hold what it demands; they are in neither
            amount.
    """

    plan_version: int
    billing_period: BillingPeriod
    subscriptions: int
    current: Money
    new: Money
    not_offered: int


@dataclass(frozen=True, slots=True)
class PlanVersionPreview:
    """How many live subscriptions the plan has, and what the version would mean for those of each kind."""

    live_subscriptions: int
    effects: tuple[Effect, ...]


def effects(groups: Iterable[Group], *, terms: Terms, new: PlanTerms) -> list[Effect]:
    """One effect for each (version, billing period, currency), in that order."""
    found: dict[tuple[int, int, str], list[Group]] = {}
    order = list(BillingPeriod)
    for group in groups:
        key = (group.holding.plan_version, order.index(group.offer.billing_period), group.offer.currency)
        found.setdefault(key, []).append(group)
    return [_effect(found[key], terms=terms, new=new) for key in sorted(found)]


def _effect(groups: Sequence[Group], *, terms: Terms, new: PlanTerms) -> Effect:
    first = groups[0]
    current = changed = Money.zero(currency(first.offer.currency))
    missing = 0
    for group in groups:
        after = _after(group, new)
        if after is None:
            missing += group.number
            continue
        current += _cost(group.holding, terms[group.holding.plan_key], group)
        changed += _cost(after, new, group)
    return Effect(
        plan_version=first.holding.plan_version,
        billing_period=first.offer.billing_period,
        subscriptions=sum(group.number for group in groups),
        current=current,
        new=changed,
        not_offered=missing,
    )


def _after(group: Group, new: PlanTerms) -> Holding | None:
    """As migrating would leave it; None where it could not."""
    try:
        after = moved(group.holding, new)
    except TollkeeperError:
        return None
    offered = all(charge.price_list(group.offer) is not None for _, charge in charges_held(after, new))
    return after if offered else None


def _cost(holding: Holding, terms: PlanTerms, group: Group) -> Money:
    unit = currency(group.offer.currency)
    each = [
        Money(price(item.price_list, item.quantity).amount, unit)
        for item in items(holding, terms, group.offer).values()
    ]
    one = Money.total((money.rounded() for money in each), unit)
    return Money(EXACT.multiply(one.amount, Decimal(group.number)), unit)
