"""Checks and reports, end to end: each refusal with its reason in its order, limits that hold, answers that are fresh."""

import asyncio

import pytest

from calls import call
from tests.e2e.scenario import NewScenario, Scenario, number, refused, text
from tollkeeper.common.v1.update_behavior_pb2 import UPDATE_BEHAVIOR_SET
from tollkeeper.entitlements.v1.decision_pb2 import DecisionReason
from tollkeeper.entitlements.v1.entitlements_service_pb2 import (
    ENFORCEMENT_ENFORCE,
    CheckEntitlementRequest,
    Consistency,
)

pytestmark = pytest.mark.usefixtures("airlines_catalog", "models_catalog")


async def carrier(scenario: Scenario, gates: str = "3") -> str:
    """A customer on the carrier plan from 1 January 2013 on."""
    await scenario.begin(2013, 1, 1)
    customer = await scenario.customer()
    await scenario.subscribe(customer, "carrier", commitments={"gates": gates})
    return customer


def reason(value: "DecisionReason.ValueType") -> str:
    """As the contract's comments write it."""
    return DecisionReason.Name(value).removeprefix("DECISION_REASON_")


async def test_each_refusal_in_its_order(new_scenario: NewScenario) -> None:
    scenario = new_scenario("America/New_York")
    customer = await carrier(scenario)
    stranger = await scenario.customer("stranger")
    asked = [
        ("nobody-at-all", "no-such-feature", [], "CUSTOMER_UNKNOWN"),
        (stranger, "no-such-feature", [], "NO_ACTIVE_SUBSCRIPTION"),
        (customer, "no-such-feature", [], "FEATURE_UNKNOWN"),
        (customer, "models-flat", [], "FEATURE_NOT_INCLUDED"),
        (customer, "airports", ["JFK", "SWF"], "VALUE_NOT_GRANTED"),
        (customer, "airports", ["no-such-value"], "VALUE_NOT_GRANTED"),
        (customer, "airports", ["LGA", "JFK"], "INCLUDED"),
        (customer, "airports", [], "INCLUDED"),
        (customer, "night-flights", [], "INCLUDED"),
        (customer, "gates", [], "WITHIN_LIMIT"),
        (customer, "departures", [], "UNLIMITED"),
        (customer, "miles", [], "WITHIN_LIMIT"),
    ]
    for who, feature, values, why in asked:
        decision = await scenario.check(who, feature, values=values)
        assert reason(decision.reason) == why, (who, feature)
        assert decision.granted == (decision.reason < 10)
        assert decision.explanation
    assert list((await scenario.check(customer, "airports")).values) == ["EWR", "JFK", "LGA"]


async def test_a_bare_check_at_the_limit_says_no_and_a_check_of_nothing_yes(new_scenario: NewScenario) -> None:
    scenario = new_scenario()
    customer = await carrier(scenario, gates="3")
    for _ in range(3):
        assert (await scenario.report(customer, "gates", "1", enforcement=ENFORCEMENT_ENFORCE)).written
    bare = await scenario.check(customer, "gates")
    assert (bare.granted, reason(bare.reason), bare.usage, bare.limit, bare.remaining) == (
        False,
        "LIMIT_EXCEEDED",
        "3",
        "3",
        "0",
    )
    assert (await scenario.check(customer, "gates", requested="0")).granted
    assert not bare.usage_period.HasField("end_time")
    assert not bare.HasField("next_reset_time")


async def test_enforce_writes_all_or_nothing_and_leaves_a_refused_key_free(new_scenario: NewScenario) -> None:
    scenario = new_scenario()
    customer = await carrier(scenario, gates="3")
    assert (await scenario.report(customer, "gates", "2", enforcement=ENFORCEMENT_ENFORCE)).written
    refusal = await scenario.report(customer, "gates", "2", enforcement=ENFORCEMENT_ENFORCE, key="two-more")
    assert (refusal.written, refusal.token, refusal.usage) == (False, "", "2")
    assert reason(refusal.decision.reason) == "LIMIT_EXCEEDED"
    await scenario.report(customer, "gates", "-1")
    again = await scenario.report(customer, "gates", "2", enforcement=ENFORCEMENT_ENFORCE, key="two-more")
    assert (again.written, again.usage) == (True, "3")
    repeated = await scenario.report(customer, "gates", "2", enforcement=ENFORCEMENT_ENFORCE, key="two-more")
    assert (repeated.written, repeated.usage) == (True, "3")
    assert await refused(scenario.report(customer, "gates", "1", key="two-more")) == "IDEMPOTENCY_KEY_REUSED"
    # RECORD writes whatever the limit, ENFORCE never refuses less, and nothing goes below zero.
    assert (await scenario.report(customer, "gates", "4")).usage == "7"
    assert (await scenario.report(customer, "gates", "-2", enforcement=ENFORCEMENT_ENFORCE)).usage == "5"
    assert await refused(scenario.report(customer, "gates", "-6")) == "USAGE_BELOW_ZERO"
    over = await scenario.report(
        customer, "gates", "4", update_behavior=UPDATE_BEHAVIOR_SET, enforcement=ENFORCEMENT_ENFORCE
    )
    # Four is above the limit of three, but less than the five before it: what lowers usage is never refused.
    assert (over.written, over.usage) == (True, "4")
    less = await scenario.report(customer, "gates", "1", update_behavior=UPDATE_BEHAVIOR_SET)
    assert (less.written, less.usage) == (True, "1")


