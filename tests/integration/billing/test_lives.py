"""Random lives of subscriptions over the wire: every step is as it was shown, and as the domain alone would have charged it.

What the domain charges is held against an independent calculation in tests/properties/billing; here it is the store, the commands
and the clocks that must not change it.
"""

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from billing.domain.cancel import CancelTiming
from billing.domain.update import Timing
from billing.messages.coupon import coupon_from_proto
from billing.messages.plan_terms import plan_terms_from_proto
from kernel.errors import TollkeeperError
from kernel.period import BillingPeriod
from kit.errors import RemoteRefusal
from kit.proto import timestamp_to_proto
from tests.integration.billing.plans import (
    MONTHLY,
    QUARTERLY,
    add_on,
    charge,
    departures,
    gates,
    percent_off,
    plan,
    price,
    tier_prices,
)
from tests.integration.billing.test_changes import essence
from tests.integration.billing.world import World, add_ons_of
from tests.unit.billing.story import Story
from tests.unit.billing.terms import add_ons
from tollkeeper.billing.v1 import subscription_service_pb2 as pb

START = datetime(2024, 1, 31, 9, 30, tzinfo=UTC)
LOUNGE = add_on("lounge", price("3.333"), price("9", billing_period=QUARTERLY))
BOTH = [price("9.99"), price("27", billing_period=QUARTERLY)]
TIERS = [price(tiers=tier_prices(), billing_period=period) for period in (MONTHLY, QUARTERLY)]
USED = departures(price("5"), price("4", billing_period=QUARTERLY))
PLANS = [
    plan("airline", charge("fee", "FLAT_FEE", *BOTH), gates(*TIERS), USED, add_ons=[LOUNGE]),
    plan("pro", gates(*TIERS, pricing="VOLUME"), add_ons=[LOUNGE]),
]
NEXT = plan("airline", gates(*BOTH, pricing="FLAT_RATE"), USED, add_ons=[LOUNGE], version=2)
COUPONS = [
    percent_off("tenth", "10"),
    percent_off("half", "50", duration="ONCE"),
    percent_off("most", "77", duration="MONTHS", months=2),
]


class Pair:
    """A subscription over the wire, and the same by the domain alone."""

    def __init__(self, world: World, chance: random.Random) -> None:
        self.world, self.chance = world, chance
        self.story = Story(*(plan_terms_from_proto(one) for one in PLANS))
        self.coupons = {one.id: coupon_from_proto(one) for one in COUPONS}
        self.now = START

    async def begin(self) -> None:
        """UA subscribes."""
        self.world.catalog.publish(*PLANS)
        self.world.catalog.coupons = {one.id: one for one in COUPONS}
        await self.world.clock("2024", START)
        await self.world.customer("UA", "2024")
        asked: dict[str, Any] = {
            "commitments": {"gates": "4"},
            "add_ons": add_ons_of({"lounge": 1}),
            "coupon_ids": ["most"],
        }
        await self.world.provision("UA", "airline", time_zone="America/New_York", subscription_id="ua", **asked)
        self.story.provision(START, {"gates": "4"}, add_ons=add_ons({"lounge": 1}), coupons=[self.coupons["most"]])

    async def wait(self) -> None:
        """Time goes by, often to a boundary."""
        boundary = self.story.subscription.boundary
        if boundary is not None and self.chance.random() < 0.4:
            self.now = boundary
        else:
            self.now += timedelta(seconds=self.chance.randrange(40 * 86_400))
        await self.world.advance("2024", self.now)
        self.story.advance(self.now)

    def use(self) -> None:
        """Usage, also of long ago."""
        when = max(START, self.now - timedelta(days=self.chance.choice([0, 3, 40])))
        quantity = str(self.chance.randrange(1, 3_000))
        self.world.metering.use("UA", "departures", when, quantity=quantity)
        self.story.use(when, quantity)

    async def update(self) -> None:
        """Something else is held."""
        pick = self.chance.choice
        quantities, extras = {"gates": str(self.chance.randrange(1, 25))}, {"lounge": self.chance.randrange(4)}
        plan_id, latest, billing = (
            pick(["", "", "airline", "pro"]),
            pick([False, False, True]),
            pick([None, None, *BillingPeriod][:4]),
        )
        timing, coupon = pick(list(Timing)), pick([None, None, "tenth", "half"])
        numbers = {Timing.AUTOMATIC: 0, Timing.NOW: 1, Timing.PERIOD_END: 2}
        asked: dict[str, Any] = {
            "commitments": quantities,
            "add_ons": extras,
            "plan_id": plan_id,
            "latest_version": latest,
            "billing_period": {None: 0, BillingPeriod.MONTHLY: MONTHLY, BillingPeriod.QUARTERLY: QUARTERLY}[billing],
            "timing": numbers[timing],
            "apply_coupon_ids": [coupon] if coupon else [],
        }
        if latest:
            self.world.catalog.publish(NEXT)
            self.story.publish(plan_terms_from_proto(NEXT))
        try:
            shown = await self.world.update("ua", **asked, validate_only=True)
            done = await self.world.update("ua", **asked)
        except RemoteRefusal as refusal:
            reason = refusal.reason
        else:
            reason = ""
            assert essence(done) == essence(shown)
        try:
            self.story.update(
                self.now,
                quantities,
                extras=extras,
                plan_id=plan_id,
                latest_version=latest,
                billing_period=billing,
                timing=timing,
                coupons=[self.coupons[coupon]] if coupon else [],
            )
        except TollkeeperError as refusal:
            expected = refusal.reason
        else:
            expected = ""
        assert reason == expected

    async def end(self) -> None:
        """It ends, later, or does so no more."""
        if self.story.subscription.cancel_time is not None:
            await self.world.resume("ua")
            self.story.resume(self.now)
            return
        at, prorate = self.now + timedelta(days=self.chance.randrange(1, 90)), self.chance.random() < 0.5
        asked = {"timing": pb.CANCEL_TIMING_AT_TIME, "cancel_time": timestamp_to_proto(at), "prorate": prorate}
        shown = await self.world.end("ua", **asked, validate_only=True)
        assert essence(await self.world.end("ua", **asked)) == essence(shown)
        self.story.cancel(self.now, CancelTiming.AT_TIME, at=at, prorate=prorate)

    async def compare(self) -> None:
        """Both have charged the same."""
        lines = [line for invoice in await self.world.invoices_of() for line in invoice.lines]
        assert [(one.description, one.subtotal.amount, one.amount.amount) for one in lines] == [
            (one.description, str(one.subtotal.rounded().amount), str(one.amount.rounded().amount))
            for one in self.story.lines
        ]
        owed = sum((Decimal(one.amount_due.amount) for one in await self.world.invoices_of()), Decimal(0))
        credit = sum((Decimal(one.amount) for one in (await self.world.get_customer("UA")).credit_balances), Decimal(0))
        assert owed - credit == self.story.balance


@pytest.mark.parametrize("seed", range(4))
async def test_a_life_over_the_wire_is_the_domain_s(world: World, seed: int) -> None:
    pair = Pair(world, random.Random(seed))
    await pair.begin()
    for _ in range(12):
        what = pair.chance.choice(["update", "update", "use", "wait", "wait", "end"])
        if what == "use":
            pair.use()
        else:
            await {"update": pair.update, "wait": pair.wait, "end": pair.end}[what]()
        await pair.compare()
        if not pair.story.subscription.live:
            break
