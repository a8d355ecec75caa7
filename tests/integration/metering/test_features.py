"""What metering knows of the catalog's features."""

import pytest

from kit.broker import Broker
from kit.errors import RemoteRefusal
from tests.integration.metering.announcements import announce, until
from tests.integration.metering.conftest import Metering
from tests.integration.metering.fakes import Neighbours
from tests.integration.metering.samples import COUNT, ENDLESS, JANUARY, SUM, event, metered, monthly, tracker
from tollkeeper.catalog.v1 import feature_pb2
from tollkeeper.catalog.v1.catalog_events_pb2 import FeatureCreated, FeatureUpdated
from tollkeeper.metering.v1 import tracker_pb2


async def test_announced_features_are_known_without_asking(
    metering: Metering, neighbours: Neighbours, broker: Broker
) -> None:
    feature = metered("departures", COUNT)
    await announce(broker, "feature.created.departures", FeatureCreated(feature=feature))
    await until(metering, "SELECT count(*) = 1 FROM feature")
    neighbours.away = True
    await metering.register(tracker("departures", ENDLESS))
    await metering.send(event("1"))
    assert await metering.value(tracker("departures", ENDLESS), JANUARY) == "1"
    assert neighbours.asked == []


async def test_only_a_newer_revision_is_applied(metering: Metering, broker: Broker) -> None:
    for revision in (5, 4):
        feature = metered("departures", COUNT, revision=revision)
        await announce(broker, "feature.updated.departures", FeatureUpdated(feature=feature))
    # Handled in order: when the last has arrived, the others have.
    await announce(broker, "feature.created.miles", FeatureCreated(feature=metered("miles", SUM, "miles")))
    await until(metering, "SELECT count(*) = 2 FROM feature")
    await until(metering, "SELECT revision = 5 FROM feature WHERE id = 'departures'")
    # One meter each, however often its feature is announced.
    await until(metering, "SELECT version = 2 FROM meter_set")


@pytest.mark.parametrize(
    ("feature", "reason"),
    [
        (feature_pb2.Feature(id="lounge", boolean=feature_pb2.BooleanFeature(), revision=1), "FEATURE_NOT_METERED"),
        (feature_pb2.Feature(id="other"), "FEATURE_NOT_FOUND"),
    ],
)
async def test_what_has_no_usage_has_no_tracker(
    metering: Metering, neighbours: Neighbours, feature: feature_pb2.Feature, reason: str
) -> None:
    neighbours.features[feature.id] = feature
    neighbours.features["departures"] = metered("departures", COUNT)
    with pytest.raises(RemoteRefusal) as refused:
        await metering.register(tracker("departures", ENDLESS), tracker("lounge", ENDLESS))
    assert refused.value.reason == reason
    # Nothing of the call was registered.
    with pytest.raises(RemoteRefusal) as missing:
        await metering.windows(tracker("departures", ENDLESS), at=JANUARY)
    assert missing.value.reason == "TRACKER_NOT_FOUND"


async def test_without_the_catalog_an_unknown_feature_is_not_said_to_be_missing(
    metering: Metering, neighbours: Neighbours
) -> None:
    neighbours.away = True
    with pytest.raises(Exception, match="cannot be reached"):
        await metering.register(tracker("departures", ENDLESS))


async def test_bad_trackers_and_lookups_are_refused_by_name(metering: Metering) -> None:
    bad = tracker("a b", monthly(zone="Mars/Olympus"), customer="", resource="é")
    anchored = tracker_pb2.Recurrence(time_zone="UTC")
    unknown = tracker_pb2.Recurrence(interval=99, time_zone="UTC")  # type: ignore[arg-type]  # no such interval.
    with pytest.raises(RemoteRefusal) as refused:
        await metering.register(bad, tracker("departures", anchored), tracker("departures", unknown))
    assert [violation.path for violation in refused.value.violations] == [
        "trackers[0].series.customer_id",
        "trackers[0].series.resource_id",
        "trackers[0].series.feature_id",
        "trackers[0].recurrence.time_zone",
        "trackers[1].recurrence",
        "trackers[2].recurrence.interval",
        "trackers[2].recurrence.anchor_time",
    ]
    with pytest.raises(RemoteRefusal) as early:
        await metering.windows(tracker("departures", monthly()), at=JANUARY.replace(year=2012))
    assert [violation.path for violation in early.value.violations] == ["lookups[0].time"]
    for nothing in (metering.register(), metering.windows(at=JANUARY), metering.report(), metering.send()):
        with pytest.raises(RemoteRefusal) as empty:
            await nothing
        assert len(empty.value.violations) == 1
