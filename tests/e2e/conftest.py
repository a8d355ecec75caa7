"""One running platform for all end-to-end tests of a worker: four services as processes, PostgreSQL and NATS."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from calls import Tollkeeper
from cli.local_platform import Platform
from tests.e2e.scenario import NewScenario, apply_file, scenario_maker

CATALOGS = Path(__file__).with_name("catalogs")


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


@pytest.fixture(scope="session")
async def airlines_catalog(platform: Platform, project_root: Path) -> None:
    """The demo's catalog."""
    await apply_file(platform, project_root / "examples" / "airlines" / "catalog.yaml")


@pytest.fixture(scope="session")
async def models_catalog(platform: Platform) -> None:
    """Every pricing model."""
    await apply_file(platform, CATALOGS / "models.yaml")


@pytest.fixture(scope="session")
async def meters_catalog(platform: Platform) -> None:
    """Every filter."""
    await apply_file(platform, CATALOGS / "meters.yaml")


@pytest.fixture(scope="session")
async def periods_catalog(platform: Platform) -> None:
    """Every reset."""
    await apply_file(platform, CATALOGS / "periods.yaml")


@pytest.fixture(scope="session")
async def year_catalog(platform: Platform) -> None:
    """The whole year's meters."""
    await apply_file(platform, CATALOGS / "year.yaml")
