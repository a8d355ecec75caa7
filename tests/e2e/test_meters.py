"""Meters, end to end: filters, aggregations, duplicates, events that come before their customer, usage of any range."""

import random

import pytest

from tests.e2e.scenario import NewScenario, Scenario, number, refused, text
from tollkeeper.metering.v1.event_pb2 import Event, Value
from tollkeeper.metering.v1.event_service_pb2 import ReportEventsRequest
from tollkeeper.metering.v1.usage_service_pb2 import GRANULARITY_DAY

pytestmark = pytest.mark.usefixtures("meters_catalog")


def exact(value: str) -> Value:
    """A dimension's number as text."""
    return Value(decimal_value=value)


def truth(value: bool) -> Value:  # noqa: FBT001 - the value is the argument.
    """A dimension's truth value."""
    return Value(bool_value=value)


def downloads(scenario: Scenario, customer: str) -> list[Event]:
    """Ten downloads of one day and what each of them is good for, worked out by hand in `EXPECTED`."""
    dimensions: list[dict[str, Value]] = [
        # Chosen: an image of Europe of a listed size; 10.0 is 10.
        {"user": text("1"), "bytes": number(0.1), "kind": text("image"), "region": text("eu-west"), "size": number(10)},
        {
            "user": number(1),
            "bytes": number(0.2),
            "kind": text("image"),
            "region": text("eu-north"),
            "size": exact("20.0"),
        },
        # Not chosen: another region; a size that is text; no size; not an image.
        {"user": exact("1.00"), "bytes": exact("0.3"), "kind": text("image"), "region": text("us"), "size": number(10)},
        {"user": text("a"), "bytes": text("12"), "kind": text("image"), "region": text("eu-west"), "size": text("10")},
        {"user": truth(True), "bytes": truth(True), "kind": text("image"), "region": text("eu-west")},
        {"user": text("true"), "kind": text("video"), "region": text("eu-west"), "size": number(10)},
        # Chosen: paid. Not chosen: paid as text, not paid.
        {"bytes": number(1000), "paid": truth(True)},
        {"bytes": number(-0.1), "paid": text("true")},
        {"bytes": exact("0.000000000001"), "paid": truth(False)},
        # A user whose name is empty is a user.
        {"user": text("")},
    ]
    noon = scenario.at(2024, 5, 1, 12)
    return [scenario.event(customer, "download", noon, key="", **values) for values in dimensions]


EXPECTED = {
    "meters-all": "10",
    # 0.1 + 0.2 + 0.3 + 1000 − 0.1 + 0.000000000001; text and truth are no numbers.
    "meters-bytes": "1000.500000000001",
    # "1", 1 (= 1.00), "a", true, "true", "".
    "meters-users": "6",
    "meters-chosen": "3",
    # 1000 − 0.1 + 0.000000000001
    "meters-nameless": "999.900000000001",
    "meters-named": "7",
}


async def subscribed(scenario: Scenario) -> str:
    """A customer on the plan of meters from 1 May 2024 on."""
    await scenario.begin(2024, 5, 1)
    customer = await scenario.customer()
    await scenario.subscribe(customer, "meters-free")
    return customer


async def usage_by_feature(scenario: Scenario, customer: str) -> dict[str, str]:
    """What metering computes from what it keeps."""
    start, end = scenario.at(2024, 5, 1), scenario.at(2024, 6, 1)
    return {feature: (await scenario.usage(customer, feature, start, end)).points[0].value for feature in EXPECTED}


async def test_filters_and_aggregations(new_scenario: NewScenario) -> None:
    scenario = new_scenario()
    customer = await subscribed(scenario)
    await scenario.send(*downloads(scenario, customer))
    shown = {feature: decision.usage for feature, decision in (await scenario.entitlements(customer)).items()}
    assert shown == EXPECTED
    assert await usage_by_feature(scenario, customer) == EXPECTED
    start, end = scenario.at(2024, 5, 1), scenario.at(2024, 6, 1)
    # Two whose bytes are no numbers, two without bytes.
    assert (await scenario.usage(customer, "meters-bytes", start, end)).skipped_count == 4


