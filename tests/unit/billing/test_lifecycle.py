"""A subscription's life as values: begun, raised, renewed, ended, with every line checked."""

from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from billing.domain.invoice import InvoiceReason
from billing.domain.plan_terms import Offer
from billing.domain.subscription import SubscriptionState
from kernel.errors import TollkeeperError
from kernel.period import BillingPeriod
from kernel.pricing import FlatRate, Package
from tests.unit.billing.story import Story
from tests.unit.billing.terms import GRADUATED_WITH_FEES, committed, customer, fee, plan, told, used

NEW_YORK = ZoneInfo("America/New_York")
THOUSANDS = Package(Decimal(1000), Decimal(5))
AIRLINE = plan(fee("9.99"), committed(GRADUATED_WITH_FEES), used(THOUSANDS))


def local(month: int, day: int, hour: int = 0, year: int = 2013) -> datetime:
    return datetime(year, month, day, hour, tzinfo=NEW_YORK)


def test_provisioning_charges_the_fee_and_the_commitment() -> None:
    change = Story(AIRLINE).provision(local(1, 1), {"gates": "20"})
    assert told(change.lines) == [("FLAT_FEE", "1", "9.99"), ("COMMITMENT", "20", "298.00")]
    assert change.lines[0].description == "Airline: fixed fee, from 1 Jan 2013 to 1 Feb 2013"
    assert [step.description for step in change.lines[0].derivation] == ["fixed fee"]
    assert change.reason is InvoiceReason.PROVISION
    subscription = change.subscription
    assert (subscription.period.start, subscription.period.end) == (local(1, 1), local(2, 1))
    assert (subscription.state, subscription.period_number) == (SubscriptionState.ACTIVE, 0)


def test_nothing_in_advance_makes_no_lines() -> None:
    assert Story(plan(used(THOUSANDS))).provision(local(1, 1)).lines == ()
    free = Story(plan())
    assert free.provision(local(1, 1), billing_period=BillingPeriod.YEARLY, currency="KWD").lines == ()


def test_a_price_that_is_not_offered_names_what_is() -> None:
    offers = [
        Offer(BillingPeriod.YEARLY, "USD"),
        Offer(BillingPeriod.MONTHLY, "USD"),
        Offer(BillingPeriod.MONTHLY, "EUR"),
    ]
    terms = plan(
        committed(FlatRate(Decimal(1)), offers=offers),
        committed(FlatRate(Decimal(1)), feature_id="slots", offers=offers[:2]),
    )
    with pytest.raises(TollkeeperError) as refused:
        Story(terms).provision(local(1, 1), currency="EUR")
    assert refused.value.reason == "PRICE_NOT_OFFERED"
    assert refused.value.metadata["offered"] == "MONTHLY USD, YEARLY USD"
    assert (
        refused.value.message
        == "The plan airline is not offered MONTHLY in EUR. It is offered: MONTHLY USD, YEARLY USD."
    )


def test_the_customers_currency_is_taken_where_none_is_asked_for() -> None:
    change = Story(plan()).provision(local(1, 1), payer=customer(local(1, 1), "KWD"))
    assert change.subscription.offer.currency == "KWD"


def test_a_renewal_charges_the_new_amount_in_advance_and_the_usage_in_arrears() -> None:
    story = Story(AIRLINE)
    story.provision(local(1, 1), {"gates": "20"})
    story.update(local(1, 16), {"gates": "24"})
    story.use(local(1, 31), "4512")
    renewed = story.renew()
    assert told(renewed.lines) == [
        ("FLAT_FEE", "1", "9.99"),
        ("COMMITMENT", "24", "338.00"),
        ("USAGE", "4512", "25.00"),
    ]
    assert [line.period_number for line in renewed.lines] == [1, 1, 0]
    assert renewed.lines[2].description == "Departures: 4,512 departures used, from 1 Jan 2013 to 1 Feb 2013"
    assert renewed.subscription.period.end == local(3, 1)
    assert (renewed.reason, renewed.period_number) == (InvoiceReason.RENEWAL, 0)


def test_no_usage_is_shown_as_nothing() -> None:
    story = Story(plan(used(THOUSANDS)))
    story.provision(local(1, 1))
    [line] = story.renew().lines
    assert (str(line.amount.amount), line.quantity, len(line.derivation)) == ("0.00", Decimal(0), 0)


def test_usage_below_zero_costs_nothing() -> None:
    story = Story(plan(used(THOUSANDS)))
    story.provision(local(1, 1))
    story.use(local(1, 2), "-3")
    [line] = story.renew().lines
    assert (str(line.amount.amount), line.quantity) == ("0.00", Decimal(-3))


def test_the_scheduled_end_bills_the_last_usage_and_nothing_else() -> None:
    story = Story(AIRLINE)
    begun = story.provision(local(1, 1), {"gates": "20"})
    scheduled = story.cancel(local(1, 3)).subscription
    assert (scheduled.cancel_time, scheduled.revision) == (local(2, 1), 2)
    assert story.cancel(local(1, 4)).subscription is scheduled
    story.use(local(1, 5), "12")
    ended = story.renew()
    assert told(ended.lines) == [("USAGE", "12", "5.00")]
    assert ended.reason is InvoiceReason.FINAL
    subscription = ended.subscription
    assert (subscription.state, subscription.end_time) == (SubscriptionState.CANCELED, local(2, 1))
    assert subscription.period == begun.subscription.period
    for change in (story.cancel, story.resume, story.update):
        with pytest.raises(TollkeeperError) as refused:
            change(local(2, 1))
        assert refused.value.reason == "SUBSCRIPTION_ENDED"


@pytest.mark.parametrize(
    ("billing_period", "ends"),
    [
        (BillingPeriod.MONTHLY, [(2, 28), (3, 31), (4, 30), (5, 31)]),
        (BillingPeriod.QUARTERLY, [(4, 30), (7, 31), (10, 31)]),
        (BillingPeriod.YEARLY, [(1, 31)]),
    ],
)
def test_anchors_return_to_the_31st(billing_period: BillingPeriod, ends: list[tuple[int, int]]) -> None:
    story = Story(plan())
    story.provision(local(1, 31), billing_period=billing_period)
    for month, day in ends:
        end = story.subscription.period.end.astimezone(NEW_YORK)
        assert (end.month, end.day, end.hour) == (month, day, 0)
        assert story.renew().lines == ()
