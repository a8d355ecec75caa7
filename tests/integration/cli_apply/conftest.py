"""`tollkeeper apply` against the catalog as a running service, in this process, on real parts."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from catalog.settings import CatalogSettings
from catalog.wiring import wire
from cli.apply import apply
from cli.embedded.nats import EmbeddedNats
from kit.broker import Broker
from kit.service import running
from tests.conftest import MakeDatabase

RunApply = Callable[..., Awaitable[Result]]


@pytest.fixture
async def address(make_database: MakeDatabase, nats_server: EmbeddedNats, broker: Broker) -> AsyncIterator[str]:
    """Where the catalog listens."""
    settings = CatalogSettings(
        database_url=make_database("catalog"), nats_url=nats_server.url, listen="127.0.0.1:0", drain_seconds=1
    )
    async with running("catalog", settings, wire) as port:
        yield f"127.0.0.1:{port}"


@pytest.fixture
def run_apply(address: str, tmp_path: Path) -> RunApply:
    """Writes a file and applies it, as the command does."""

    async def run(text: str, *options: str, answer: str | None = None) -> Result:
        file = tmp_path / "catalog.yaml"
        file.write_text(text, encoding="utf-8")
        arguments = [str(file), "--catalog", address, *options]
        # In a thread: the command has an event loop of its own, and the catalog answers on this one.
        result = await asyncio.to_thread(CliRunner().invoke, apply, arguments, answer)
        assert isinstance(result, Result)
        return result

    return run