async def test_order_and_duplicates_change_nothing(new_scenario: NewScenario) -> None:
    scenario = new_scenario()
    customer = await subscribed(scenario)
    events = downloads(scenario, customer)
    random.Random(5).shuffle(events)
    new = duplicates = 0
    for batch in (events[:4], events[2:7], events[:1] * 3, events, list(reversed(events))):
        answer = await scenario.send(*batch)
        new += answer.new_count
        duplicates += answer.duplicate_count
    assert (new, duplicates) == (10, 4 + 5 + 3 + 20 - 10)
    shown = {feature: decision.usage for feature, decision in (await scenario.entitlements(customer)).items()}
    assert shown == EXPECTED


async def test_a_key_counts_once_whatever_its_content(new_scenario: NewScenario) -> None:
    scenario = new_scenario()
    customer = await subscribed(scenario)
    other = await scenario.customer("other")
    await scenario.subscribe(other, "meters-free")
    first = scenario.event(customer, "download", scenario.at(2024, 5, 1), key="one", bytes=number(1))
    changed = scenario.event(customer, "download", scenario.at(2024, 5, 1), key="one", bytes=number(5))
    elsewhere = scenario.event(other, "download", scenario.at(2024, 5, 1), key="one", bytes=number(7))
    await scenario.send(first, changed)
    answer = await scenario.send(changed, elsewhere)
    assert (answer.new_count, answer.duplicate_count) == (1, 1)
    assert (await scenario.check(customer, "meters-bytes")).usage == "1"
    assert (await scenario.check(other, "meters-bytes")).usage == "7"


async def test_events_from_before_their_customer_count_once_it_is_there(new_scenario: NewScenario) -> None:
    scenario = new_scenario()
    customer = f"{scenario.name}-customer"
    events = downloads(scenario, customer)
    await scenario.send(*events)
    assert await subscribed(scenario) == customer
    await scenario.send(*events)
    shown = {feature: decision.usage for feature, decision in (await scenario.entitlements(customer)).items()}
    assert shown == EXPECTED


async def test_one_bad_event_is_named_and_nothing_is_stored(new_scenario: NewScenario) -> None:
    scenario = new_scenario()
    customer = await subscribed(scenario)
    good, bad = downloads(scenario, customer)[:2]
    bad.dimensions["bytes"].number_value = float("nan")
    assert await refused(scenario.api.events.ReportEvents(ReportEventsRequest(events=[good, bad]))) == "INVALID_FIELD"
    ahead = scenario.event(customer, "download", scenario.at(2024, 5, 2, 0, 0, 1))
    timeless = Event(event_name="download", customer_id=customer, idempotency_key="timeless")
    # The timeless one first: its time makes metering ask whose it is. A customer that it has not heard of could be ahead of
    # nothing yet, and its events are kept.
    for refusable in (timeless, ahead):
        assert await refused(scenario.send(good, refusable)) == "INVALID_FIELD"
    assert (await scenario.check(customer, "meters-all")).usage == "0"
    assert (await scenario.send(good)).new_count == 1


async def test_a_daily_reset_and_the_usage_of_each_day_and_group(new_scenario: NewScenario) -> None:
    scenario = new_scenario("America/New_York")
    customer = await subscribed(scenario)
    await scenario.advance(2024, 5, 2, 12)
    await scenario.send(
        scenario.event(customer, "download", scenario.at(2024, 5, 1, 23, 59, 59), bytes=number(1), user=text("a")),
        scenario.event(customer, "download", scenario.at(2024, 5, 2), bytes=number(2), user=text("b")),
        scenario.event(customer, "download", scenario.at(2024, 5, 2, 3), bytes=number(4), user=text("a")),
        scenario.event(customer, "download", scenario.at(2024, 5, 2, 11), bytes=number(8)),
    )
    today = await scenario.check(customer, "meters-bytes")
    assert (today.usage, today.limit, today.remaining) == ("14", "1000.5", "986.5")
    assert today.usage_period.start_time.seconds == scenario.at(2024, 5, 2).timestamp()
    assert today.next_reset_time.seconds == scenario.at(2024, 5, 3).timestamp()
    answer = await scenario.usage(
        customer,
        "meters-bytes",
        scenario.at(2024, 5, 1),
        scenario.at(2024, 5, 3),
        granularity=GRANULARITY_DAY,
        group_by=["user"],
    )
    points = sorted((point.period.start_time.seconds, point.group[0], point.value) for point in answer.points)
    first, second = (int(scenario.at(2024, 5, day).timestamp()) for day in (1, 2))
    assert points == [(first, "a", "1"), (second, "", "8"), (second, "a", "4"), (second, "b", "2")]
