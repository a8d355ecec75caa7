"""Raw events let go after a while: their keys stay used, what they counted for stands, and what cannot be known is said."""

from datetime import UTC, datetime, timedelta

import pytest

from kernel.clock import Clock
from kit.client import open_channel
from kit.db import Database
from kit.errors import RemoteRefusal
from metering.clients.billing import Billing
from metering.commands import let_events_go
from metering.commands.customer_clocks import CustomerClocks
from metering.commands.let_events_go import LetEventsGo
from metering.domain.customer import EventHorizon
from metering.settings import MeteringSettings
from tests.integration.metering.conftest import Metering
from tests.integration.metering.fakes import Neighbours
from tests.integration.metering.samples import COUNT, JANUARY, SUM, UNIQUE, event, metered, monthly, tracker
from tests.integration.metering.test_clocks import on_clock, refused_fields
from tests.integration.metering.test_list_events import keys, listed
from tests.integration.metering.test_retractions import counts, retract, retractions
from tests.integration.metering.test_spans import measure, span

NOW = datetime.now(UTC)
DAY = timedelta(days=1)


class LaterClock(Clock):
    """Tells a time that real clocks will tell."""

    def __init__(self, now: datetime) -> None:
        self._now = now

    def now(self) -> datetime:
        """That time."""
        return self._now


@pytest.fixture
def metering_settings(metering_settings: MeteringSettings) -> MeteringSettings:
    """Raw events are kept for thirty days."""
    return metering_settings.model_copy(update={"event_retention_days": 30})


async def let_go(metering: Metering, neighbours: Neighbours, *, days_later: int) -> int:
    """What the service does some days later, on the same store."""
    database = Database(metering.settings.database_url, pool_size=2)
    try:
        async with open_channel(neighbours.address) as channel:
            clocks = CustomerClocks(database, Billing(channel))
            clock = LaterClock(NOW + days_later * DAY)
            return await LetEventsGo(database, clocks, EventHorizon(30), clock=clock)()
    finally:
        await database.close()


async def test_events_from_before_the_horizon_are_refused(metering: Metering, neighbours: Neighbours) -> None:
    young, old = NOW - 29 * DAY, NOW - 31 * DAY
    assert await refused_fields(metering, event("1", at=young), event("2", at=old)) == ["events[1].timestamp"]
    assert (await metering.send(event("1", at=young))).new_count == 1
    # On a test clock old times say nothing; before anybody is refused, billing is asked.
    on_clock(neighbours, "AA", JANUARY)
    assert (await metering.send(event("1", customer="AA"))).new_count == 1
    with pytest.raises(
        RemoteRefusal, match=r"events\[0\].timestamp: must not be before \d{4}-\d\d-\d\d .* no longer kept"
    ):
        await metering.send(event("2", at=old))


async def test_what_was_counted_stands_and_no_key_counts_again(metering: Metering, neighbours: Neighbours) -> None:
    for feature in (metered("departures", COUNT), metered("miles", SUM, "miles"), metered("aircraft", UNIQUE, "tail")):
        neighbours.features[feature.id] = feature
    at = NOW - 2 * DAY
    trackers = [tracker(name, monthly(at - DAY, "UTC")) for name in ("departures", "miles", "aircraft")]
    await metering.register(*trackers)
    old = [event(str(n), at=at, miles=n, tail=f"N{n % 2}") for n in range(5)]
    young = [event("young", at=at + 3 * DAY, miles=100, tail="N1"), event("other", at=at + 3 * DAY, tail="N7")]
    await metering.send(*old, *young)
    await retract(metering, "4", reason="mistaken")
    before = await metering.windows(*trackers, at=at)

    assert await let_go(metering, neighbours, days_later=30) == 5
    assert await let_go(metering, neighbours, days_later=30) == 0
    assert keys(await listed(metering)) == ["other", "young"]
    assert list(await metering.windows(*trackers, at=at)) == list(before)
    # The retraction is still known, its event no more.
    (retraction,) = (await retractions(metering)).retractions
    assert (retraction.idempotency_key, retraction.HasField("event")) == ("4", False)
    # Its key is used for ever, whatever comes with it.
    assert (await metering.send(event("1", at=NOW), event("4", at=NOW))).duplicate_count == 2
    with pytest.raises(RemoteRefusal) as refused:
        await retract(metering, "young", "1")
    assert refused.value.reason == "EVENT_EXPIRED"
    assert [violation.path for violation in refused.value.violations] == ["keys[1]"]
    assert keys(await listed(metering)) == ["other", "young"]
    # Sums follow; whether an aircraft flew before, nobody can tell any more.
    assert counts(await retract(metering, "young", "other")) == (2, 0, 0)
    assert [window.value for window in await metering.windows(*trackers, at=at)] == ["4", "6", "3"]


async def test_usage_of_a_span_says_that_it_is_what_is_left(metering: Metering, neighbours: Neighbours) -> None:
    neighbours.features["departures"] = metered("departures", COUNT)
    await metering.register(tracker("departures", monthly(NOW - 9 * DAY, "UTC")))
    await metering.send(event("1", at=NOW - 2 * DAY), event("2", at=NOW))
    asked = [span("departures", NOW - 3 * DAY, NOW + DAY), span("departures", NOW - timedelta(hours=1), NOW + DAY)]
    measured = await measure(metering, *asked)
    assert [(one.value, one.incomplete) for one in measured] == [("2", False), ("1", False)]
    assert await let_go(metering, neighbours, days_later=29) == 1
    measured = await measure(metering, *asked)
    assert [(one.value, one.incomplete) for one in measured] == [("1", True), ("1", False)]


async def test_customers_on_a_test_clock_keep_theirs(
    metering: Metering, neighbours: Neighbours, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(let_events_go, "MOST_TOGETHER", 3)
    monkeypatch.setattr(let_events_go, "PAUSE", timedelta(0))
    on_clock(neighbours, "AA", JANUARY)
    for customer in ("AA", "UA", "Unknown"):
        at = JANUARY if customer == "AA" else NOW - DAY
        await metering.send(*(event(str(n), customer=customer, at=at) for n in range(8)))
    neighbours.away = True
    with pytest.raises(Exception, match="cannot be reached"):
        await let_go(metering, neighbours, days_later=60)
    neighbours.away = False
    assert await let_go(metering, neighbours, days_later=60) == 16
    assert keys(await listed(metering)) == []
    assert len((await listed(metering, customer_id="AA")).events) == 8
