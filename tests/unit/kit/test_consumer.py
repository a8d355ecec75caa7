"""The consumer survives what its client does at the edge of a timeout."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from kit import consumer as kit_consumer
from kit.broker import Broker
from kit.consumer import Consumer
from kit.db import Database


async def consumed(monkeypatch: pytest.MonkeyPatch, *, pending: list[int], fetch: Any) -> tuple[Consumer, Any]:
    """A consumer at work on a client that a test plays, and its task."""

    async def nothing(*_: Any, **__: Any) -> Any:
        return None

    async def info() -> Any:
        return SimpleNamespace(
            num_pending=pending.pop(0) if len(pending) > 1 else pending[0], num_ack_pending=0, ack_floor=None
        )

    async def stream(*_: Any, **__: Any) -> Any:
        return SimpleNamespace(state=SimpleNamespace(last_seq=1))

    async def subscribe(*_: Any, **__: Any) -> Any:
        return SimpleNamespace(fetch=fetch, consumer_info=info)

    monkeypatch.setattr(kit_consumer, "ensure_stream", nothing)
    broker = cast("Broker", SimpleNamespace(jetstream=SimpleNamespace(pull_subscribe=subscribe, stream_info=stream)))
    consumer = Consumer(
        broker, cast("Database", None), stream="x", durable="y", handlers={}, dead_letters=cast("Any", None)
    )
    return consumer, asyncio.create_task(consumer.run())


async def test_an_empty_answer_to_a_fetch_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: asyncio.Queue[None] = asyncio.Queue()

    async def fetch(*_: Any, **__: Any) -> list[object]:
        asked.put_nowait(None)
        await asyncio.sleep(0)
        return []

    consumer, running = await consumed(monkeypatch, pending=[1], fetch=fetch)
    for _ in range(3):
        await asyncio.wait_for(asked.get(), 5)
    assert not running.done()
    assert not consumer.caught_up.is_set()
    running.cancel()


async def test_what_another_replica_took_is_waited_for_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fetch(*_: Any, **__: Any) -> list[object]:
        await asyncio.sleep(0)
        raise TimeoutError

    consumer, running = await consumed(monkeypatch, pending=[1, 1, 0], fetch=fetch)
    await asyncio.wait_for(consumer.caught_up.wait(), 5)
    assert not running.done()
    running.cancel()
