"""A platform with two processes of entitlements and two of metering, each pair on one database, beside each other on one NATS."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from cli.local_platform import Platform
from tests.e2e.scenario import apply_file
from tests.faults.replicas.world import Side, World

CATALOG = Path(__file__).with_name("catalog.yaml")


@pytest.fixture(scope="package")
def replicated() -> Iterator[Platform]:
    """Everything on it is durable, and every child may be killed. It ends with the last test of this folder."""
    with Platform(replicas={"entitlements": 2, "metering": 2}) as running:
        yield running


@pytest.fixture(scope="package")
async def world(replicated: Platform) -> AsyncIterator[World]:
    """The catalog applied, and the stubs of either side."""
    await apply_file(replicated, CATALOG)
    addresses = replicated.addresses
    async with AsyncExitStack() as stack:
        sides = [
            await stack.enter_async_context(
                Side(
                    {
                        "catalog": addresses["catalog"],
                        "billing": addresses["billing"],
                        "metering": addresses[f"metering{suffix}"],
                        "entitlements": addresses[f"entitlements{suffix}"],
                    }
                )
            )
            for suffix in ("", "-2")
        ]
        yield World(replicated, sides)
