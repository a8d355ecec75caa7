"""All 336,776 flights of the year, in shuffled order and every batch sent twice: metered, shown and billed exactly.

January is sent before anybody knows the carriers; a share of each month only after the month was invoiced. What comes
out is compared with a straight count over the file, per carrier and month.
"""

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from calls import call, timestamp
from cli.local_platform import Platform
from flights import NEW_YORK, Flight, read_flights
from kit.client import open_channel
from straight_count import Count, count_months
from tests.e2e.invoices import assert_adds_up
from tests.e2e.scenario import NewScenario, Scenario
from tollkeeper.billing.v1.customer_pb2 import Customer
from tollkeeper.billing.v1.customer_service_pb2 import CreateCustomerRequest
from tollkeeper.billing.v1.invoice_pb2 import INVOICE_LINE_TYPE_LATE_USAGE, Invoice
from tollkeeper.metering.v1.event_service_pb2 import ReportEventsRequest
from tollkeeper.metering.v1.tracker_pb2 import INTERVAL_MONTH, Recurrence, Series, Tracker
from tollkeeper.metering.v1.tracker_service_pb2 import (
    BatchGetWindowsRequest,
    RegisterTrackersRequest,
    WindowLookup,
)
from tollkeeper.metering.v1.tracker_service_pb2_grpc import TrackerServiceStub
from tollkeeper.metering.v1.usage_service_pb2 import GRANULARITY_MONTH

pytestmark = [pytest.mark.slow, pytest.mark.timeout(280), pytest.mark.usefixtures("year_catalog")]

# Fewer calls than the contract's 5,000 events would need, and enough of them to run beside each other.
BATCH = 2_000
AT_ONCE = 4

Month = tuple[str, int]
Found = dict[Month, dict[str, str]]

FEATURES = ("year-flights", "year-miles", "year-aircraft")

# The periods of the subscriptions.
MONTHLY = Recurrence(
    interval=INTERVAL_MONTH, anchor_time=timestamp(datetime(2013, 1, 1, tzinfo=NEW_YORK)), time_zone=NEW_YORK.key
)


async def test_the_whole_year(platform: Platform, new_scenario: NewScenario) -> None:
    scenario = new_scenario("America/New_York")
    chance = random.Random(2013)
    straight = expected(count_months(with_canceled=True))
    carriers = sorted({carrier for carrier, _ in straight})
    sent = 0
    held_back: list[Flight] = []
    for month, flights in enumerate(by_month(read_flights()), start=1):
        prompt, late = divide(flights, chance)
        if month == 1:
            sent += await send_twice(scenario, prompt, chance)
            await subscribe_all(scenario, carriers)
            await scenario.advance(2013, 1, 31, 23, 59)
        else:
            await scenario.advance(*last_minute(month))
            sent += await send_twice(scenario, prompt + held_back, chance)
        await assert_shown(scenario, carriers, prompt)
        held_back = late
    await scenario.advance(2014, 1, 1)
    sent += await send_twice(scenario, held_back, chance)
    await scenario.advance(2014, 2, 1)
    assert sent == 336_776

    invoices = {carrier: await scenario.invoices(carrier) for carrier in carriers}
    assert billed(invoices) == straight
    assert_priced(invoices, straight)
    assert await queried(scenario, carriers) == straight
    assert await windows(platform, carriers) == straight
    whole = await year_of(scenario, "UA")
    assert whole == {"year-flights": "58665", "year-miles": "89705524", "year-aircraft": "620"}


def expected(counts: Mapping[Month, Count]) -> Found:
    """The straight count, in the words of the features."""
    return {
        month: {
            "year-flights": str(count.flights),
            "year-miles": str(count.miles),
            "year-aircraft": str(count.aircraft),
        }
        for month, count in counts.items()
    }


def month_of(time: Timestamp) -> int:
    """In New York."""
    return datetime.fromtimestamp(time.seconds, NEW_YORK).month


def by_month(flights: Iterable[Flight]) -> list[list[Flight]]:
    """The flights of January, of February, and so on."""
    months: list[list[Flight]] = [[] for _ in range(12)]
    for flight in flights:
        months[flight.scheduled.month - 1].append(flight)
    return months


