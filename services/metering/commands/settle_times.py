"""Gives every event of a batch its time, or refuses it."""

from datetime import timedelta

from kernel.clock import Clock
from kernel.errors import invalid
from metering.commands.customer_clocks import CustomerClocks
from metering.domain.customer import EventHorizon, Judgement, judge_times
from metering.domain.event_batch import UNSETTLED, EventBatch
from metering.domain.tracker import EPOCH, microseconds
from metering.messages.event_mistakes import timestamp_ahead, timestamp_expired, timestamp_required


class SettleTimes:
    """Before it refuses or defaults a time by what may not have arrived here yet, it asks billing."""

    def __init__(self, clocks: CustomerClocks, horizon: EventHorizon, *, clock: Clock) -> None:
        self._clocks = clocks
        self._horizon = horizon
        self._clock = clock

    async def __call__(self, batch: EventBatch) -> None:
        """Fills missing times with the time of arrival.

        Raises:
            TollkeeperError: `INVALID_FIELD` naming each event that needs a time, is too far ahead or too old;
                `DEPENDENCY_UNAVAILABLE`: only billing can tell, and is away.
        """
        now = self._clock.now()
        judgement = await self._judge(batch)
        if judgement.doubtful_customers:
            await self._clocks.ask(judgement.doubtful_customers)
            judgement = await self._judge(batch)
        if judgement.doubtful_clocks:
            await self._clocks.ask_clocks(judgement.doubtful_clocks)
            judgement = await self._judge(batch)
        mistakes = (
            *timestamp_required(judgement.missing),
            *timestamp_ahead(judgement.ahead),
            *timestamp_expired(judgement.expired, EPOCH + timedelta(microseconds=self._horizon.at(now))),
        )
        if mistakes:
            raise invalid(*mistakes)
        if UNSETTLED in batch.times:
            arrival = microseconds(now)
            batch.times = [arrival if time == UNSETTLED else time for time in batch.times]

    async def _judge(self, batch: EventBatch) -> Judgement:
        clock_ids = await self._clocks.clock_ids(set(batch.customer_ids))
        clocks = await self._clocks.clocks({clock_id for clock_id in clock_ids.values() if clock_id})
        now = self._clock.now()
        return judge_times(
            batch.times, batch.customer_ids, clock_ids=clock_ids, clocks=clocks, now=now, horizon=self._horizon.at(now)
        )
