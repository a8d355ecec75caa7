"""Windows to be rebuilt, and how they are spoilt."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from metering.commands.announce_crossings import AnnounceCrossings
from metering.commands.rebuild import Rebuild
from metering.domain.rebuild import Progress, Scope
from metering.domain.tracker import Window
from tests.integration.metering.conftest import Metering
from tests.integration.metering.fakes import Neighbours
from tests.integration.metering.samples import (
    AVG,
    COUNT,
    ENDLESS,
    JANUARY,
    LATEST,
    MAX,
    MIN,
    SUM,
    UNIQUE,
    calculated,
    event,
    metered,
    monthly,
    report,
    tracker,
)

DAY = timedelta(days=1)
METERS = {"departures": COUNT, "miles": SUM, "aircraft": UNIQUE, "top": MAX, "low": MIN, "mean": AVG, "last": LATEST}


@pytest.fixture(autouse=True)
async def usage(metering: Metering, neighbours: Neighbours) -> None:
    """A hundred days of UA in every aggregation, and gates that it reported."""
    for name, aggregation in METERS.items():
        field = "" if aggregation is COUNT else "tail" if aggregation is UNIQUE else "miles"
        neighbours.features[name] = metered(name, aggregation, field)
    neighbours.features["gates"] = calculated("gates")
    await metering.register(*(tracker(name, periods) for name in METERS for periods in (ENDLESS, monthly())))
    await metering.register(tracker("gates", monthly()))
    await metering.send(
        *(event(f"{n}", at=JANUARY + n * DAY, miles=100 - n, tail=f"N{n % 7}", resource="JFK") for n in range(100))
    )
    for n in range(5):
        await metering.report(report(f"{n}", "2", at=JANUARY + n * 20 * DAY, recurrence=monthly(), resource="JFK"))


async def rebuild(
    metering: Metering, scope: Scope | None = None, *, repair: bool = True
) -> tuple[Progress, list[Window]]:
    """Rebuilds; gives the progress and what replicas are told."""
    published: list[Window] = []
    watched = []

    async def watch(progress: Progress) -> None:
        watched.append((progress.series, progress.windows))

    progress = await Rebuild(metering.database, published.extend, announce=AnnounceCrossings())(
        scope or Scope(), repair=repair, watch=watch
    )
    assert watched == sorted(watched)
    assert watched[-1][0] == progress.series == progress.series_total
    return progress, published


async def spoil(metering: Metering, *statements: str) -> None:
    """What an operator's hand or a bug may do."""
    async with metering.database.write() as connection:
        for statement in statements:
            assert (await connection.execute(text(statement))).rowcount > 0


def of(feature: str) -> str:
    """A condition on the trackers of a feature."""
    return f"tracker_id IN (SELECT id FROM tracker WHERE feature_id = '{feature}' AND interval = 'MONTH' AND resource_id = '')"


A_WRONG_VALUE = f"UPDATE \"window\" SET value = 7777 WHERE {of('miles')} AND period_start = '2013-02-01 05:00+00'"
A_WRONG_SUM = f"UPDATE gathered SET number = number + 1 WHERE {of('mean')}"
