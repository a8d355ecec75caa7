"""A batch's answers are those of its checks, one by one."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from entitlements.commands.batch_check import BatchCheck
from entitlements.commands.check_entitlement import CheckEntitlement
from entitlements.domain.entry import Entry
from entitlements.domain.feature import Feature
from entitlements.domain.memory import Memory
from entitlements.domain.request import Check, CheckFailure, Freshness, Shown
from kernel.errors import ErrorKind, TollkeeperError
from tests.integration.entitlements.world import SettableClock
from tests.properties.entitlements.test_prepared_laws import RandomWorld, steps
from tests.unit.entitlements.build import FEATURES, START

CUSTOMERS = ("a", "b", "nobody", "away")
checks = st.lists(
    st.tuples(st.sampled_from(CUSTOMERS), st.sampled_from([*FEATURES, "nonsense"])), min_size=1, max_size=20
)


class _Commands:
    """Both commands on one memory, beside stand-ins for what reads from elsewhere."""

    def __init__(self) -> None:
        self.clock = SettableClock(START)
        self.memory = Memory(max_customers=10)
        self.worlds = [RandomWorld(self.memory, name) for name in ("a", "b")]
        self.memory.hold("nobody").install_unknown()
        silent = cast(Any, SimpleNamespace(usage_unread=lambda _: None, note=lambda _: None))
        self.check = CheckEntitlement(
            self.memory,
            cast(Any, self._fresh),
            find_feature=cast(Any, self._find),
            keep_fresh=silent,
            shadow=silent,
            clock=self.clock,
        )
        self.batch = BatchCheck(self.memory, cast(Any, self._fresh), check=self.check, clock=self.clock)

    async def _fresh(self, customer_id: str, _freshness: Freshness | None, *, feature_id: str | None) -> Entry:
        del feature_id
        entry = self.memory.get(customer_id)
        if entry is None:
            raise TollkeeperError(ErrorKind.UNAVAILABLE, "DEPENDENCY_UNAVAILABLE", "Away.")
        return entry

    async def _find(self, feature_id: str) -> Feature | None:
        return FEATURES.get(feature_id)

    async def alone(self, check: Check) -> Shown | CheckFailure:
        """What the check is answered."""
        try:
            return await self.check(check, None)
        except TollkeeperError as error:
            return CheckFailure(error.reason, error.message)


@given(steps, steps, checks)
def test_a_batch_is_its_checks(
    one: list[tuple[str, int, int]], other: list[tuple[str, int, int]], pairs: list[tuple[str, str]]
) -> None:
    async def compare() -> None:
        commands = _Commands()
        asked = [Check(*pair) for pair in pairs]
        for world, happens in zip(commands.worlds, (one, other), strict=True):
            for step in happens:
                world.step(*step)
            commands.clock.time = max(commands.clock.time, world.now)
        # Twice, and in both orders: with answers that were given before, and without.
        together = await commands.batch(asked, None)
        assert list(together) == [await commands.alone(check) for check in asked]
        assert list(await commands.batch(asked, None)) == list(together)

    asyncio.run(compare())
