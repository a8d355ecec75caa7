"""A subscription of April 2026, of 30 days, whose changes are easy to work out by heart."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from billing.domain.holding import Holding
from billing.domain.plan_terms import Offer
from kernel.period import BillingPeriod
from kernel.pricing import FlatRate
from tests.unit.billing.story import Story
from tests.unit.billing.terms import PACKAGE, add_on, add_ons, committed, fee, plan

OFFERS = [Offer(period, "USD") for period in BillingPeriod]
TEN = FlatRate(Decimal(10))
YEARLY = {offer: FlatRate(Decimal(10 * offer.billing_period.months)) for offer in OFFERS}


def april(day: int, hour: int = 0) -> datetime:
    return datetime(2026, 4, day, hour, tzinfo=UTC)


MAY = datetime(2026, 5, 1, tzinfo=UTC)
LOUNGE, WIFI = add_on("lounge", maximum=5), add_on("wifi", required=["lounge"])
BASIC = plan(
    committed(TEN, prices=YEARLY),
    add_ons=[
        add_on("lounge", fee("3", offers=OFFERS), maximum=5),
        add_on("wifi", fee("6", offers=OFFERS), required=["lounge"]),
    ],
)


def begun(quantity: str = "20", extras: Mapping[str, int] | None = None, **more: Any) -> Story:
    """Twenty gates at 10 for April, of 30 days, unless told otherwise."""
    story = Story(BASIC)
    story.provision(april(1), {"gates": quantity}, time_zone="UTC", add_ons=add_ons(extras or {}), **more)
    return story


def held(holding: Holding | None) -> tuple[str, dict[str, int]] | None:
    """Gates and add-ons."""
    if holding is None:
        return None
    return str(holding.committed("gates")), {one.add_on_id: one.quantity for one in holding.add_ons}


PRO = plan(
    committed(FlatRate(Decimal(20)), minimum="5", maximum="60"),
    committed(PACKAGE, feature_id="slots"),
    plan_id="pro",
    add_ons=[add_on("lounge", maximum=5)],
)
LITE = plan(committed(FlatRate(Decimal(5)), maximum="10"), plan_id="lite")
