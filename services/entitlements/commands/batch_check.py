"""Decides many pairs of customer and feature at once."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Final, TypeVar, cast

from entitlements.commands.check_entitlement import CheckEntitlement
from entitlements.commands.fresh_entry import FreshEntry
from entitlements.domain.entry import Entry
from entitlements.domain.feature import Feature
from entitlements.domain.memory import Memory
from entitlements.domain.request import Check, CheckFailure, Freshness, Shown
from kernel.clock import Clock
from kit.faults import public_error

Found = TypeVar("Found")

# Customers of one batch that are read at the same time. They are read together, so that it is a few questions, not hundreds.
READ_TOGETHER: Final = 100


class BatchCheck:
    """Decides, each pair as a check of its own would be."""

    def __init__(self, memory: Memory, fresh: FreshEntry, *, check: CheckEntitlement, clock: Clock) -> None:
        self._memory = memory
        self._fresh = fresh
        self._check = check
        self._clock = clock

    async def __call__(self, checks: Sequence[Check], freshness: Freshness | None) -> Sequence[Shown | CheckFailure]:
        """One answer for each check, in their order. What cannot be known of one customer fails its own checks only."""
        known = self._at_once(checks) if freshness is None else [None] * len(checks)
        others = [check for check, answer in zip(checks, known, strict=True) if answer is None]
        if not others:
            return cast(Sequence[Shown], known)
        entries = await self._entries(others, freshness)
        features = await self._features(others, entries, freshness)
        return [
            self._answer(check, entries[check.customer_id], features) if answer is None else answer
            for check, answer in zip(checks, known, strict=True)
        ]

    def _at_once(self, checks: Sequence[Check]) -> Sequence[Shown | None]:
        at_once, real = self._check.at_once, self._clock.now()
        return [at_once(check.customer_id, check.feature_id, real) if check.is_bare else None for check in checks]

    def _answer(
        self, check: Check, entry: Entry | CheckFailure, features: Mapping[str, Feature | CheckFailure | None]
    ) -> Shown | CheckFailure:
        if isinstance(entry, CheckFailure):
            return entry
        held = entry.features.get(check.feature_id)
        feature = features.get(check.feature_id) if held is None else held.feature
        if isinstance(feature, CheckFailure):
            return feature
        return self._check.answer(check, entry, feature)

    async def _entries(
        self, checks: Sequence[Check], freshness: Freshness | None
    ) -> Mapping[str, Entry | CheckFailure]:
        entries: dict[str, Entry | CheckFailure] = {}
        # Of each customer that is to be read, the feature asked about; None: several.
        reading: dict[str, str | None] = {}
        for check in checks:
            customer_id = check.customer_id
            if customer_id in entries:
                continue
            entry = self._memory.get(customer_id) if freshness is None else None
            if entry is not None:
                entries[customer_id] = entry
            elif reading.setdefault(customer_id, check.feature_id) != check.feature_id:
                reading[customer_id] = None

        async def read(customer_id: str) -> Entry:
            return await self._fresh(customer_id, freshness, feature_id=reading[customer_id])

        return entries | await _found(read, reading)

    async def _features(
        self, checks: Sequence[Check], entries: Mapping[str, Entry | CheckFailure], freshness: Freshness | None
    ) -> Mapping[str, Feature | CheckFailure | None]:
        missing: dict[str, None] = {}
        for check in checks:
            entry = entries[check.customer_id]
            if isinstance(entry, Entry) and check.feature_id not in entry.features:
                missing[check.feature_id] = None

        async def find(feature_id: str) -> Feature | None:
            return await self._check.find_feature(feature_id, freshness)

        return await _found(find, missing)


async def _found(work: Callable[[str], Awaitable[Found]], keys: Collection[str]) -> dict[str, Found | CheckFailure]:
    """The outcome of the work for each key; what goes wrong with one is its own."""
    found: dict[str, Found | CheckFailure] = {}
    if not keys:
        return found
    waiting = iter(keys)

    async def take_turns() -> None:
        for key in waiting:
            try:
                found[key] = await work(key)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is told in the answer.
                refusal = public_error(error)
                found[key] = CheckFailure(refusal.reason, refusal.message)

    await asyncio.gather(*(take_turns() for _ in range(READ_TOGETHER)))
    return found
