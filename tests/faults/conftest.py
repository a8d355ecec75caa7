"""A platform to be broken: everything on it is durable, and every child may be killed."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from calls import Tollkeeper
from cli.local_platform import Platform
from tests.e2e.scenario import NewScenario, apply_file, scenario_maker


@pytest.fixture(scope="session")
def platform() -> Iterator[Platform]:
    """Four services on PostgreSQL and NATS, which lose nothing when they are killed."""
    with Platform() as running:
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


@pytest.fixture(scope="session")
async def airlines_catalog(platform: Platform, project_root: Path) -> None:
    """The demo's catalog."""
    await apply_file(platform, project_root / "examples" / "airlines" / "catalog.yaml")
