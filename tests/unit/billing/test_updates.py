"""Changes of a subscription: what happens now and what at the end of the period, and what comes along."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from billing.domain.holding import Holding
from billing.domain.invoice import InvoiceReason
from billing.domain.plan_terms import Offer
from billing.domain.subscription import MOST_CHANGES, SubscriptionState
from billing.domain.update import Timing
from kernel.errors import TollkeeperError
from kernel.period import BillingPeriod
from kernel.pricing import FlatRate
from tests.unit.billing.story import Story
from tests.unit.billing.terms import PACKAGE, add_on, add_ons, committed, fee, plan, told, used

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


@pytest.mark.parametrize(
    ("timing", "asked", "lines", "now", "scheduled"),
    [
        ("AUTOMATIC", "30", [("COMMITMENT_PRORATION", "30", "50.00")], "30", None),
        ("NOW", "30", [("COMMITMENT_PRORATION", "30", "50.00")], "30", None),
        ("PERIOD_END", "30", [], "20", "30"),
        ("AUTOMATIC", "10", [], "20", "10"),
        ("NOW", "10", [("COMMITMENT_PRORATION", "10", "-50.00")], "10", None),
        ("PERIOD_END", "10", [], "20", "10"),
        ("AUTOMATIC", "20", [], "20", None),
        ("NOW", "20", [], "20", None),
        ("PERIOD_END", "20", [], "20", None),
    ],
)
def test_when_a_commitment_changes(
    timing: str, asked: str, lines: list[tuple[str, str, str]], now: str, scheduled: str | None
) -> None:
    story = begun()
    change = story.update(april(16), {"gates": asked}, timing=Timing(timing))
    assert told(change.lines) == lines
    assert held(story.subscription.holding) == (now, {})
    assert held(story.subscription.scheduled) == (None if scheduled is None else (scheduled, {}))
    assert change.changes == bool(lines or scheduled)
    renewal = story.renew()
    assert told(renewal.lines) == [("COMMITMENT", scheduled or now, f"{10 * int(scheduled or now)}.00")]
    assert story.subscription.scheduled is None


@pytest.mark.parametrize(
    ("second", "lines", "now", "scheduled"),
    [
        # Below what is held: the schedule is edited.
        ("15", [], "20", "15"),
        ("5", [], "20", "5"),
        # What is held: the schedule is canceled, and nothing charged.
        ("20", [], "20", None),
        # Above: the schedule is canceled, and the increase charged now.
        ("26", [("COMMITMENT_PRORATION", "26", "30.00")], "26", None),
    ],
)
def test_a_scheduled_decrease_asked_again(
    second: str, lines: list[tuple[str, str, str]], *, now: str, scheduled: str | None
) -> None:
    story = begun()
    story.update(april(10), {"gates": "10"})
    assert held(story.subscription.scheduled) == ("10", {})
    assert told(story.update(april(16), {"gates": second}).lines) == lines
    assert held(story.subscription.holding) == (now, {})
    assert held(story.subscription.scheduled) == (None if scheduled is None else (scheduled, {}))
    assert told(story.renew().lines)[0][1] == (scheduled or now)


@pytest.mark.parametrize(
    ("asked", "lines", "now", "scheduled"),
    [
        ({"lounge": 4}, [("ADD_ON_PRORATION", "4", "3.00")], {"lounge": 4}, None),
        ({"lounge": 1}, [], {"lounge": 2}, {"lounge": 1}),
        ({"lounge": 0}, [], {"lounge": 2}, {}),
        ({"lounge": 2}, [], {"lounge": 2}, None),
        ({"wifi": 1}, [("ADD_ON_PRORATION", "1", "3.00")], {"lounge": 2, "wifi": 1}, None),
        # Up now, and down at the end, in one request.
        (
            {"wifi": 1, "lounge": 1},
            [("ADD_ON_PRORATION", "1", "3.00")],
            {"lounge": 2, "wifi": 1},
            {"lounge": 1, "wifi": 1},
        ),
    ],
)
def test_add_ons_go_their_own_way(
    asked: dict[str, int], lines: list[tuple[str, str, str]], *, now: dict[str, int], scheduled: dict[str, int] | None
) -> None:
    story = begun(extras={"lounge": 2})
    change = story.update(april(16), extras=asked)
    assert told(change.lines) == lines
    assert change.reason is InvoiceReason.CHANGE
    assert held(story.subscription.holding) == ("20", now)
    assert held(story.subscription.scheduled) == (None if scheduled is None else ("20", scheduled))


def test_what_is_asked_for_goes_up_and_down_part_by_part() -> None:
    story = begun(extras={"lounge": 2})
    change = story.update(april(16), {"gates": "10"}, extras={"lounge": 3})
    assert told(change.lines) == [("ADD_ON_PRORATION", "3", "1.50")]
    assert held(story.subscription.holding) == ("20", {"lounge": 3})
    assert held(story.subscription.scheduled) == ("10", {"lounge": 3})


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"lounge": 6}, "must be at most 5 of lounge"),
        ({"sauna": 1}, "must be an add-on that the plan airline is compatible with: lounge, wifi"),
        ({"wifi": 1}, "must hold lounge as well, which wifi requires"),
    ],
)
def test_add_ons_that_cannot_be_held(asked: dict[str, int], message: str) -> None:
    with pytest.raises(TollkeeperError) as refused:
        begun().update(april(16), extras=asked)
    assert refused.value.reason == "ADD_ON_INVALID"
    assert [violation.message for violation in refused.value.violations] == [message]


def test_an_add_on_that_another_requires_is_not_taken_away() -> None:
    with pytest.raises(TollkeeperError) as refused:
        begun(extras={"lounge": 1, "wifi": 1}).update(april(16), extras={"lounge": 0}, timing=Timing.NOW)
    assert refused.value.reason == "ADD_ON_INVALID"


PRO = plan(
    committed(FlatRate(Decimal(20)), minimum="5", maximum="60"),
    committed(PACKAGE, feature_id="slots"),
    plan_id="pro",
    add_ons=[add_on("lounge", maximum=5)],
)
LITE = plan(committed(FlatRate(Decimal(5)), maximum="10"), plan_id="lite")


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


def scheduled_to_v2() -> Story:
    """Twenty gates at 10, which cost 12 from May on."""
    story = begun(extras={"lounge": 1})
    story.publish(plan(committed(FlatRate(Decimal(12)), maximum="40"), version=2, add_ons=[LOUNGE]))
    story.update(april(2), latest_version=True, timing=Timing.PERIOD_END)
    return story


def test_what_is_raised_after_a_migration_was_scheduled_stays_raised() -> None:
    story = scheduled_to_v2()
    assert told(story.update(april(16), {"gates": "30"}, extras={"lounge": 2}).lines) == [
        ("COMMITMENT_PRORATION", "30", "50.00"),
        ("ADD_ON_PRORATION", "2", "1.50"),
    ]
    assert told(story.renew().lines) == [("COMMITMENT", "30", "360.00"), ("ADD_ON", "2", "6.00")]


def test_what_the_scheduled_version_cannot_hold_is_its_minimum() -> None:
    story = scheduled_to_v2()
    story.update(april(16), {"gates": "50"})
    assert told(story.renew().lines) == [("COMMITMENT", "1", "12.00"), ("ADD_ON", "1", "3.00")]


def test_an_add_on_that_the_scheduled_version_does_not_know_ends_with_the_period() -> None:
    story = scheduled_to_v2()
    story.update(april(16), extras={"wifi": 1})
    assert held(story.subscription.holding) == ("20", {"lounge": 1, "wifi": 1})
    assert held(story.subscription.scheduled) == ("20", {"lounge": 1})
    with pytest.raises(TollkeeperError) as refused:
        story.update(april(17), extras={"wifi": 2}, timing=Timing.PERIOD_END)
    assert refused.value.reason == "ADD_ON_INVALID"


@pytest.mark.parametrize("timing", [Timing.PERIOD_END, Timing.NOW])
def test_a_migration_keeps_what_is_scheduled(timing: Timing) -> None:
    story = begun(extras={"lounge": 2})
    story.update(april(2), {"gates": "10"}, extras={"lounge": 0})
    story.publish(plan(committed(FlatRate(Decimal(12))), version=2, add_ons=[LOUNGE]))
    story.update(april(3), latest_version=True, timing=timing)
    assert held(story.subscription.holding) == ("20", {"lounge": 2})
    assert told(story.renew().lines) == [("COMMITMENT", "10", "120.00")]


@pytest.mark.parametrize(
    ("second", "now", "scheduled"),
    [
        # The billing period, later or now: the gates are still to become fewer.
        ({"billing_period": BillingPeriod.YEARLY, "timing": Timing.PERIOD_END}, ("20", {}), ("10", {})),
        ({"billing_period": BillingPeriod.YEARLY, "timing": Timing.NOW}, ("20", {}), ("10", {})),
        # Another plan, later or now: likewise, with what it sells besides.
        ({"plan_id": "pro", "timing": Timing.PERIOD_END}, ("20", {}), ("10", {})),
        ({"plan_id": "pro", "timing": Timing.NOW}, ("20", {}), ("10", {})),
        # What is named replaces what was scheduled of it.
        ({"plan_id": "pro", "timing": Timing.NOW, "quantities": {"gates": "15"}}, ("15", {}), None),
        (
            {"billing_period": BillingPeriod.YEARLY, "timing": Timing.PERIOD_END, "quantities": {"gates": "30"}},
            ("20", {}),
            ("30", {}),
        ),
        # The plan, or billing period, that is held: nothing changes.
        ({"plan_id": "airline"}, ("20", {}), ("10", {})),
        ({"billing_period": BillingPeriod.MONTHLY}, ("20", {}), ("10", {})),
    ],
)
def test_what_is_scheduled_of_other_parts_stays_scheduled(
    second: dict[str, Any], now: tuple[str, Any], scheduled: tuple[str, Any] | None
) -> None:
    story = begun()
    story.publish(plan(committed(FlatRate(Decimal(20))), plan_id="pro"))
    story.update(april(2), {"gates": "10"})
    story.update(april(16), **second)
    assert held(story.subscription.holding) == now
    assert held(story.subscription.scheduled) == scheduled


def test_the_billing_period_that_is_held_cancels_another_one_and_nothing_else() -> None:
    story = begun()
    story.update(april(2), {"gates": "10"}, billing_period=BillingPeriod.YEARLY, timing=Timing.PERIOD_END)
    story.update(april(3), billing_period=BillingPeriod.MONTHLY)
    scheduled = story.subscription.scheduled
    assert scheduled is not None
    assert (scheduled.billing_period, held(scheduled)) == (BillingPeriod.MONTHLY, ("10", {}))


def test_a_plan_that_is_named_replaces_a_scheduled_one_with_all_that_came_with_it() -> None:
    story = begun()
    story.publish(LITE, plan(committed(FlatRate(Decimal(1))), plan_id="mini"))
    story.update(april(2), {"gates": "3"}, plan_id="lite")
    story.update(april(3), plan_id="mini")
    assert story.subscription.scheduled is not None
    assert (story.subscription.scheduled.plan_id, held(story.subscription.scheduled)) == ("mini", ("20", {}))
    # The same plan again keeps what was asked with it.
    story.update(april(4), {"gates": "4"}, plan_id="lite")
    story.update(april(5), plan_id="lite")
    assert held(story.subscription.scheduled) == ("4", {})


def test_a_migration_does_not_undo_a_scheduled_downgrade() -> None:
    story = begun()
    story.publish(LITE)
    story.update(april(2), plan_id="lite")
    story.publish(plan(committed(FlatRate(Decimal(12))), version=2))
    story.update(april(3), latest_version=True, timing=Timing.PERIOD_END)
    assert story.renew().subscription.holding.plan_id == "lite"


def test_asking_for_the_plan_that_is_held_cancels_the_schedule() -> None:
    story = begun()
    story.publish(LITE)
    assert story.update(april(2), plan_id="lite").subscription.scheduled is not None
    assert story.update(april(3), plan_id="airline").subscription.scheduled is None
    assert story.renew().subscription.holding.plan_id == "airline"


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
