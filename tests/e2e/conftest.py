"""One running platform for all end-to-end tests of a worker: four services as processes, PostgreSQL and NATS."""

from collections.abc import AsyncIterator, Iterator

import pytest

from calls import Tollkeeper
from cli.local_platform import Platform
from tests.e2e.scenario import NewScenario, scenario_maker


@pytest.fixture(scope="session")
def platform() -> Iterator[Platform]:
    """Four services, healthy. Nothing here kills PostgreSQL, so that it may be fast instead of durable."""
    with Platform(durable=False) as running:
        yield running


@pytest.fixture(scope="session")
async def api(platform: Platform) -> AsyncIterator[Tollkeeper]:
    """The stubs of the platform's services."""
    async with Tollkeeper(platform.addresses) as stubs:
        yield stubs


@pytest.fixture(scope="session")
def new_scenario(api: Tollkeeper) -> NewScenario:
    """Makes scenarios on the platform."""
    return scenario_maker(api)
