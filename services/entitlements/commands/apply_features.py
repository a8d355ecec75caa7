"""Stores features as the catalog tells of them, only what is newer, and tells every replica after the commit."""

from collections.abc import Sequence

from entitlements.domain.feature import Feature
from entitlements.store import features
from entitlements.store.notices import NoticeKind, announce
from kit.db import Database


class ApplyFeatures:
    """Stores features."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def __call__(self, those: Sequence[Feature]) -> None:
        """Stores each that is newer."""
        async with self._database.write() as connection:
            for feature_id in await features.put_all(connection, those):
                await announce(connection, NoticeKind.FEATURE, feature_id)
