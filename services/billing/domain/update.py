"""Changes of what a subscription holds: which part of a request happens now, and which at the end of the period."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from billing.domain.add_on import asked_add_ons, check_add_ons, kept_add_ons
from billing.domain.charging import Step
from billing.domain.commitment import Commitment, asked_commitments, first_commitments, in_order, kept_commitments
from billing.domain.coupon import Coupon, apply_coupons, remove_coupons
from billing.domain.holding import HeldAddOn, Holding, charges_held, price_per_month, quantities
from billing.domain.invoice import InvoiceReason
from billing.domain.moving import moved, with_what_they_require
from billing.domain.plan_terms import PlanTerms, Terms, check_offer
from billing.domain.subscription import Subscription, SubscriptionState, check_changeable
from kernel.errors import precondition
from kernel.period import BillingPeriod


class Timing(StrEnum):
    """When a change happens; `AUTOMATIC`: now where it makes dearer or as dear, else at the end of the period."""

    AUTOMATIC = "AUTOMATIC"
    NOW = "NOW"
    PERIOD_END = "PERIOD_END"


@dataclass(frozen=True, slots=True)
class Update:
    """What a caller asks for.

    Attributes:
        plan_id: Empty: the same plan.
        latest_version: Take the plan's newest version, whatever plan it is.
        billing_period: None: the same.
        commitments: New total quantities.
        add_ons: New total quantities; 0 takes one away.
        etag: Of the subscription as the caller knows it; empty: whatever it is.
    """

    subscription_id: str
    plan_id: str = ""
    latest_version: bool = False
    billing_period: BillingPeriod | None = None
    commitments: tuple[Commitment, ...] = ()
    add_ons: tuple[HeldAddOn, ...] = ()
    timing: Timing = Timing.AUTOMATIC
    apply_coupon_ids: tuple[str, ...] = ()
    remove_coupon_ids: tuple[str, ...] = ()
    etag: str = ""

    @property
    def names_plan(self) -> bool:
        """Whether it is about the plan or the billing period, with everything that comes with them."""
        return bool(self.plan_id) or self.latest_version or self.billing_period is not None


@dataclass(frozen=True, slots=True)
class _Plans:
    """What is held now and from the end of the period on."""

    now: Holding
    next: Holding


def update(
    subscription: Subscription,
    asked: Update,
    *,
    terms: Terms,
    newest: PlanTerms | None,
    coupons: tuple[Coupon, ...],
    now: datetime,
    revision: int,
) -> Step:
    """The subscription as asked for; itself where all is so.

    Args:
        subscription: Up to date: due boundaries go first. A clock that lags behind its last change counts as that time.
        asked: What is asked for.
        terms: Of the subscription's plan versions.
        newest: The newest version of the plan that is asked for, where `asked` takes it.
        coupons: Those to apply.
        now: When.
        revision: Of the change.

    Raises:
        TollkeeperError: As the contract says.
    """
    check_changeable(subscription, asked.etag)
    _check_payable(subscription)
    if newest is not None and newest.product_id != subscription.product_id:
        raise precondition(
            "PRODUCT_MISMATCH",
            f"The plan {newest.plan_id} belongs to {newest.product_id}, not to {subscription.product_id}.",
            plan_id=newest.plan_id,
        )
    known = dict(terms) if newest is None else {**terms, newest.key: newest}
    at = max(now, subscription.held_since) if subscription.charging else now
    if _is_other_plan(subscription, asked, newest):
        plans = _other_plan(subscription, asked, terms=known, newest=newest)
    else:
        plans = _other_parts(_without_other_plan(subscription, asked), asked, known)
    changed = _take_up(subscription, plans, at)
    _check_outlives(subscription, changed)
    changed = _with_coupons(changed, asked, coupons, at)
    restarts = changed.period_number != subscription.period_number
    reason = InvoiceReason.CHANGE if asked.names_plan or asked.add_ons else InvoiceReason.COMMITMENT
    if changed == subscription:
        return Step(subscription, subscription, at, reason)
    return Step(subscription, replace(changed, revision=revision), at, reason, credit_unused=restarts)


def _check_outlives(before: Subscription, after: Subscription) -> None:
    """Refuses what a scheduled end would come before, or make a waste of."""
    restarts = after.period_number != before.period_number
    later = after.holding == before.holding and after.scheduled not in {None, before.scheduled}
    end = before.cancel_time
    if end is not None and (restarts or (later and end <= before.scheduled_time)):
        raise precondition(
            "SUBSCRIPTION_ENDED",
            f"The subscription {before.id} ends at {end.isoformat()}, before the change would count: resume it first.",
            subscription_id=before.id,
        )


def _check_payable(subscription: Subscription) -> None:
    if subscription.state is SubscriptionState.PENDING_PAYMENT:
        raise precondition(
            "CHANGE_PENDING",
            f"The first payment of the subscription {subscription.id} has not come: pay or void its invoice first.",
            subscription_id=subscription.id,
        )


def _is_other_plan(subscription: Subscription, asked: Update, newest: PlanTerms | None) -> bool:
    held = subscription.holding
    other_version = newest is not None and newest.key != held.plan_key
    return other_version or asked.billing_period not in {None, held.billing_period}


def _without_other_plan(subscription: Subscription, asked: Update) -> Subscription:
    """The subscription; where the plan or billing period that it has is asked for, another one is scheduled no more."""
    held, following = subscription.holding, subscription.scheduled
    if following is None or not (asked.plan_id or asked.billing_period is not None):
        return subscription
    same = (following.plan_id, following.billing_period) == (held.plan_id, held.billing_period)
    return subscription if same else replace(subscription, scheduled=None)


def _other_plan(subscription: Subscription, asked: Update, *, terms: Terms, newest: PlanTerms | None) -> _Plans:
    held, following = subscription.holding, subscription.scheduled or subscription.holding
    plan = newest if newest is not None else terms[held.plan_key]
    wanted = _moved(subscription, held, plan, asked)
    if asked.plan_id or asked.billing_period is not None:
        after = wanted
    else:
        # A newer version alone leaves what else is scheduled as it is.
        after = _moved(subscription, following, plan, asked) if following.plan_id == plan.plan_id else following
    if wanted == held or not _happens_now(subscription, asked.timing, wanted, terms):
        return _Plans(held, after)
    return _Plans(wanted, after)


def _moved(subscription: Subscription, held: Holding, plan: PlanTerms, asked: Update) -> Holding:
    wanted = moved(
        held, plan, commitments=asked.commitments, add_ons=asked.add_ons, billing_period=asked.billing_period
    )
    _check_sold(subscription, wanted, plan)
    return wanted


def _check_sold(subscription: Subscription, holding: Holding, plan: PlanTerms) -> None:
    check_offer(plan, [charge for _, charge in charges_held(holding, plan)], subscription.offer_of(holding))


def _happens_now(subscription: Subscription, timing: Timing, wanted: Holding, terms: Terms) -> bool:
    if subscription.state is SubscriptionState.SCHEDULED or timing is Timing.NOW:
        return True
    if timing is Timing.PERIOD_END:
        return False
    prices = [
        price_per_month(holding, terms[holding.plan_key], subscription.offer_of(holding))
        for holding in (subscription.holding, wanted)
    ]
    return prices[1] >= prices[0]


def _other_parts(subscription: Subscription, asked: Update, terms: Terms) -> _Plans:
    """Each commitment and add-on goes its own way: up now, down at the end of the period."""
    held, following = subscription.holding, subscription.scheduled or subscription.holding
    plan, next_plan = terms[held.plan_key], terms[following.plan_key]
    now_c, next_c = dict(quantities(held)), dict(quantities(following))
    now_a, next_a = _numbers(held), _numbers(following)
    for feature_id, quantity in asked_commitments(plan, asked.commitments).items():
        if _part_now(subscription, asked.timing, rises=quantity >= now_c[feature_id]):
            now_c[feature_id] = quantity
            next_c = _with_commitment(next_c, next_plan, Commitment(feature_id, quantity))
        elif feature_id in next_c or quantity > now_c[feature_id]:
            next_c[feature_id] = quantity
    for add_on_id, number in asked_add_ons(plan, asked.add_ons).items():
        held_now = now_a.get(add_on_id, 0)
        if _part_now(subscription, asked.timing, rises=number >= held_now):
            now_a[add_on_id] = number
            next_a = {**next_a, add_on_id: 0} | kept_add_ons(next_plan, [HeldAddOn(add_on_id, number)])
        elif add_on_id in next_plan.add_ons or number > held_now:
            next_a |= asked_add_ons(next_plan, [HeldAddOn(add_on_id, number)])
    if next_plan.key != plan.key:
        next_a = with_what_they_require(next_plan, {one: number for one, number in next_a.items() if number})
    return _Plans(
        _with_parts(subscription, held, plan, now_c, now_a),
        _with_parts(subscription, following, next_plan, next_c, next_a),
    )


def _with_commitment(held: Mapping[str, Decimal], plan: PlanTerms, one: Commitment) -> dict[str, Decimal]:
    """The quantities with one that was changed, as far as the plan sells it; else its minimum is taken."""
    others = {feature_id: quantity for feature_id, quantity in held.items() if feature_id != one.feature_id}
    kept = {kept.feature_id: kept.quantity for kept in kept_commitments(plan, {one.feature_id: one.quantity})}
    return others | ({one.feature_id: kept[one.feature_id]} if one.feature_id in kept else {})


def _part_now(subscription: Subscription, timing: Timing, *, rises: bool) -> bool:
    if subscription.state is SubscriptionState.SCHEDULED or timing is Timing.NOW:
        return True
    return timing is Timing.AUTOMATIC and rises


def _with_parts(
    subscription: Subscription,
    holding: Holding,
    plan: PlanTerms,
    commitments: Mapping[str, Decimal],
    add_ons: Mapping[str, int],
) -> Holding:
    changed = replace(
        holding,
        commitments=first_commitments(plan, in_order(commitments)),
        add_ons=check_add_ons(plan, {add_on_id: number for add_on_id, number in add_ons.items() if number}),
    )
    _check_sold(subscription, changed, plan)
    return changed


def _numbers(holding: Holding) -> dict[str, int]:
    return {one.add_on_id: one.quantity for one in holding.add_ons}


def _take_up(subscription: Subscription, plans: _Plans, at: datetime) -> Subscription:
    if plans.now.billing_period is subscription.holding.billing_period:
        changed = subscription.with_holding(plans.now, at)
    elif subscription.state in {SubscriptionState.SCHEDULED, SubscriptionState.TRIALING}:
        changed = replace(subscription, holding=plans.now)
        changed = replace(changed, period=changed.recurrence.period(0))
    else:
        changed = restarted(subscription, plans.now, at)
    return replace(changed, scheduled=plans.next if plans.next != plans.now else None)


def restarted(subscription: Subscription, holding: Holding, at: datetime) -> Subscription:
    """The subscription in its next period, which begins at the instant and is a new anchor."""
    number = subscription.period_number + 1
    changed = replace(
        subscription,
        holding=holding,
        held_since=at,
        held_before=(),
        anchor_time=at,
        anchor_number=number,
        period_number=number,
    )
    return replace(changed, period=changed.recurrence.period(0))


def _with_coupons(subscription: Subscription, asked: Update, coupons: tuple[Coupon, ...], at: datetime) -> Subscription:
    held = remove_coupons(subscription.coupons, asked.remove_coupon_ids, at)
    held = apply_coupons(held, coupons, at=at, currency_code=subscription.currency, time_zone=subscription.time_zone)
    return subscription if held == subscription.coupons else replace(subscription, coupons=held)
