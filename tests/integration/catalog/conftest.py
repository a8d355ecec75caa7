"""The catalog as a running service, in this process, on real parts."""

from collections.abc import AsyncIterator

import grpc
import pytest

from catalog.settings import CatalogSettings
from catalog.wiring import wire
from cli.embedded.nats import EmbeddedNats
from kit.broker import Broker
from kit.client import open_channel
from kit.service import running
from tests.conftest import MakeDatabase


@pytest.fixture
async def catalog(
    make_database: MakeDatabase, nats_server: EmbeddedNats, broker: Broker
) -> AsyncIterator[grpc.aio.Channel]:
    """A channel to the service."""
    settings = CatalogSettings(
        database_url=make_database("catalog"), nats_url=nats_server.url, listen="127.0.0.1:0", drain_seconds=1
    )
    async with running("catalog", settings, wire) as port, open_channel(f"127.0.0.1:{port}") as channel:
        yield channel
