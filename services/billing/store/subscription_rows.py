"""Subscriptions as rows."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping

from billing.domain.plan_terms import TrialEnd
from billing.domain.subscription import Pending, Subscription, SubscriptionState
from billing.store.holdings import (
    coupons_from_json,
    coupons_to_json,
    history_from_json,
    history_to_json,
    holding_from_json,
    holding_to_json,
)
from kernel.period import Period

_TIMES = (
    "held_since",
    "start_time",
    "anchor_time",
    "period_start",
    "period_end",
    "trial_end",
    "cancel_time",
    "end_time",
    "pending_since",
    "create_time",
)


def subscription_to_row(subscription: Subscription) -> dict[str, Any]:
    """The columns of a subscription, without its lease."""
    return {
        "id": subscription.id,
        "customer_id": subscription.customer_id,
        "product_id": subscription.product_id,
        "resource_id": subscription.resource_id,
        "test_clock_id": subscription.test_clock_id,
        "state": subscription.state.value,
        **holding_to_json(subscription.holding),
        "held_since": subscription.held_since,
        "held_before": history_to_json(subscription.held_before),
        "scheduled": None if subscription.scheduled is None else holding_to_json(subscription.scheduled),
        "currency": subscription.currency,
        "country": subscription.country,
        "time_zone": subscription.time_zone,
        "start_time": subscription.start_time,
        "anchor_time": subscription.anchor_time,
        "anchor_number": subscription.anchor_number,
        "period_number": subscription.period_number,
        "period_start": subscription.period.start,
        "period_end": subscription.period.end,
        "first_charged": subscription.first_charged,
        "trial_end": subscription.trial_end,
        "trial_end_behavior": subscription.trial_end_behavior,
        "cancel_time": subscription.cancel_time,
        "cancel_prorate": subscription.cancel_prorate,
        "end_time": subscription.end_time,
        "coupons": coupons_to_json(subscription.coupons),
        "opens_unpaid": subscription.opens_unpaid,
        "pending": None if subscription.pending is None else _pending_to_json(subscription.pending),
        "pending_since": subscription.pending_since,
        "boundary_time": subscription.boundary,
        "revision": subscription.revision,
        "create_time": subscription.create_time,
    }


def subscription_from_row(row: RowMapping | Mapping[str, Any]) -> Subscription:
    """The subscription of a row's columns."""
    end_behavior, pending = row["trial_end_behavior"], row["pending"]
    return Subscription(
        id=row["id"],
        customer_id=row["customer_id"],
        product_id=row["product_id"],
        resource_id=row["resource_id"],
        test_clock_id=row["test_clock_id"],
        state=SubscriptionState(row["state"]),
        holding=holding_from_json(row),
        held_since=row["held_since"],
        held_before=history_from_json(row["held_before"]),
        scheduled=None if row["scheduled"] is None else holding_from_json(row["scheduled"]),
        currency=row["currency"],
        country=row["country"],
        time_zone=row["time_zone"],
        start_time=row["start_time"],
        anchor_time=row["anchor_time"],
        anchor_number=row["anchor_number"],
        period_number=row["period_number"],
        period=Period(row["period_start"], row["period_end"]),
        first_charged=row["first_charged"],
        trial_end=row["trial_end"],
        trial_end_behavior=None if end_behavior is None else TrialEnd(end_behavior),
        cancel_time=row["cancel_time"],
        cancel_prorate=row["cancel_prorate"],
        end_time=row["end_time"],
        coupons=coupons_from_json(row["coupons"]),
        opens_unpaid=row["opens_unpaid"],
        pending=None if pending is None else _pending_from_json(pending),
        pending_since=row["pending_since"],
        revision=row["revision"],
        create_time=row["create_time"],
    )


def _pending_to_json(pending: Pending) -> dict[str, Any]:
    row = subscription_to_row(pending.changed)
    del row["boundary_time"]
    changed = row | {name: None if row[name] is None else row[name].isoformat() for name in _TIMES}
    return {"changed": changed, "invoice_id": pending.invoice_id, "create_time": pending.create_time.isoformat()}


def _pending_from_json(values: Mapping[str, Any]) -> Pending:
    row = values["changed"]
    times = {name: None if row[name] is None else datetime.fromisoformat(row[name]) for name in _TIMES}
    changed = subscription_from_row({**row, **times})
    return Pending(changed, values["invoice_id"], datetime.fromisoformat(values["create_time"]))
