"""Random reports and random waits against limits that reset: every answer is what a calendar and a counter say."""

import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.e2e.scenario import NewScenario
from tollkeeper.entitlements.v1.entitlements_service_pb2 import ENFORCEMENT_ENFORCE

pytestmark = pytest.mark.usefixtures("periods_catalog")

# In Santiago and Beirut clocks change at midnight: there, a day may begin at one o'clock.
ZONES = ["Europe/Berlin", "America/Santiago", "Asia/Beirut", "Asia/Kathmandu", "America/New_York", "UTC"]
FEATURES = ["hour", "day", "week", "month", "year", "never"]
LIMIT = 5
STEPS = 40


def window_start(feature: str, time: datetime, zone: ZoneInfo) -> datetime | None:
    """Where the usage period that holds the time begins, by the calendar on the wall; None for one without a beginning."""
    wall = time.astimezone(zone).replace(tzinfo=None, fold=0)
    midnight = wall.replace(hour=0, minute=0, second=0, microsecond=0)
    match feature:
        case "hour":
            return time - timedelta(minutes=wall.minute, seconds=wall.second)
        case "day":
            start = midnight
        case "week":
            start = midnight - timedelta(days=(midnight.weekday() + 1) % 7)
        case "month":
            start = midnight.replace(day=1)
        case "year":
            start = midnight.replace(month=1, day=1)
        case _:
            return None
    return start.replace(tzinfo=zone).astimezone(UTC)


@pytest.mark.parametrize("seed", range(4))
async def test_random_reports_are_counted_in_their_periods(seed: int, new_scenario: NewScenario) -> None:
    chance = random.Random(seed)
    scenario = new_scenario(ZONES[seed % len(ZONES)])
    # Before the clock changes of spring and of autumn, on both halves of the earth.
    month, day = chance.choice([(3, 8), (3, 29), (9, 5), (10, 25), (12, 30), (4, 3)])
    clock = scenario.at(2024, month, day, chance.randrange(24), chance.randrange(60)).astimezone(UTC)
    await scenario.begin_at(clock)
    customer = await scenario.customer()
    await scenario.subscribe(customer, "periods-free")
    used: Counter[tuple[str, datetime | None]] = Counter()
    for _ in range(STEPS):
        feature = chance.choice(FEATURES)
        window = feature, window_start(feature, clock, scenario.zone)
        wanted = chance.randint(1, 3)
        report = await scenario.report(customer, f"periods-{feature}", str(wanted), enforcement=ENFORCEMENT_ENFORCE)
        assert report.written == (used[window] + wanted <= LIMIT), (feature, clock)
        used[window] += wanted if report.written else 0
        assert report.usage == str(used[window]), (feature, clock)
        if window[1] is not None:
            assert report.usage_period.start_time.seconds == int(window[1].timestamp()), (feature, clock)
        if chance.random() < 0.4:
            clock += timedelta(seconds=chance.choice([1_800, 7_200, 40_000, 86_400, 200_000]))
            await scenario.advance_to(clock)
            feature = chance.choice(FEATURES)
            checked = await scenario.check(customer, f"periods-{feature}")
            left = LIMIT - used[feature, window_start(feature, clock, scenario.zone)]
            assert (checked.granted, checked.remaining) == (left >= 1, str(left)), (feature, clock)
