"""Raw events: let in once, counted in the windows of their times."""

from datetime import timedelta

from tests.integration.metering.conftest import Metering
from tests.integration.metering.fakes import Neighbours
from tests.integration.metering.samples import COUNT, ENDLESS, JANUARY, SUM, UNIQUE, event, metered, monthly, tracker


async def test_a_batch_is_stored_once_and_counted_by_every_meter(metering: Metering, neighbours: Neighbours) -> None:
    for feature in (metered("departures", COUNT), metered("miles", SUM, "miles"), metered("aircraft", UNIQUE, "tail")):
        neighbours.features[feature.id] = feature
    trackers = [tracker(feature, monthly()) for feature in ("departures", "miles", "aircraft")]
    registered = await metering.register(*trackers)
    assert [one.id for one in registered] == [one.id for one in await metering.register(*trackers)]
    batch = [
        event("1", miles=1400, tail="N1"),
        event("2", miles=0.1, tail="N1"),
        event("3", miles=0.2, tail="N2"),
        event("3", miles=5000, tail="N3"),
        event("4", miles="12", at=JANUARY + timedelta(days=40)),
    ]
    first = await metering.send(*batch)
    again = await metering.send(*batch)
    assert (first.new_count, first.duplicate_count) == (4, 1)
    assert (again.new_count, again.duplicate_count) == (0, 5)
    january = await metering.windows(*registered, at=JANUARY)
    assert [window.value for window in january] == ["3", "1400.3", "2"]
    february = await metering.windows(*registered, at=JANUARY + timedelta(days=40))
    assert [(window.value, window.revision > 0) for window in february] == [("1", True), ("0", False), ("0", False)]


async def test_a_tracker_over_stored_events_counts_them(metering: Metering, neighbours: Neighbours) -> None:
    await metering.send(*(event(str(n), miles=n, tail=f"N{n % 3}") for n in range(10)))
    for feature in (metered("departures", COUNT), metered("miles", SUM, "miles"), metered("aircraft", UNIQUE, "tail")):
        neighbours.features[feature.id] = feature
    for recurrence in (monthly(), ENDLESS):
        trackers = [tracker(feature, recurrence) for feature in ("departures", "miles", "aircraft")]
        await metering.register(*trackers)
        windows = await metering.windows(*trackers, at=JANUARY)
        assert [window.value for window in windows] == ["10", "45", "3"]
