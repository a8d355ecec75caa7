"""`tollkeeper apply` against the catalog as a running service, in this process, on real parts."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
from click.testing import CliRunner, Result

from catalog.settings import CatalogSettings
from catalog.wiring import wire
from cli.apply import apply
from cli.embedded.nats import EmbeddedNats
from kit.broker import Broker
from kit.service import running
from tests.conftest import MakeDatabase
from tollkeeper.billing.v1 import subscription_service_pb2 as billing_pb
from tollkeeper.billing.v1.subscription_service_pb2_grpc import (
    SubscriptionServiceServicer,
    add_SubscriptionServiceServicer_to_server,
)
from tollkeeper.catalog.v1 import plan_pb2

RunApply = Callable[..., Awaitable[Result]]


class FakeBilling(SubscriptionServiceServicer):
    """A fake, because no subscriptions are needed to show what billing says of them.

    Attributes:
        answers: By plan; a plan that is not there has no live subscriptions.
        asked: The versions that it was asked about.
    """

    def __init__(self) -> None:
        self.address = ""
        self.answers: dict[str, billing_pb.PreviewPlanVersionResponse] = {}
        self.asked: list[plan_pb2.PlanVersion] = []

    async def PreviewPlanVersion(
        self, request: billing_pb.PreviewPlanVersionRequest, _context: Any
    ) -> billing_pb.PreviewPlanVersionResponse:
        self.asked.append(request.plan_version)
        return self.answers.get(request.plan_version.plan_id, billing_pb.PreviewPlanVersionResponse())


@pytest.fixture
async def billing() -> AsyncIterator[FakeBilling]:
    """Billing, as far as the command asks it."""
    fake = FakeBilling()  # type: ignore[abstract]  # what is not asked for answers UNIMPLEMENTED.
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    add_SubscriptionServiceServicer_to_server(fake, server)
    fake.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    yield fake
    await server.stop(None)


@pytest.fixture
async def address(make_database: MakeDatabase, nats_server: EmbeddedNats, broker: Broker) -> AsyncIterator[str]:
    """Where the catalog listens."""
    settings = CatalogSettings(
        database_url=make_database("catalog"), nats_url=nats_server.url, listen="127.0.0.1:0", drain_seconds=1
    )
    async with running("catalog", settings, wire) as port:
        yield f"127.0.0.1:{port}"


@pytest.fixture
def run_apply(address: str, billing: FakeBilling, tmp_path: Path) -> RunApply:
    """Writes a file and applies it, as the command does."""

    async def run(text: str, *options: str, answer: str | None = None) -> Result:
        file = tmp_path / "catalog.yaml"
        file.write_text(text, encoding="utf-8")
        arguments = [str(file), "--catalog", address, "--billing", billing.address, *options]
        # In a thread: the command has an event loop of its own, and the catalog answers on this one.
        result = await asyncio.to_thread(CliRunner().invoke, apply, arguments, answer)
        assert isinstance(result, Result)
        return result

    return run
