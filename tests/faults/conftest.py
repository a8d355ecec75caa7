"""A platform to be broken: everything on it is durable, and every child may be killed."""

from collections.abc import AsyncIterator, Iterator

import pytest

from calls import Tollkeeper
from cli.local_platform import Platform
from tests.e2e.scenario import NewScenario, scenario_maker


@pytest.fixture(scope="module")
def platform() -> Iterator[Platform]:
    """Four services on PostgreSQL and NATS, which lose nothing when they are killed."""
    with Platform() as running:
        yield running


@pytest.fixture(scope="module")
async def api(platform: Platform) -> AsyncIterator[Tollkeeper]:
    """The stubs of the platform's services."""
    async with Tollkeeper(platform.addresses) as stubs:
        yield stubs


@pytest.fixture(scope="module")
def new_scenario(api: Tollkeeper) -> NewScenario:
    """Makes scenarios on the platform."""
    return scenario_maker(api)
