"""Reads without rules."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from kernel.quantity import ZERO
from kit.db import Database
from kit.paging import Page
from metering.domain.event import Event, EventFilter, Retraction, meter_required
from metering.domain.feature import Feature, require_metered
from metering.domain.span_finder import SpanFinder
from metering.domain.tracker import Place, Window, microseconds, tracker_not_found
from metering.domain.usage_range import MeasuredUsage, UsageAnswer, UsageQuery, UsageSpan, check_grouping
from metering.store import accounts, event_log, horizon, retractions, usage, windows
from metering.store.known_trackers import KnownTrackers, Wanted
from metering.store.line import raw_of


class Windows:
    """The windows of trackers at given times."""

    def __init__(self, database: Database, known_trackers: KnownTrackers) -> None:
        self._database = database
        self._known_trackers = known_trackers
        self._finder = SpanFinder()

    async def at(self, lookups: Sequence[tuple[Wanted, datetime]]) -> Sequence[Window]:
        """In the given order, as of everything committed before; zero where no usage fell.

        Raises:
            TollkeeperError: `TRACKER_NOT_FOUND`.
        """
        known = await self._known_trackers.find({wanted for wanted, _ in lookups})
        places = []
        for wanted, time in lookups:
            tracker = known.get(wanted)
            if tracker is None:
                raise tracker_not_found(wanted[0])
            places.append(Place(tracker, self._finder.at(tracker.periods, microseconds(time))))
        async with self._database.read() as connection:
            stored = await accounts.read_windows(await raw_of(connection), places)
        return [_window(place, *stored.get(place.key, (ZERO, ZERO, 0))) for place in places]


async def list_events(database: Database, wanted: EventFilter, feature: Feature | None, page: Page) -> Sequence[Event]:
    """The events of a page, and one more where there are more; `feature` is the filter's, where it names one.

    Raises:
        TollkeeperError: `FEATURE_HAS_NO_METER`.
    """
    meter = None if feature is None else meter_required(feature.id, feature.meter)
    async with database.read() as connection:
        return await event_log.list_page(connection, wanted, meter, page)


async def list_retractions(database: Database, customer_id: str, page: Page) -> Sequence[Retraction]:
    """The retractions of a page, and one more where there are more."""
    async with database.read() as connection:
        return await retractions.list_page(connection, customer_id, page)


async def query_usage(database: Database, feature: Feature, query: UsageQuery) -> UsageAnswer:
    """The usage of a range.

    Raises:
        TollkeeperError: `FEATURE_NOT_METERED`, `INVALID_FIELD`, `TOO_MANY_POINTS`.
    """
    check_grouping(feature, query)
    async with database.read() as connection:
        return await usage.of_range(connection, feature, query)


async def measure_usage(
    database: Database, features: Mapping[str, Feature], spans: Sequence[UsageSpan]
) -> Sequence[MeasuredUsage]:
    """The usage of spans in the given order, all of them at one moment; `features` are those of their series by id.

    Raises:
        TollkeeperError: `FEATURE_NOT_METERED`.
    """
    for feature in features.values():
        require_metered(feature)
    async with database.read() as connection:
        revisions = await windows.newest_revisions(await raw_of(connection), {span.series for span in spans})
        horizons = await horizon.of_customers(connection, {span.series.customer_id for span in spans})
        measured = []
        for span in spans:
            feature = features[span.series.feature_id]
            value = await usage.of_span(connection, feature, span.series, period=span.period)
            before_horizon = microseconds(span.period.start) < horizons[span.series.customer_id]
            incomplete = feature.meter is not None and before_horizon
            measured.append(MeasuredUsage(value, revisions.get(span.series, 0), incomplete))
        return measured


def _window(place: Place, value: Decimal, reserved: Decimal, revision: int) -> Window:
    return place.window(value, revision=revision, reserved=reserved)
