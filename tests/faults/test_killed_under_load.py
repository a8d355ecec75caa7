"""Each service killed by SIGKILL in the middle of an ingest, of racing reports and of an advance: nothing lost or twice."""

import asyncio
from collections.abc import Sequence

import pytest

from calls import Tollkeeper
from cli.local_platform import Platform
from flights import Flight, read_flights
from straight_count import Count, count_january
from tests.e2e.invoices import all_numbers, assert_gapless, lines
from tests.e2e.scenario import NewScenario, Scenario
from tests.faults.killing import KillingCalls
from tollkeeper.billing.v1.invoice_pb2 import INVOICE_REASON_PROVISION, INVOICE_REASON_RENEWAL
from tollkeeper.entitlements.v1.entitlements_service_pb2 import (
    ENFORCEMENT_ENFORCE,
    CheckEntitlementRequest,
    Consistency,
)
from tollkeeper.metering.v1.event_pb2 import Event
from tollkeeper.metering.v1.event_service_pb2 import ReportEventsRequest

pytestmark = [pytest.mark.timeout(200), pytest.mark.usefixtures("airlines_catalog")]

# Some thousand departures: enough to be in the middle of something.
CARRIERS = ("US", "9E", "WN", "AS")
BATCH = 200
AT_ONCE = 4


@pytest.fixture(scope="module")
def flights() -> list[Flight]:
    """The January of some carriers."""
    return [flight for flight in read_flights(month=1) if flight.carrier in CARRIERS]


@pytest.fixture(scope="module")
def straight() -> dict[str, Count]:
    """Counted straight from the file."""
    return {carrier: count for carrier, count in count_january().items() if carrier in CARRIERS}


@pytest.mark.parametrize("child", ["metering", "entitlements", "billing", "postgres"])
async def test_an_ingest_and_an_advance_are_counted_and_billed_once(  # noqa: PLR0917 - fixtures are asked for by name.
    child: str,
    platform: Platform,
    api: Tollkeeper,
    new_scenario: NewScenario,
    flights: list[Flight],
    straight: dict[str, Count],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scenario = new_scenario("America/New_York")
    await scenario.begin(2013, 1, 1)
    customers = {carrier: await scenario.customer(carrier) for carrier in CARRIERS}
    for customer in customers.values():
        await scenario.subscribe(customer, "carrier")
    await scenario.advance(2013, 1, 31, 23, 59)
    # Together with the test below three deaths of a child: it is given up after five a minute.
    killing = KillingCalls(platform, [("ReportEventsRequest", 9, child), ("AdvanceTestClockRequest", 1, child)])
    monkeypatch.setattr("tests.e2e.scenario.call", killing)
    await ingest(scenario, killing, events_of(flights, customers))
    await scenario.advance(2013, 2, 1)
    assert killing.killed == [child] * 2
    await asyncio.to_thread(platform.wait_healthy)

    for carrier, customer in customers.items():
        count = straight[carrier]
        january = scenario.at(2013, 1, 1), scenario.at(2013, 2, 1)
        found = {
            feature: (await scenario.usage(customer, feature, *january)).points[0].value
            for feature in count.by_feature()
        }
        assert found == count.by_feature()
        provisioned, renewal = await scenario.invoices(customer)
        assert (provisioned.reason, renewal.reason) == (INVOICE_REASON_PROVISION, INVOICE_REASON_RENEWAL)
        blocks = -(-count.flights // 25)
        assert sorted(lines(renewal)) == [
            ("COMMITMENT", "gates", "1", "30.00"),
            ("USAGE", "departures", str(count.flights), f"{blocks * 5}.00"),
        ]
        # The new month is empty, and the old one is over: both seen through the tokens of all that was written.
        assert (await scenario.check(customer, "aircraft")).usage == "0"
    assert_gapless(await all_numbers(api))


def events_of(flights: Sequence[Flight], customers: dict[str, str]) -> list[Event]:
    """The flights as events of these customers."""
    events = [flight.to_event() for flight in flights]
    for event in events:
        event.customer_id = customers[event.customer_id]
    return events


async def ingest(scenario: Scenario, killing: KillingCalls, events: Sequence[Event]) -> None:
    """Several at once, and every batch a second time by somebody else."""
    batches = [events[start : start + BATCH] for start in range(0, len(events), BATCH)]
    waiting = iter(batches + batches[::-1])

    async def send() -> int:
        new = 0
        for batch in waiting:
            answer = await killing(scenario.api.events.ReportEvents, ReportEventsRequest(events=batch))
            new += answer.new_count
            scenario.tokens.keep("events", answer.token)
        return new

    # A batch whose answer was lost is sent again and found to be known: the new ones may be fewer, and never more.
    assert sum(await asyncio.gather(*(send() for _ in range(AT_ONCE)))) <= len(events)


@pytest.mark.parametrize("child", ["metering", "entitlements"])
async def test_a_hard_limit_holds_whoever_is_killed(
    child: str, platform: Platform, new_scenario: NewScenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    scenario = new_scenario()
    await scenario.begin(2013, 1, 1)
    customer = await scenario.customer()
    await scenario.subscribe(customer, "carrier", commitments={"gates": "40"})
    killing = KillingCalls(platform, [("ReportUsageRequest", 30, child)])
    monkeypatch.setattr("tests.e2e.scenario.call", killing)
    waiting = iter(range(100))

    async def occupy() -> int:
        return sum(
            [
                (
                    await scenario.report(customer, "gates", "1", enforcement=ENFORCEMENT_ENFORCE, key=f"gate-{n}")
                ).written
                for n in waiting
            ]
        )

    assert sum(await asyncio.gather(*(occupy() for _ in range(10)))) == 40
    assert killing.killed == [child]
    request = CheckEntitlementRequest(customer_id=customer, feature_id="gates", consistency=Consistency(current=True))
    decision = (await killing(scenario.api.entitlements.CheckEntitlement, request)).decision
    assert (decision.usage, decision.granted) == ("40", False)
