"""What is scheduled: replaced, kept beside other changes, and taken up at the end of the period."""

from decimal import Decimal
from typing import Any

import pytest

from billing.domain.update import Timing
from kernel.errors import TollkeeperError
from kernel.period import BillingPeriod
from kernel.pricing import FlatRate
from tests.unit.billing.april import LITE, LOUNGE, april, begun, held
from tests.unit.billing.story import Story
from tests.unit.billing.terms import committed, plan, told


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
