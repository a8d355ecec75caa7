"""A subscription's life as values: begun, raised, renewed, ended, with every line checked."""

from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from billing.domain.invoice import InvoiceReason
from billing.domain.lifecycle import close_period, provision, schedule_end
from billing.domain.plan_terms import Offer
from billing.domain.subscription import SubscriptionState
from kernel.errors import TollkeeperError
from kernel.period import BillingPeriod
from kernel.pricing import FlatRate, Package
from tests.unit.billing.terms import (
    GRADUATED_WITH_FEES,
    agreement,
    answers,
    closed,
    committed,
    customer,
    fee,
    plan,
    provisioned,
    raised,
    told,
    used,
)

NEW_YORK = ZoneInfo("America/New_York")
THOUSANDS = Package(Decimal(1000), Decimal(5))
AIRLINE = plan(fee("9.99"), committed(GRADUATED_WITH_FEES), used(THOUSANDS))


def local(month: int, day: int, hour: int = 0, year: int = 2013) -> datetime:
    return datetime(year, month, day, hour, tzinfo=NEW_YORK)


def test_provisioning_charges_the_fee_and_the_commitment() -> None:
    change = provisioned(AIRLINE, local(1, 1), {"gates": "20"})
    assert told(change.lines) == [("FLAT_FEE", "1", "9.99"), ("COMMITMENT", "20", "298.00")]
    assert change.lines[0].description == "Airline: fixed fee, from 1 Jan 2013 to 1 Feb 2013"
    assert [step.description for step in change.lines[0].derivation] == ["fixed fee"]
    assert change.reason is InvoiceReason.PROVISION
    subscription = change.subscription
    assert (subscription.period.start, subscription.period.end) == (local(1, 1), local(2, 1))
    assert (subscription.state, subscription.period_number) == (SubscriptionState.ACTIVE, 0)


def test_nothing_in_advance_makes_no_lines() -> None:
    assert provisioned(plan(used(THOUSANDS)), local(1, 1)).lines == ()
    assert provisioned(plan(), local(1, 1), offer=Offer(BillingPeriod.YEARLY, "KWD")).lines == ()


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
        provisioned(terms, local(1, 1), offer=Offer(BillingPeriod.MONTHLY, "EUR"))
    assert refused.value.reason == "PRICE_NOT_OFFERED"
    assert refused.value.metadata["offered"] == "MONTHLY USD, YEARLY USD"
    assert (
        refused.value.message
        == "The plan airline is not offered MONTHLY in EUR. It is offered: MONTHLY USD, YEARLY USD."
    )


def test_the_customers_currency_is_taken_where_none_is_asked_for() -> None:
    change = provision(plan(), agreement(), customer=customer(local(1, 1), "KWD"), now=local(1, 1), revision=1)
    assert change.subscription.offer.currency == "KWD"


def test_a_renewal_charges_the_new_amount_in_advance_and_the_usage_in_arrears() -> None:
    begun = provisioned(AIRLINE, local(1, 1), {"gates": "20"})
    first = raised(begun, AIRLINE, local(1, 16), {"gates": "24"}, account=begun.lines)
    renewed = closed(first, AIRLINE, "4512")
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
    [line] = closed(provisioned(plan(used(THOUSANDS)), local(1, 1)), plan(used(THOUSANDS)), "0").lines
    assert (str(line.amount.amount), line.quantity, len(line.derivation)) == ("0.00", Decimal(0), 0)


def test_usage_below_zero_costs_nothing() -> None:
    [line] = closed(provisioned(plan(used(THOUSANDS)), local(1, 1)), plan(used(THOUSANDS)), "-3").lines
    assert (str(line.amount.amount), line.quantity) == ("0.00", Decimal(-3))


def test_the_scheduled_end_bills_the_last_usage_and_nothing_else() -> None:
    begun = provisioned(AIRLINE, local(1, 1), {"gates": "20"})
    scheduled = schedule_end(begun.subscription, revision=5)
    assert (scheduled.cancel_time, scheduled.revision) == (local(2, 1), 5)
    assert schedule_end(scheduled, revision=6) is scheduled
    ended = close_period(scheduled, AIRLINE, answers=answers(begun, AIRLINE, "12"), billed=(), revision=7)
    assert told(ended.lines) == [("USAGE", "12", "5.00")]
    assert ended.reason is InvoiceReason.FINAL
    subscription = ended.subscription
    assert (subscription.state, subscription.end_time) == (SubscriptionState.CANCELED, local(2, 1))
    assert subscription.period == begun.subscription.period
    assert schedule_end(subscription, revision=8) is subscription
    with pytest.raises(TollkeeperError) as refused:
        raised(ended, AIRLINE, local(2, 1), {"gates": "30"}, account=begun.lines)
    assert refused.value.reason == "SUBSCRIPTION_ENDED"


@pytest.mark.parametrize(
    ("offer", "ends"),
    [
        (BillingPeriod.MONTHLY, [(2, 28), (3, 31), (4, 30), (5, 31)]),
        (BillingPeriod.QUARTERLY, [(4, 30), (7, 31), (10, 31)]),
        (BillingPeriod.YEARLY, [(1, 31)]),
    ],
)
def test_anchors_return_to_the_31st(offer: BillingPeriod, ends: list[tuple[int, int]]) -> None:
    change = provisioned(plan(), local(1, 31), offer=Offer(offer, "USD"))
    for month, day in ends:
        end = change.subscription.period.end.astimezone(NEW_YORK)
        assert (end.month, end.day, end.hour) == (month, day, 0)
        change = closed(change, plan())
        assert change.lines == ()
