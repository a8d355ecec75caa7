"""The installation that all stories share."""

from collections.abc import AsyncIterator, Callable

import pytest

from cli.embedded.postgres import EmbeddedPostgres
from tests.scenarios.installation import Installation, installed


@pytest.fixture(scope="package")
async def installation(postgres: EmbeddedPostgres, migrated: Callable[[str], str]) -> AsyncIterator[Installation]:
    """Four services with empty books."""
    async with installed(postgres, migrated) as running:
        yield running
