"""Laws of single changes: up and at once down is nothing, what is shown is what happens, periods follow one another."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from billing.domain.coupon import Coupon, Duration
from billing.domain.plan_effect import Group, effects
from billing.domain.plan_terms import Offer
from billing.domain.update import Timing
from kernel.money import Money, currency
from kernel.period import BillingPeriod
from kernel.recurrence import zone
from tests.properties.billing.arithmetic import MONTHS
from tests.properties.billing.lives import CURRENCIES, ZONES, plans, terms
from tests.unit.billing.story import Story
from tests.unit.billing.terms import add_ons, amount_off, percent_off, plan

NOW = datetime(2026, 1, 31, 5, tzinfo=UTC)
# Those of the zones above and some whose clocks change at midnight, by half an hour, in the other direction, or not at all.
MORE_ZONES = (*ZONES, "America/Santiago", "Africa/Cairo", "Europe/Dublin", "Asia/Kathmandu", "Pacific/Chatham")


@st.composite
def coupons(draw: st.DrawFn, unit: str) -> list[Coupon]:
    """Some, of every kind and duration."""
    found = []
    for number in range(draw(st.integers(0, 3))):
        duration, name = draw(st.sampled_from(Duration)), f"c{number}"
        if draw(st.booleans()):
            found.append(percent_off(draw(st.sampled_from(["10", "33.3", "50", "100"])), duration, months=1, id=name))
        else:
            amount = str(draw(st.integers(1, 60)))
            found.append(amount_off(amount, duration, months=1, unit=unit, id=name))
    return found


@st.composite
def stories(draw: st.DrawFn) -> Story:
    """A subscription to the plan "basic", beside which there are "pro" and its own next version."""
    unit, billing = draw(st.sampled_from(CURRENCIES)), draw(st.sampled_from(sorted(MONTHS)))
    first, second = (draw(plans("basic", version, ("lounge",))) for version in (1, 2))
    story = Story(terms(first, unit), terms(draw(plans("pro", 1, ("lounge",))), unit))
    story.provision(
        NOW,
        {"gates": str(draw(st.integers(3, 20)))},
        plan_id="basic",
        billing_period=BillingPeriod(billing),
        currency=unit,
        time_zone=draw(st.sampled_from(ZONES)),
        add_ons=add_ons({"lounge": 1}),
        coupons=draw(coupons(unit)),
    )
    story.publish(terms(second, unit))
    return story


@st.composite
def moments(draw: st.DrawFn, story: Story) -> datetime:
    """A moment of the current period, its first included."""
    period = story.subscription.period
    return period.start + timedelta(microseconds=draw(st.integers(0, period.microseconds - 1)))


@given(st.data())
def test_there_and_at_once_back_is_nothing(data: st.DataObject) -> None:
    story = data.draw(stories())
    held = story.subscription.holding
    at = data.draw(moments(story))
    if data.draw(st.booleans()):
        # The account has a history already.
        story.update(story.subscription.period.start, {"gates": "7"}, timing=Timing.NOW)
        held = story.subscription.holding
    before = story.balance
    gates = {"gates": str(data.draw(st.integers(3, 28)))}
    extras = {"lounge": data.draw(st.integers(0, 5))}
    plan_id = data.draw(st.sampled_from(["", "pro"]))
    more = data.draw(coupons(story.subscription.currency))
    new = [one for one in more if one.id not in {held.coupon.id for held in story.subscription.coupons}]
    story.update(at, gates, extras=extras, plan_id=plan_id, timing=Timing.NOW, coupons=new)
    story.publish(story.terms["basic", 1])
    back = {one.feature_id: str(one.quantity) for one in held.commitments}
    lounges = {"lounge": next((one.quantity for one in held.add_ons if one.add_on_id == "lounge"), 0)}
    story.update(at, back, extras=lounges, plan_id="basic" if plan_id else "", timing=Timing.NOW)
    assert story.subscription.holding == held
    assert story.balance == before


@given(st.data())
def test_what_is_shown_is_what_happens(data: st.DataObject) -> None:
    story = data.draw(stories())
    at = data.draw(moments(story))
    asked = {
        "plan_id": data.draw(st.sampled_from(["", "pro"])),
        "latest_version": data.draw(st.booleans()),
        "extras": {"lounge": data.draw(st.integers(0, 3))},
        "timing": data.draw(st.sampled_from(Timing)),
        "billing_period": data.draw(st.sampled_from([None, *BillingPeriod])),
    }
    gates = {"gates": str(data.draw(st.integers(3, 28)))}
    before = story.subscription
    shown = story.preview(at, gates, **asked)
    assert story.subscription is before
    assert story.update(at, gates, **asked) == shown


@given(st.data())
def test_a_percentage_takes_off_its_part(data: st.DataObject) -> None:
    unit = data.draw(st.sampled_from(CURRENCIES))
    percent = data.draw(st.sampled_from(["10", "33.3", "50", "100"]))
    story = Story(terms(data.draw(plans("basic", 1, ())), unit))
    story.provision(NOW, {"gates": "5"}, plan_id="basic", currency=unit, coupons=[percent_off(percent)])
    for day, quantity in enumerate(data.draw(st.lists(st.integers(3, 28), max_size=4))):
        story.update(NOW + timedelta(days=day), {"gates": str(quantity)}, timing=Timing.NOW)
    gates = [line for line in story.lines if line.feature_id == "gates"]
    off = sum((Fraction(one.amount.amount) for line in gates for one in line.discounts), Fraction(0))
    due = sum((Fraction(line.subtotal.amount) for line in gates), Fraction(0))
    # Each line may be a minor unit away, because an invoice's discount is rounded and split over its lines.
    nearly = Fraction(len(gates), 10 ** currency(unit).minor_digits)
    assert abs(off - due * Fraction(percent) / 100) <= nearly


@settings(max_examples=30)
@given(st.sampled_from(MORE_ZONES), st.sampled_from(BillingPeriod), st.data())
def test_periods_follow_one_another_from_their_anchor(
    time_zone: str, billing_period: BillingPeriod, data: st.DataObject
) -> None:
    story = Story(plan())
    last = datetime(2024, 1, 29, tzinfo=UTC) + timedelta(days=data.draw(st.integers(0, 31)))
    start = last + timedelta(seconds=data.draw(st.integers(0, 86_399)))
    story.provision(start, time_zone=time_zone, billing_period=billing_period)
    anchor = start.astimezone(zone(time_zone))
    for _ in range(25 // billing_period.months + 1):
        before = story.subscription.period
        after = story.renew().subscription.period
        assert before.start < before.end == after.start
        local = after.start.astimezone(zone(time_zone))
        tomorrow = (after.start + timedelta(days=1)).astimezone(zone(time_zone))
        # The anchor's day, or the last of a month that has no such day.
        assert local.day == anchor.day or (local.day < anchor.day and tomorrow.day == 1)


@given(st.data())
def test_the_blast_radius_is_what_the_next_renewals_charge(data: st.DataObject) -> None:
    story = data.draw(stories())
    old, new = story.terms["basic", 1], story.terms["basic", 2]
    held = story.subscription
    offer = Offer(held.holding.billing_period, held.currency)
    [effect] = effects([Group(held.holding, offer, 3)], terms=story.terms, new=new)
    assert (effect.plan_version, effect.subscriptions, effect.not_offered) == (old.version, 3, 0)
    amounts = []
    for migrated in (False, True):
        if migrated:
            story.update(story.subscription.period.start, latest_version=True, timing=Timing.PERIOD_END)
        lines = [line for line in story.renew().lines if line.feature_id != "departures"]
        amounts.append(Money.total((line.subtotal for line in lines), currency(held.currency)).amount * 3)
    assert amounts == [effect.current.amount, effect.new.amount]
