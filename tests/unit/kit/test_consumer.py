"""The consumer survives what its client does at the edge of a timeout."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from kit import consumer as kit_consumer
from kit.broker import Broker
from kit.consumer import Consumer
from kit.db import Database


async def test_an_empty_answer_to_a_fetch_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: "asyncio.Queue[None]" = asyncio.Queue()

    async def nothing(*_: Any, **__: Any) -> Any:
        return None

    async def fetch(*_: Any, **__: Any) -> list[object]:
        asked.put_nowait(None)
        await asyncio.sleep(0)
        return []

    async def info() -> Any:
        return SimpleNamespace(num_pending=1)

    async def subscribe(*_: Any, **__: Any) -> Any:
        return SimpleNamespace(fetch=fetch, consumer_info=info)

    monkeypatch.setattr(kit_consumer, "ensure_stream", nothing)
    broker = cast("Broker", SimpleNamespace(jetstream=SimpleNamespace(pull_subscribe=subscribe)))
    consumer = Consumer(
        broker, cast("Database", None), stream="x", durable="y", handlers={}, dead_letters=cast("Any", None)
    )
    running = asyncio.create_task(consumer.run())
    for _ in range(3):
        await asyncio.wait_for(asked.get(), 5)
    assert not running.done()
    assert not consumer.caught_up.is_set()
    running.cancel()
