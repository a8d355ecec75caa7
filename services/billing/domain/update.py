"""Changes of what a subscription holds: which part of a request happens now, and which at the end of the period."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from billing.domain.add_on import asked_add_ons, check_add_ons, kept_add_ons
from billing.domain.charging import Step
from billing.domain.commitment import Commitment, asked_commitments, first_commitments, in_order
from billing.domain.coupon import Coupon, apply_coupons, remove_coupons
from billing.domain.cycle import converted, restarted
from billing.domain.holding import HeldAddOn, Holding, charges_held, price_per_month, quantities
from billing.domain.invoice import InvoiceReason
from billing.domain.moving import carried, moved, with_commitment, with_what_they_require
from billing.domain.plan_terms import PlanTerms, Terms, TrialEnd, check_offer
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
        trial_end: On trial: what shall happen at its end; None: as it was.
        end_trial: On trial: end it now.
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
    trial_end: TrialEnd | None = None
    end_trial: bool = False

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
        ).at("plan_id")
    known = dict(terms) if newest is None else {**terms, newest.key: newest}
    at = max(now, subscription.held_since) if subscription.charging else now
    if _is_other_plan(subscription, asked, newest):
        plans = _other_plan(subscription, asked, terms=known, newest=newest)
    else:
        plans = _other_parts(_without_other_plan(subscription, asked), asked, known)
    changed = _with_trial(_take_up(subscription, plans, at), asked, at)
    _check_outlives(subscription, changed)
    changed = _with_coupons(changed, asked, coupons, at)
    restarts = changed.period_number != subscription.period_number
    if changed == subscription:
        return Step(subscription, subscription, at, _reason(asked))
    return Step(subscription, replace(changed, revision=revision), at, _reason(asked), credit_unused=restarts)


def _reason(asked: Update) -> InvoiceReason:
    if asked.end_trial:
        return InvoiceReason.TRIAL_END
    return InvoiceReason.CHANGE if asked.names_plan or asked.add_ons else InvoiceReason.COMMITMENT


def _check_outlives(before: Subscription, after: Subscription) -> None:
    """Refuses what a scheduled end would come before, or make a waste of."""
    begins = after.period_number != before.period_number or after.state is not before.state
    later = after.holding == before.holding and after.scheduled not in {None, before.scheduled}
    ends = [before.cancel_time, after.trial_end if after.expires else None]
    end = min((one for one in ends if one is not None), default=None)
    if end is not None and (begins or (later and end <= before.scheduled_time)):
        raise precondition(
            "SUBSCRIPTION_ENDED",
            f"The subscription {before.id} ends at {end.isoformat()}, before the change would count: resume it, or let its "
            "trial convert, first.",
            subscription_id=before.id,
        ).at("subscription_id")


def _with_trial(subscription: Subscription, asked: Update, at: datetime) -> Subscription:
    if asked.trial_end is None and not asked.end_trial:
        return subscription
    if subscription.state is not SubscriptionState.TRIALING:
        raise precondition(
            "NOT_ON_TRIAL",
            f"The subscription {subscription.id} is not on trial: leave trial_end_behavior and end_trial out.",
            subscription_id=subscription.id,
        ).at("end_trial" if asked.end_trial else "trial_end_behavior")
    changed = replace(subscription, trial_end_behavior=asked.trial_end or subscription.trial_end_behavior)
    return converted(replace(changed, trial_end=at, anchor_time=at)) if asked.end_trial else changed


def _check_payable(subscription: Subscription) -> None:
    if subscription.state is SubscriptionState.PENDING_PAYMENT:
        raise precondition(
            "CHANGE_PENDING",
            f"The first payment of the subscription {subscription.id} has not come: pay or void its invoice first.",
            subscription_id=subscription.id,
        ).at("subscription_id")


def _is_other_plan(subscription: Subscription, asked: Update, newest: PlanTerms | None) -> bool:
    held = subscription.holding
    other_version = newest is not None and newest.key != held.plan_key
    return other_version or asked.billing_period not in {None, held.billing_period}


def _without_other_plan(subscription: Subscription, asked: Update) -> Subscription:
    """The subscription; where the plan or billing period that it has is asked for, another one is scheduled no more."""
    base = _scheduled_parts(subscription, asked)
    if asked.billing_period is not None:
        base = replace(base, billing_period=asked.billing_period)
    return replace(subscription, scheduled=base)


def _scheduled_parts(subscription: Subscription, asked: Update) -> Holding:
    """What is scheduled and stays so beside what is asked for: a plan that is named replaces another one with all its parts."""
    held, following = subscription.holding, subscription.scheduled or subscription.holding
    return held if asked.plan_id and following.plan_id not in {held.plan_id, asked.plan_id} else following


def _other_plan(subscription: Subscription, asked: Update, *, terms: Terms, newest: PlanTerms | None) -> _Plans:
    held, base = subscription.holding, _scheduled_parts(subscription, asked)
    plan = newest if newest is not None else terms[held.plan_key]
    wanted = _moved(subscription, held, plan, asked)
    if newest is not None and (asked.plan_id or base.plan_id == plan.plan_id):
        after = _moved(subscription, base, plan, asked)
    else:
        after = carried(
            base, terms[base.plan_key], asked.commitments, asked.add_ons, billing_period=asked.billing_period
        )
        _check_sold(subscription, after, terms[base.plan_key])
    if not _happens_now(subscription, asked.timing, wanted, terms):
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
            next_c = with_commitment(next_c, next_plan, Commitment(feature_id, quantity))
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


def _with_coupons(subscription: Subscription, asked: Update, coupons: tuple[Coupon, ...], at: datetime) -> Subscription:
    # What has not begun has its coupons from its start on.
    at = max(at, subscription.start_time)
    held = remove_coupons(subscription.coupons, asked.remove_coupon_ids, at)
    held = apply_coupons(
        held,
        coupons,
        at=at,
        currency_code=subscription.currency,
        time_zone=subscription.time_zone,
        path="apply_coupon_ids",
    )
    return subscription if held == subscription.coupons else replace(subscription, coupons=held)