def divide(flights: list[Flight], chance: random.Random) -> tuple[list[Flight], list[Flight]]:
    """Most of the flights, and some that are reported a month late."""
    late = set(chance.sample(range(len(flights)), len(flights) // 30))
    prompt = [flight for number, flight in enumerate(flights) if number not in late]
    return prompt, [flights[number] for number in sorted(late)]


def last_minute(month: int) -> tuple[int, int, int, int, int]:
    """Of the month, in 2013."""
    days = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    return 2013, month, days[month - 1], 23, 59


async def send_twice(scenario: Scenario, flights: list[Flight], chance: random.Random) -> int:
    """Sends the flights shuffled, every batch twice and the batches shuffled too; how many were new."""
    flights = chance.sample(flights, len(flights))
    batches = [
        ReportEventsRequest(events=[flight.to_event() for flight in flights[start : start + BATCH]])
        for start in range(0, len(flights), BATCH)
    ] * 2
    chance.shuffle(batches)
    waiting = iter(batches)

    async def send() -> tuple[int, int]:
        new = duplicates = 0
        for batch in waiting:
            answer = await call(scenario.api.events.ReportEvents, batch)
            new, duplicates = new + answer.new_count, duplicates + answer.duplicate_count
            scenario.tokens.keep("events", answer.token)
        return new, duplicates

    counted = await asyncio.gather(*(send() for _ in range(AT_ONCE)))
    new, duplicates = sum(new for new, _ in counted), sum(duplicates for _, duplicates in counted)
    assert new == duplicates == len(flights)
    return new


async def subscribe_all(scenario: Scenario, carriers: Iterable[str]) -> None:
    """The carriers become customers on a clock at the beginning of the year, and subscribe."""
    await scenario.begin(2013, 1, 1)
    for carrier in carriers:
        customer = Customer(id=carrier, test_clock_id=scenario.name)
        await call(scenario.api.customers.CreateCustomer, CreateCustomerRequest(customer=customer))
        await scenario.subscribe(carrier, "year-carrier")


async def assert_shown(scenario: Scenario, carriers: Iterable[str], flights: list[Flight]) -> None:
    """The usage of the month that entitlements show is that of the flights."""
    departed = Counter(flight.carrier for flight in flights if flight.departed)
    miles: Counter[str] = Counter()
    aircraft: defaultdict[str, set[str | None]] = defaultdict(set)
    for flight in flights:
        miles[flight.carrier] += flight.miles
        aircraft[flight.carrier].add(flight.tail_number)
    for carrier in carriers:
        shown = await scenario.entitlements(carrier)
        assert shown["year-departures"].usage == str(departed[carrier])
        assert shown["year-departures"].granted == (departed[carrier] < 1000)
        assert shown["year-miles"].usage == str(miles[carrier])
        assert shown["year-aircraft"].usage == str(len(aircraft[carrier] - {None}))


def usage_lines(invoices: Mapping[str, Iterable[Invoice]]) -> Iterator[tuple[Month, str, str, Decimal]]:
    """Of all invoices in their order: carrier and month, feature, quantity, amount; a late line after its first."""
    for carrier, of_carrier in invoices.items():
        for invoice in of_carrier:
            for line in invoice.lines:
                amount = Decimal(line.amount.amount)
                yield (carrier, month_of(line.period.start_time)), line.feature_id, line.quantity, amount


def billed(invoices: Mapping[str, Iterable[Invoice]]) -> Found:
    """The last quantity that was billed for each month; lines of nothing left out."""
    found: Found = {}
    for month, feature, quantity, _ in usage_lines(invoices):
        if quantity != "0":
            found.setdefault(month, {})[feature] = quantity
    for quantities in found.values():
        # An airplane nobody noted is none.
        quantities.setdefault("year-aircraft", "0")
    return found


def assert_priced(invoices: Mapping[str, Iterable[Invoice]], straight: Found) -> None:
    """What the lines of a month come to is the price of the month's whole quantity, late flights or not."""
    totals: defaultdict[tuple[Month, str], Decimal] = defaultdict(Decimal)
    late = 0
    for month, feature, _, amount in usage_lines(invoices):
        totals[month, feature] += amount
    for month, quantities in straight.items():
        flights, miles, aircraft = (int(quantities[feature]) for feature in FEATURES)
        assert totals[month, "year-flights"] == -(-flights // 25) * 5
        assert totals[month, "year-miles"] == (Decimal(miles) / 10_000).quantize(Decimal("0.01"), ROUND_HALF_UP)
        assert totals[month, "year-aircraft"] == aircraft * (3 if aircraft <= 100 else 2)
    for of_carrier in invoices.values():
        for invoice in of_carrier:
            assert_adds_up(invoice)
            late += sum(line.type == INVOICE_LINE_TYPE_LATE_USAGE for line in invoice.lines)
    assert late > 100


async def queried(scenario: Scenario, carriers: Iterable[str]) -> Found:
    """The usage of each month, computed from the raw events."""
    found: Found = {}
    year = scenario.at(2013, 1, 1), scenario.at(2014, 1, 1)
    for carrier in carriers:
        for feature in FEATURES:
            answer = await scenario.usage(carrier, feature, *year, granularity=GRANULARITY_MONTH)
            for point in answer.points:
                found.setdefault((carrier, month_of(point.period.start_time)), {})[feature] = point.value
    for usage in found.values():
        usage.setdefault("year-aircraft", "0")
    return found


async def year_of(scenario: Scenario, carrier: str) -> dict[str, str]:
    """The carrier's usage of the whole year."""
    year = scenario.at(2013, 1, 1), scenario.at(2014, 1, 1)
    return {feature: (await scenario.usage(carrier, feature, *year)).points[0].value for feature in FEATURES}


async def windows(platform: Platform, carriers: Iterable[str]) -> Found:
    """The values of the monthly windows that checks and invoices were made from."""
    found: Found = {}
    async with open_channel(platform.addresses["metering"]) as channel:
        stub = TrackerServiceStub(channel)
        for carrier in carriers:
            trackers = [
                Tracker(series=Series(customer_id=carrier, feature_id=feature), recurrence=MONTHLY)
                for feature in FEATURES
            ]
            await call(stub.RegisterTrackers, RegisterTrackersRequest(trackers=trackers))
            lookups = [
                WindowLookup(tracker=tracker, time=timestamp(datetime(2013, month, 15, tzinfo=NEW_YORK)))
                for month in range(1, 13)
                for tracker in trackers
            ]
            answer = await call(stub.BatchGetWindows, BatchGetWindowsRequest(lookups=lookups))
            for lookup, window in zip(lookups, answer.windows, strict=True):
                month = carrier, month_of(lookup.time)
                found.setdefault(month, {})[lookup.tracker.series.feature_id] = window.value
    return {month: values for month, values in found.items() if values["year-flights"] != "0"}
