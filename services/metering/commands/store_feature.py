"""Keeps what metering needs of a feature."""

from kit.db import Database
from metering.domain.feature import Feature
from metering.store import features


class StoreFeature:
    """Stores a feature; one with a new meter counts from the next event on.

    No tracker can exist before its feature, and a tracker over events that came earlier counts them when it is
    registered: so nothing is counted here.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def __call__(self, feature: Feature) -> None:
        """Does nothing where this or a newer revision is there."""
        async with self._database.write() as connection:
            known = await features.get(connection, feature.id)
            if known is not None and known.revision >= feature.revision:
                return
            if feature.meter is not None and (known is None or known.meter != feature.meter):
                await features.change_meters(connection)
            await features.put(connection, feature)
