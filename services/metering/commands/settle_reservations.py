"""Ends reservations: commits what was used of them, or releases them."""

from collections.abc import Sequence

from kit.db import Database
from metering.commands.write_usage import Batch, WriteUsage
from metering.domain.reservation import Settlement, SettlementOutcome, SettlementVerdict
from metering.store import reservations
from metering.store.line import raw_of


class SettleReservations:
    """Settles; each settlement on its own, and a refusal is an outcome, not an error."""

    def __init__(self, database: Database, write: WriteUsage) -> None:
        self._database = database
        self._write = write

    async def __call__(self, settlements: Sequence[Settlement]) -> Sequence[SettlementOutcome]:
        """The outcomes in the given order, durable.

        Raises:
            TollkeeperError: `OVERLOADED`, `DEPENDENCY_UNAVAILABLE`.
        """
        keys = {(one.customer_id, one.reservation_id) for one in settlements}
        # Before the transaction, which locks what they concern; that never changes.
        async with self._database.read() as connection:
            series = await reservations.series_of(await raw_of(connection), keys)
        known = [
            (one, series[one.customer_id, one.reservation_id])
            for one in settlements
            if (one.customer_id, one.reservation_id) in series
        ]
        settled = iter((await self._write(Batch(settlements=known))).settlements if known else ())
        unknown = SettlementOutcome(SettlementVerdict.UNKNOWN)
        return [next(settled) if (one.customer_id, one.reservation_id) in series else unknown for one in settlements]
