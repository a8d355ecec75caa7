"""A subscription's life as values: begun, raised, renewed, ended, with every line checked."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from billing.domain.invoice import InvoiceReason
from billing.domain.lifecycle import Change, close_period, provision, schedule_end
from billing.domain.plan_terms import Offer
from billing.domain.subscription import SubscriptionState
from kernel.errors import TollkeeperError
from kernel.period import BillingPeriod
from kernel.pricing import FlatRate, Package
from tests.unit.billing.terms import (
    GRADUATED_WITH_FEES,
    PACKAGE,
    VOLUME_WITH_FEES,
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


def test_a_raise_in_the_middle_of_january() -> None:
    begun = provisioned(AIRLINE, local(1, 1), {"gates": "20"})
    change = raised(begun, AIRLINE, local(1, 16), {"gates": "24"}, account=begun.lines)
    [line] = change.lines
    assert told(change.lines) == [("COMMITMENT_PRORATION", "24", "20.65")]
    assert line.description == "Gates: 24 gates instead of 20, from 16 Jan 2013 to 1 Feb 2013"
    assert (line.previous_quantity, line.period.start, line.period.end) == (Decimal(20), local(1, 16), local(2, 1))
    day = 86_400_000_000
    assert line.part is not None
    assert (line.part.charged_microseconds, line.part.period_microseconds) == (16 * day, 31 * day)
    assert [(step.description, str(step.amount)) for step in line.derivation] == [
        ("20 gates for 15 of 31 days: 5 × 20 + 10 + 5 × 15 + 8 + 10 × 10 + 5 = 298 a period", "144.193548387097"),
        ("24 gates for 16 of 31 days: 5 × 20 + 10 + 5 × 15 + 8 + 14 × 10 + 5 = 338 a period", "174.451612903226"),
        ("rounded to 0.01", "0.004838709677"),
        ("already charged", "-298.00"),
    ]
    assert sum(step.amount for step in line.derivation) == line.amount.amount


def test_two_raises_add_up_to_the_whole() -> None:
    begun = provisioned(AIRLINE, local(1, 1), {"gates": "20"})
    first = raised(begun, AIRLINE, local(1, 16), {"gates": "24"}, account=begun.lines)
    account = [*begun.lines, *first.lines]
    second = raised(first, AIRLINE, local(1, 20), {"gates": "30"}, account=account)
    # 298 × 15/31 + 338 × 4/31 + 398 × 12/31 = 341.870…; 318.65 were charged.
    assert told(second.lines) == [("COMMITMENT_PRORATION", "30", "23.22")]


def test_an_equal_quantity_changes_nothing() -> None:
    begun = provisioned(AIRLINE, local(1, 1), {"gates": "20"})
    change = raised(begun, AIRLINE, local(1, 16), {"gates": "20.000"}, account=begun.lines)
    assert change.subscription is begun.subscription
    assert change.lines == ()


def test_a_raise_at_the_very_start_costs_the_whole_difference() -> None:
    begun = provisioned(AIRLINE, local(1, 1), {"gates": "20"})
    change = raised(begun, AIRLINE, local(1, 1), {"gates": "24"}, account=begun.lines)
    assert told(change.lines) == [("COMMITMENT_PRORATION", "24", "40.00")]
    assert [step.description.split(":")[0] for step in change.lines[0].derivation] == [
        "24 gates for 31 of 31 days",
        "already charged",
    ]


def test_a_clock_that_lags_behind_counts_as_the_last_change() -> None:
    begun = provisioned(AIRLINE, local(1, 1), {"gates": "20"})
    first = raised(begun, AIRLINE, local(1, 16), {"gates": "24"}, account=begun.lines)
    account = [*begun.lines, *first.lines]
    second = raised(first, AIRLINE, local(1, 15), {"gates": "30"}, account=account)
    assert second.lines[0].period.start == local(1, 16)


def test_volume_prices_that_fall_are_a_credit() -> None:
    terms = plan(committed(VOLUME_WITH_FEES))
    begun = provisioned(terms, local(4, 1), {"gates": "10"})
    change = raised(begun, terms, local(4, 16), {"gates": "11"}, account=begun.lines)
    assert told(change.lines) == [("COMMITMENT_PRORATION", "11", "-21.50")]
    assert sum(step.amount for step in change.lines[0].derivation) == Decimal("-21.50")


@pytest.mark.parametrize(
    ("month", "day", "hours_left", "hours", "amount"),
    [
        # March of 2013 has 743 hours in New York, November 721.
        (3, 10, 22 * 24 - 1, 743, "28.37"),
        (3, 11, 21 * 24, 743, "27.13"),
        (11, 3, 28 * 24 + 1, 721, "37.34"),
        (11, 4, 27 * 24, 721, "35.95"),
    ],
)
def test_a_clock_change_is_prorated_by_exact_time(
    month: int, day: int, hours_left: int, hours: int, amount: str
) -> None:
    terms = plan(committed(FlatRate(Decimal(20))))
    begun = provisioned(terms, local(month, 1), {"gates": "1"})
    change = raised(begun, terms, local(month, day), {"gates": "3"}, account=begun.lines)
    [line] = change.lines
    assert line.part is not None
    assert line.part.charged_microseconds == hours_left * 3_600_000_000
    assert line.part.period_microseconds == hours * 3_600_000_000
    assert str(line.amount.amount) == amount


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


def test_a_raise_before_the_scheduled_end_is_taken() -> None:
    begun = provisioned(AIRLINE, local(1, 1), {"gates": "20"})
    scheduled = Change(schedule_end(begun.subscription, revision=5), (), InvoiceReason.FINAL, 0)
    change = raised(scheduled, AIRLINE, local(1, 16), {"gates": "24"}, account=begun.lines)
    assert told(change.lines) == [("COMMITMENT_PRORATION", "24", "20.65")]
    assert change.subscription.cancel_time == local(2, 1)


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


@pytest.mark.parametrize(
    ("currency", "unit_price", "first", "addition"), [("JPY", "333", "333", "161"), ("KWD", "0.3335", "0.334", "0.161")]
)
def test_amounts_are_rounded_to_the_currencys_minor_unit(
    currency: str, unit_price: str, *, first: str, addition: str
) -> None:
    offer = Offer(BillingPeriod.MONTHLY, currency)
    terms = plan(committed(FlatRate(Decimal(unit_price)), offers=[offer]))
    begun = provisioned(terms, datetime(2026, 4, 1, tzinfo=UTC), {"gates": "1"}, time_zone="UTC", offer=offer)
    assert str(begun.lines[0].amount.amount) == first
    at = datetime(2026, 4, 16, 12, tzinfo=UTC)
    change = raised(begun, terms, at, {"gates": "2"}, account=begun.lines)
    assert str(change.lines[0].amount.amount) == addition


def test_blocks_are_prorated_whole() -> None:
    terms = plan(committed(PACKAGE))
    begun = provisioned(terms, datetime(2026, 4, 1, tzinfo=UTC), {"gates": "1"}, time_zone="UTC")
    change = raised(
        begun, terms, begun.subscription.start_time + timedelta(days=15), {"gates": "26"}, account=begun.lines
    )
    assert told(change.lines) == [("COMMITMENT_PRORATION", "50", "2.50")]
    assert change.subscription.committed("gates").quantity == 50
