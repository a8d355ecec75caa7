"""The meters that this process counts by, in memory: read again when the store says that they changed."""

from metering.domain.meter_set import MeterSet, meter_set
from metering.store import features
from metering.store.line import Raw


class Meters:
    """As many as the catalog has."""

    def __init__(self) -> None:
        self.current: MeterSet = meter_set(-1, ())

    async def at(self, version: int, connection: Raw) -> MeterSet:
        """The meters of the version that the transaction holds."""
        if self.current.version != version:
            self.current = meter_set(version, await features.metered_by_events(connection))
        return self.current
