"""Changes of plan, version and billing period: when they happen, and what comes along."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from billing.domain.invoice import InvoiceReason
from billing.domain.subscription import MOST_CHANGES, SubscriptionState
from billing.domain.update import Timing
from kernel.errors import TollkeeperError
from kernel.period import BillingPeriod
from kernel.pricing import FlatRate
from tests.unit.billing.april import LITE, LOUNGE, MAY, OFFERS, PRO, TEN, WIFI, april, begun, held
from tests.unit.billing.story import Story
from tests.unit.billing.terms import committed, fee, plan, told, used


def test_an_upgrade_happens_now_and_keeps_what_the_plan_sells() -> None:
    story = begun(extras={"lounge": 2, "wifi": 1})
    story.publish(PRO)
    change = story.update(april(16), plan_id="pro")
    # 20 × 20 and a block of slots for half of April, less half of 20 × 10 and of the wifi; the lounge costs the same.
    assert sorted(told(change.lines)) == [
        ("ADD_ON_PRORATION", "0", "-3.00"),
        ("COMMITMENT_PRORATION", "0", "-100.00"),
        ("COMMITMENT_PRORATION", "20", "200.00"),
        ("COMMITMENT_PRORATION", "25", "2.50"),
    ]
    assert change.reason is InvoiceReason.CHANGE
    after = story.subscription
    assert (after.holding.plan_key, held(after.holding)) == (("pro", 1), ("20", {"lounge": 2}))
    assert (after.period, after.anchor_time) == (story.changes[0].subscription.period, april(1))
    wifi = next(line for line in change.lines if line.type == "ADD_ON_PRORATION")
    assert wifi.source is not None
    assert (wifi.source.id, wifi.source.plan_id, wifi.source.plan_version) == ("wifi", "airline", 1)


def test_a_downgrade_happens_at_the_end_of_the_period() -> None:
    story = begun(extras={"lounge": 2})
    story.publish(LITE)
    change = story.update(april(16), plan_id="lite")
    assert change.lines == ()
    assert story.subscription.holding.plan_id == "airline"
    assert held(story.subscription.scheduled) == ("1", {})
    assert story.renew().at == MAY
    assert (story.subscription.holding.plan_id, story.subscription.anchor_time) == ("lite", april(1))
    assert told(story.changes[-1].lines) == [("COMMITMENT", "1", "5.00")]


def test_an_equal_price_counts_as_up() -> None:
    story = begun()
    story.publish(plan(fee("200"), plan_id="flat"))
    change = story.update(april(16), plan_id="flat")
    assert sorted(told(change.lines)) == [
        ("COMMITMENT_PRORATION", "0", "-100.00"),
        ("FLAT_FEE_PRORATION", "1", "100.00"),
    ]


def test_up_or_down_is_by_the_price_of_the_new_quantities() -> None:
    story = begun()
    story.publish(PRO)
    assert held(story.preview(april(16), {"gates": "5"}, plan_id="pro").subscription.scheduled) == ("5", {})
    assert story.preview(april(16), {"gates": "10"}, plan_id="pro").subscription.scheduled is None


@pytest.mark.parametrize(
    ("reason", "asked"),
    [
        ("COMMITMENT_INVALID", {"quantities": {"gates": "61"}, "plan_id": "pro"}),
        ("COMMITMENT_INVALID", {"quantities": {"slots": "1"}}),
        ("ADD_ON_INVALID", {"extras": {"wifi": 1}, "plan_id": "pro"}),
        ("PRODUCT_MISMATCH", {"plan_id": "other"}),
        ("PRICE_NOT_OFFERED", {"plan_id": "pro", "billing_period": BillingPeriod.YEARLY}),
        ("ETAG_MISMATCH", {"quantities": {"gates": "21"}, "etag": "77"}),
    ],
)
def test_what_is_refused_changes_nothing(reason: str, asked: dict[str, Any]) -> None:
    story = begun()
    story.publish(PRO, plan(fee("1"), plan_id="other", product_id="elsewhere"))
    with pytest.raises(TollkeeperError) as refused:
        story.update(april(16), **asked)
    assert refused.value.reason == reason
    assert len(story.changes) == 1


def test_the_etag_of_the_state_is_taken() -> None:
    story = begun()
    story.update(april(16), {"gates": "21"}, etag=story.subscription.etag)
    assert held(story.subscription.holding) == ("21", {})


def test_changes_of_one_period_are_bounded() -> None:
    story = begun("1")
    for number in range(MOST_CHANGES):
        story.update(april(2), {"gates": str(2 + number % 2)}, timing=Timing.NOW)
    with pytest.raises(TollkeeperError) as refused:
        story.update(april(2), {"gates": "9"}, timing=Timing.NOW)
    assert (refused.value.reason, refused.value.metadata["limit"]) == ("TOO_MANY_CHANGES", str(MOST_CHANGES))
    # What is scheduled is no change of the period.
    story.update(april(2), {"gates": "1"}, timing=Timing.PERIOD_END)
    story.renew()
    story.update(MAY, {"gates": "9"}, timing=Timing.NOW)


def test_a_new_billing_period_begins_now_with_a_new_anchor() -> None:
    story = begun(extras={"lounge": 1})
    change = story.update(april(16), billing_period=BillingPeriod.QUARTERLY, timing=Timing.NOW)
    assert told(change.lines) == [
        ("COMMITMENT", "20", "600.00"),
        ("ADD_ON", "1", "3.00"),
        ("COMMITMENT_PRORATION", "0", "-100.00"),
        ("ADD_ON_PRORATION", "0", "-1.50"),
    ]
    after = story.subscription
    assert (after.anchor_time, after.period.start, after.period.end) == (
        april(16),
        april(16),
        datetime(2026, 7, 16, tzinfo=UTC),
    )
    assert (after.period_number, after.anchor_number, after.held_before) == (1, 1, ())


def test_a_cheaper_billing_period_begins_at_the_end_of_the_old_one() -> None:
    cheaper = {offer: FlatRate(Decimal(9 * offer.billing_period.months)) for offer in OFFERS}
    terms = plan(committed(TEN, prices=cheaper | {OFFERS[0]: TEN}))
    story = Story(terms)
    story.provision(april(1), {"gates": "1"}, time_zone="UTC")
    assert story.update(april(16), billing_period=BillingPeriod.YEARLY).lines == ()
    assert told(story.renew().lines) == [("COMMITMENT", "1", "108.00")]
    after = story.subscription
    assert (after.anchor_time, after.period.end) == (MAY, datetime(2027, 5, 1, tzinfo=UTC))


def test_the_newest_version_is_taken_when_asked_for() -> None:
    story = begun(extras={"lounge": 2})
    story.publish(plan(committed(FlatRate(Decimal(12))), version=2, add_ons=[LOUNGE, WIFI]))
    assert story.update(april(2), {"gates": "21"}).lines[0].subtotal.amount == Decimal("9.67")
    assert story.subscription.holding.plan_version == 1
    change = story.update(april(16), latest_version=True)
    # 21 × 2 more for half of April; the lounge costs what it did.
    assert told(change.lines) == [("COMMITMENT_PRORATION", "21", "21.00")]
    assert change.lines[0].description.startswith("Gates: 21 gates at the new price")
    assert held(story.subscription.holding) == ("21", {"lounge": 2})


@pytest.mark.parametrize("more", [{"start_time": MAY}], ids=["scheduled"])
def test_before_it_begins_everything_changes_at_once(more: dict[str, Any]) -> None:
    story = begun(**more)
    change = story.update(april(16), {"gates": "5"})
    assert (change.lines, held(story.subscription.holding), story.subscription.scheduled) == ((), ("5", {}), None)
    story.update(april(17), billing_period=BillingPeriod.QUARTERLY)
    assert story.subscription.period.end == datetime(2026, 8, 1, tzinfo=UTC)
    assert told(story.renew().lines) == [("COMMITMENT", "5", "150.00")]
    assert story.subscription.state is SubscriptionState.ACTIVE


def test_a_change_of_usage_prices_is_priced_at_the_end() -> None:
    terms = plan(used(FlatRate(Decimal(1))))
    story = Story(terms)
    story.provision(april(1), time_zone="UTC")
    story.use(april(2), "10")
    story.publish(plan(used(FlatRate(Decimal(3))), version=2))
    assert story.update(april(16), latest_version=True).lines == ()
    assert story.asked == ()
    assert told(story.renew().lines) == [("USAGE", "10", "30.00")]


def test_a_usage_charge_that_ends_earlier_is_priced_at_that_moment() -> None:
    story = Story(plan(fee("1"), used(FlatRate(Decimal(1)))))
    story.provision(april(1), time_zone="UTC")
    story.use(april(2), "10")
    story.use(april(20), "5")
    story.publish(plan(fee("2"), plan_id="flat"))
    change = story.update(april(16), plan_id="flat")
    assert [line for line in told(change.lines) if line[0] == "USAGE"] == [("USAGE", "10", "10.00")]
    usage = change.lines[-1]
    assert (usage.period.start, usage.period.end) == (april(1), april(16))
    assert [line for line in told(story.renew().lines) if line[0] != "FLAT_FEE"] == []


@pytest.mark.parametrize("named", [{"plan_id": "airline"}, {"billing_period": BillingPeriod.MONTHLY}])
def test_naming_what_is_held_leaves_each_part_its_own_way(named: dict[str, Any]) -> None:
    story = begun(extras={"lounge": 4})
    changed = story.update(april(16), {"gates": "30"}, extras={"lounge": 1}, **named)
    assert told(changed.lines) == [("COMMITMENT_PRORATION", "30", "50.00")]
    assert held(changed.subscription.holding) == ("30", {"lounge": 4})
    assert held(changed.subscription.scheduled) == ("30", {"lounge": 1})
