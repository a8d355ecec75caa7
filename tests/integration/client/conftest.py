"""The client library beside fakes of the services."""

from collections.abc import Iterator

import pytest

from tests.integration.client.fakes import Fake

# The entitlements service itself, in this process, for the tests beside it.
from tests.integration.entitlements.conftest import (  # noqa: F401 - fixtures.
    database_url,
    neighbours,
    real_time,
    replica,
    replica_at,
    world,
)
from tollkeeper.client import Tollkeeper


@pytest.fixture
def fake() -> Iterator[Fake]:
    """A fake of every service, listening."""
    made = Fake()
    made.start()
    yield made
    made.stop()


@pytest.fixture
def tollkeeper(fake: Fake) -> Iterator[Tollkeeper]:
    """A client of the fake."""
    address = fake.address
    with Tollkeeper(catalog=address, metering=address, entitlements=address, billing=address) as made:
        yield made
