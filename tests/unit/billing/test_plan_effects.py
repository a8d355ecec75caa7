"""What a plan version would mean for those who hold another: counted, priced, and as migrating would leave them."""

from decimal import Decimal

import pytest

from billing.domain.holding import Holding
from billing.domain.plan_effect import Effect, Group, effects
from billing.domain.plan_terms import Offer, PlanTerms
from kernel.money import Money, currency
from kernel.period import BillingPeriod
from kernel.pricing import FlatRate
from tests.unit.billing.terms import PACKAGE, USD_MONTHLY, add_on, add_ons, commitments, committed, fee, plan, used

YEARLY = Offer(BillingPeriod.YEARLY, "USD")
DINARS = Offer(BillingPeriod.MONTHLY, "KWD")
OFFERS = (USD_MONTHLY, YEARLY, DINARS)
OLD = plan(
    fee("10", offers=OFFERS),
    committed(FlatRate(Decimal(2)), offers=OFFERS),
    add_ons=[add_on("lounge", fee("3", offers=OFFERS))],
)


def group(quantity: str, number: int, *, offer: Offer = USD_MONTHLY, version: int = 1, lounges: int = 0) -> Group:
    extras = add_ons({"lounge": lounges} if lounges else {})
    return Group(
        Holding("airline", version, offer.billing_period, commitments({"gates": quantity}), extras), offer, number
    )


def told(found: list[Effect]) -> list[tuple[int, str, int, str, str, int]]:
    return [
        (one.plan_version, f"{one.billing_period} {one.current.currency.code}", one.subscriptions,
         str(one.current.amount), str(one.new.amount), one.not_offered)
        for one in found
    ]  # fmt: skip


def effect_of(new: PlanTerms, *groups: Group) -> list[tuple[int, str, int, str, str, int]]:
    later = plan(*OLD.charges, version=2, add_ons=OLD.add_ons.values())
    return told(effects(groups, terms={OLD.key: OLD, later.key: later}, new=new))


def test_equal_subscriptions_are_priced_together_and_kinds_apart() -> None:
    new = plan(
        fee("12", offers=OFFERS),
        committed(FlatRate(Decimal("2.5")), offers=OFFERS),
        version=3,
        add_ons=OLD.add_ons.values(),
    )
    found = effect_of(
        new,
        group("4", 2, version=2),
        group("1", 1, offer=YEARLY),
        group("4", 3),
        group("1", 2, lounges=2),
        group("1", 1, offer=DINARS),
    )
    assert found == [
        # 3 × (10 + 8) + 2 × (10 + 2 + 6), and what they would cost.
        (1, "MONTHLY KWD", 1, "12.000", "14.500", 0),
        (1, "MONTHLY USD", 5, "90.00", "107.00", 0),
        (1, "YEARLY USD", 1, "12.00", "14.50", 0),
        (2, "MONTHLY USD", 2, "36.00", "44.00", 0),
    ]


@pytest.mark.parametrize(
    ("quantity", "new_amount"),
    # Within the new bounds as it is; outside of them the new minimum, in whole blocks; all at 5 a block of 25.
    [("1", "10.00"), ("30", "10.00"), ("75", "15.00"), ("76", "10.00")],
)
def test_quantities_are_as_migrating_leaves_them(quantity: str, new_amount: str) -> None:
    new = plan(committed(PACKAGE, minimum="30", maximum="80"), version=3)
    [(*_, amount, missing)] = effect_of(new, group(quantity, 1))
    assert (amount, missing) == (new_amount, 0)


def test_what_is_new_costs_its_minimum_and_what_goes_nothing() -> None:
    new = plan(committed(FlatRate(Decimal(7)), feature_id="slots", minimum="3"), version=3)
    assert effect_of(new, group("4", 1, lounges=2)) == [(1, "MONTHLY USD", 1, "24.00", "21.00", 0)]


def test_an_add_on_goes_where_what_it_requires_goes_or_it_is_too_many() -> None:
    new = plan(fee("1"), version=3, add_ons=[add_on("lounge", maximum=2), add_on("sauna")])
    assert effect_of(new, group("1", 1, lounges=2))[0][4] == "7.00"
    assert effect_of(new, group("1", 1, lounges=3))[0][4] == "1.00"
    required = plan(fee("1"), version=3, add_ons=[add_on("lounge", required=["sauna"]), add_on("sauna")])
    assert effect_of(required, group("1", 1, lounges=1))[0][4] == "1.00"


@pytest.mark.parametrize(
    "new",
    [
        plan(fee("12", offers=[YEARLY]), version=3),
        # No whole block is within the bounds.
        plan(committed(PACKAGE, minimum="30", maximum="40"), version=3),
        # Something else charges for the usage.
        plan(used(FlatRate(Decimal(1))), version=3, add_ons=[add_on("lounge", used(FlatRate(Decimal(1))))]),
    ],
    ids=["no price", "no quantity", "charged twice"],
)
def test_those_who_cannot_have_it_are_in_neither_amount(new: PlanTerms) -> None:
    zero = Money.zero(currency("USD"))
    [one] = effects([group("1", 4, lounges=1)], terms={OLD.key: OLD}, new=new)
    assert (one.subscriptions, one.not_offered, one.current, one.new) == (4, 4, zero, zero)


def test_each_line_of_each_subscription_is_rounded() -> None:
    new = plan(committed(FlatRate(Decimal("0.335"))), version=3)
    assert effect_of(new, group("1", 100)) == [(1, "MONTHLY USD", 100, "1200.00", "34.00", 0)]
