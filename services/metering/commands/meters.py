"""The meters that this process counts by, in memory: read again when the store says that they changed."""

from kit.db import Database
from metering.domain.meter_set import MeterSet, meter_set
from metering.store import features


class Meters:
    """As many as the catalog has."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.current: MeterSet = meter_set(-1, ())

    async def at(self, version: int) -> MeterSet:
        """The meters of the version that the caller's transaction holds."""
        if self.current.version != version:
            async with self._database.read() as connection:
                self.current = meter_set(*await features.metered_by_events(connection))
        return self.current
