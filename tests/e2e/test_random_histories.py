"""Random histories of a customer, beside a second calculation that knows nothing of Tollkeeper.

Raises, flights (some late, some twice), gates that come and go, and the clock, in random order, zones and at random times;
then every invoice, every limit and every usage is what plain arithmetic says.
"""

import random
from calendar import monthrange
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from tests.e2e.invoices import all_numbers, assert_adds_up, assert_gapless
from tests.e2e.scenario import NewScenario, Scenario
from tollkeeper.entitlements.v1.entitlements_service_pb2 import ENFORCEMENT_ENFORCE
from tollkeeper.metering.v1.event_pb2 import Event

pytestmark = pytest.mark.usefixtures("airlines_catalog")

ZONES = ["UTC", "America/New_York", "Europe/London", "Asia/Kolkata", "Australia/Lord_Howe", "America/Sao_Paulo"]
STEPS = 40
GREATEST = 50


def price_of_gates(quantity: int) -> int:
    """Unit by unit."""
    return sum(
        (20 if unit <= 5 else 15 if unit <= 10 else 10) + {1: 10, 6: 8, 11: 5}.get(unit, 0)
        for unit in range(1, quantity + 1)
    )


@dataclass(slots=True)
class Book:
    """What the customer held and did, and what that costs."""

    start: datetime
    zone: ZoneInfo
    # When it committed to how many gates, the newest last.
    held: list[tuple[datetime, int]]
    used: int = 0
    departures: Counter[int] = field(default_factory=Counter)

    def boundary(self, number: int) -> datetime:
        """Where the period of that number begins: by the wall clock of the zone, from the first start."""
        wall = self.start.astimezone(self.zone).replace(tzinfo=None)
        year, month = divmod(wall.year * 12 + wall.month - 1 + number, 12)
        moved = wall.replace(year=year, month=month + 1, day=min(wall.day, monthrange(year, month + 1)[1]))
        return moved.replace(tzinfo=self.zone, fold=0).astimezone(UTC) if number else self.start

    def period_of(self, time: datetime) -> int:
        """The number of the period that holds the time."""
        number = 0
        while self.boundary(number + 1) <= time:
            number += 1
        return number

    def commitment_cents(self, number: int) -> int:
        """What the gates of a period cost all together, rounded once."""
        start, end = self.boundary(number), self.boundary(number + 1)
        due = Fraction(0)
        changes = [*self.held, (end, 0)]
        for (begin, gates), (until, _) in pairwise(changes):
            part = max(min(until, end) - max(begin, start), timedelta(0))
            due += price_of_gates(gates) * Fraction(
                part // timedelta(microseconds=1), (end - start) // timedelta(microseconds=1)
            )
        return (due * 200 + 1).__floor__() // 2

    def usage_cents(self, number: int) -> int:
        """What the departures of a period cost."""
        return -(-self.departures[number] // 25) * 500


@pytest.mark.parametrize("seed", range(4))
async def test_a_random_history_costs_what_arithmetic_says(seed: int, new_scenario: NewScenario) -> None:
    chance = random.Random(seed)
    scenario = new_scenario(ZONES[seed % len(ZONES)])
    # Ends of months and nights of clock changes are met often.
    now = scenario.at(
        2023, chance.choice([1, 3, 8, 10]), chance.randint(25, 31), chance.randrange(24), chance.randrange(60)
    )
    clock = now.astimezone(UTC)
    await scenario.begin_at(clock)
    customer = await scenario.customer()
    gates = chance.randint(1, 20)
    answer = await scenario.subscribe(customer, "carrier", commitments={"gates": str(gates)})
    book = Book(clock, scenario.zone, [(clock, gates)])
    sent: list[Event] = []
    for _ in range(STEPS):
        match chance.choice(["raise", "fly", "fly", "late", "again", "occupy", "leave", "wait", "wait"]):
            case "raise" if book.held[-1][1] < GREATEST:
                gates = chance.randint(book.held[-1][1] + 1, GREATEST)
                await scenario.commit(customer, answer.subscription.id, {"gates": str(gates)})
                book.held.append((clock, gates))
            case "fly":
                sent += await fly(scenario, customer, book, chance, around=clock)
            case "late":
                earliest = max(book.start, clock - timedelta(days=45))
                sent += await fly(
                    scenario, customer, book, chance, around=earliest + (clock - earliest) * chance.random()
                )
            case "again" if sent:
                known = chance.sample(sent, min(len(sent), 20))
                assert (await scenario.send(*known)).new_count == 0
            case "occupy":
                wanted = chance.randint(1, 6)
                report = await scenario.report(customer, "gates", str(wanted), enforcement=ENFORCEMENT_ENFORCE)
                assert report.written == (book.used + wanted <= book.held[-1][1])
                book.used += wanted if report.written else 0
            case "leave" if book.used:
                left = chance.randint(1, book.used)
                await scenario.report(customer, "gates", str(-left), enforcement=ENFORCEMENT_ENFORCE)
                book.used -= left
            case "wait":
                clock += timedelta(seconds=chance.randrange(1, 12 * 86_400))
                await scenario.advance_to(clock)
        await assert_shown(scenario, customer, book, clock)
    # Two boundaries more: what came late in the last period is billed with the second.
    closed = book.period_of(clock) + 1
    await scenario.advance_to(book.boundary(closed))
    await scenario.advance_to(book.boundary(closed + 1))
    await assert_invoiced(scenario, customer, book, closed)
    assert_gapless(await all_numbers(scenario.api))


async def fly(scenario: Scenario, customer: str, book: Book, chance: random.Random, *, around: datetime) -> list[Event]:
    """Some departures at about that time, never before the subscription."""
    events = []
    for _ in range(chance.randint(1, 40)):
        time = max(book.start, around - timedelta(seconds=chance.randrange(3_600)))
        events.append(scenario.event(customer, "flight.departed", time))
        book.departures[book.period_of(time)] += 1
    assert (await scenario.send(*events)).new_count == len(events)
    return events


async def assert_shown(scenario: Scenario, customer: str, book: Book, clock: datetime) -> None:
    """Limit and usage are the book's."""
    shown = await scenario.entitlements(customer)
    number = book.period_of(clock)
    assert (shown["gates"].limit, shown["gates"].usage) == (str(book.held[-1][1]), str(book.used))
    assert shown["departures"].usage == str(book.departures[number])
    assert shown["departures"].usage_period.start_time.seconds == int(book.boundary(number).timestamp())
    assert shown["departures"].next_reset_time.seconds == int(book.boundary(number + 1).timestamp())


async def assert_invoiced(scenario: Scenario, customer: str, book: Book, closed: int) -> None:
    """Commitments and departures of each period come to what the book says, to the cent."""
    found: Counter[tuple[str, int]] = Counter()
    for invoice in await scenario.invoices(customer):
        assert_adds_up(invoice)
        for line in invoice.lines:
            start = datetime.fromtimestamp(line.period.start_time.seconds, UTC)
            found[line.charge_id, book.period_of(start)] += int(Decimal(line.amount.amount) * 100)
    for number in range(closed + 1):
        assert found["gates", number] == book.commitment_cents(number), number
        assert found["departures", number] == book.usage_cents(number), number
