"""A clerk of the running billing."""

import pytest

from tests.integration.billing.invoices.clerk import Clerk
from tests.integration.billing.world import World


@pytest.fixture
async def clerk(world: World) -> Clerk:
    """A clerk, and the real-time customer UA."""
    await world.customer("UA")
    return Clerk(world)
