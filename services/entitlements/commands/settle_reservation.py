"""Commits a reservation, or releases it: settled by metering, and in memory before the reply."""

from entitlements.commands.gather_reports import GatherSettlements
from entitlements.commands.load_customer import LoadCustomer
from entitlements.commands.see_write import see_write
from entitlements.domain.answering import settled
from entitlements.domain.memory import Memory
from entitlements.domain.request import Settlement, SettlementOutcome
from entitlements.domain.usage import Window
from kernel.clock import Clock


class SettleReservation:
    """Ends a reservation."""

    def __init__(self, memory: Memory, gather: GatherSettlements, *, load: LoadCustomer, clock: Clock) -> None:
        self._memory = memory
        self._gather = gather
        self._load = load
        self._clock = clock

    async def __call__(self, settlement: Settlement) -> tuple[SettlementOutcome, Window]:
        """What became of it, and the window that the reservation was made in.

        Raises:
            TollkeeperError: As `answering.settled` says; `DEPENDENCY_UNAVAILABLE`, `DEADLINE_EXCEEDED`: it may have been settled;
                repeat it.
        """
        outcome = await self._gather(settlement)
        window = settled(settlement, outcome)
        self._memory.apply([window])
        entry = self._memory.peek(settlement.customer_id)
        if entry is not None:
            await see_write(entry, window, load=self._load, clock=self._clock)
        return outcome, window