async def test_racing_callers_never_pass_a_hard_limit(new_scenario: NewScenario) -> None:
    scenario = new_scenario()
    customer = await carrier(scenario, gates="20")
    answers = await asyncio.gather(
        *(scenario.report(customer, "gates", "1", enforcement=ENFORCEMENT_ENFORCE) for _ in range(60))
    )
    assert sum(answer.written for answer in answers) == 20
    assert max(int(answer.usage) for answer in answers) == 20
    assert {reason(answer.decision.reason) for answer in answers if not answer.written} == {"LIMIT_EXCEEDED"}
    current = CheckEntitlementRequest(customer_id=customer, feature_id="gates", consistency=Consistency(current=True))
    assert (await call(scenario.api.entitlements.CheckEntitlement, current)).decision.usage == "20"


async def test_a_raised_commitment_is_the_limit_of_the_very_next_report(new_scenario: NewScenario) -> None:
    scenario = new_scenario()
    await scenario.begin(2013, 1, 1)
    customer = await scenario.customer()
    subscription = (await scenario.subscribe(customer, "carrier")).subscription.id
    for gates in range(2, 12):
        assert (await scenario.report(customer, "gates", "1", enforcement=ENFORCEMENT_ENFORCE)).written
        assert not (await scenario.report(customer, "gates", "1", enforcement=ENFORCEMENT_ENFORCE)).written
        await scenario.commit(customer, subscription, {"gates": str(gates)})
    assert (await scenario.check(customer, "gates")).usage == "10"


async def test_raw_events_are_recorded_beyond_a_hard_limit_which_refuses_checks(new_scenario: NewScenario) -> None:
    scenario = new_scenario("America/New_York")
    customer = await carrier(scenario)
    flights = [
        scenario.event(
            customer, "flight.departed", scenario.at(2013, 1, 1, 6), tailnum=text(f"N{n % 201}"), distance=number(0.1)
        )
        for n in range(402)
    ]
    await scenario.send(*flights[:200])
    at_limit = await scenario.check(customer, "aircraft")
    assert (at_limit.granted, at_limit.usage, at_limit.remaining) == (False, "200", "0")
    await scenario.send(*flights[200:])
    over = await scenario.check(customer, "aircraft", requested="0")
    assert (over.granted, over.usage, over.limit, over.remaining) == (False, "201", "200", "0")
    assert over.next_reset_time.seconds == scenario.at(2013, 2, 1).timestamp()
    # Tenths add up exactly.
    assert (await scenario.check(customer, "miles")).usage == "40.2"
    # A passed boundary reads as zero at once.
    await scenario.advance(2013, 2, 1)
    february = await scenario.check(customer, "aircraft")
    assert (february.granted, february.usage, february.remaining) == (True, "0", "200")


async def test_a_soft_limit_is_shown_and_grants(new_scenario: NewScenario) -> None:
    scenario = new_scenario("America/New_York")
    customer = await carrier(scenario)
    time = scenario.at(2013, 1, 1, 6)
    await scenario.send(scenario.event(customer, "flight.departed", time, distance=number(2_000_000)))
    decision = await scenario.check(customer, "miles")
    assert (decision.granted, reason(decision.reason), decision.soft_limit) == (True, "OVER_SOFT_LIMIT", True)
    assert (decision.usage, decision.limit, decision.remaining) == ("2000000", "2000000", "0")


async def test_reports_that_no_usage_belongs_to_are_errors(new_scenario: NewScenario) -> None:
    scenario = new_scenario()
    customer = await carrier(scenario)
    assert await refused(scenario.report(customer, "departures", "1")) == "FEATURE_NOT_CALCULATED"
    assert await refused(scenario.report(customer, "night-flights", "1")) == "FEATURE_NOT_METERED"
    assert await refused(scenario.report(customer, "no-such-feature", "1")) == "FEATURE_NOT_FOUND"
    assert await refused(scenario.report("nobody-at-all", "gates", "1")) == "CUSTOMER_NOT_FOUND"


async def test_a_report_that_no_entitlement_covers_is_kept_and_counts_later(new_scenario: NewScenario) -> None:
    scenario = new_scenario()
    await scenario.begin(2013, 1, 1)
    customer = await scenario.customer()
    early = await scenario.report(customer, "gates", "2")
    assert (early.written, early.covered) == (True, False)
    enforced = await scenario.report(customer, "gates", "1", enforcement=ENFORCEMENT_ENFORCE)
    assert (enforced.written, reason(enforced.decision.reason)) == (False, "NO_ACTIVE_SUBSCRIPTION")
    await scenario.subscribe(customer, "carrier", commitments={"gates": "3"})
    decision = await scenario.check(customer, "gates")
    assert (decision.granted, decision.usage) == (True, "2")


async def test_report_then_check_is_never_stale(new_scenario: NewScenario) -> None:
    scenario = new_scenario()
    customers = [await carrier(scenario, gates="50")]
    customers += [await scenario.customer(f"other{n}") for n in range(3)]
    for other in customers[1:]:
        await scenario.subscribe(other, "carrier", commitments={"gates": "50"})

    async def occupy(who: str) -> None:
        for gates in range(1, 26):
            await scenario.report(who, "gates", "1", enforcement=ENFORCEMENT_ENFORCE)
            assert (await scenario.check(who, "gates")).usage == str(gates)
            time = scenario.at(2013, 1, 1, gates % 24)
            await scenario.send(scenario.event(who, "flight.departed", time, distance=number(1)))
            assert (await scenario.check(who, "miles")).usage == str(gates)

    await asyncio.gather(*(occupy(who) for who in customers))
