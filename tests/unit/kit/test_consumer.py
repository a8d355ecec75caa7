"""The consumer survives what its client does at the edge of a timeout."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from kit import consumer as kit_consumer
from kit.broker import Broker
from kit.consumer import Consumer
from kit.db import Database

NEWEST = 9


async def consumed(
    monkeypatch: pytest.MonkeyPatch, *, pending: list[tuple[int, int, int]], fetch: Any
) -> tuple[Consumer, Any]:
    """A consumer at work on a client that a test plays, and its task.

    `pending` is what the broker says time after time: messages that nobody has, that somebody has, and up to which number
    all were acknowledged. The newest message was number 9.
    """

    async def nothing(*_: Any, **__: Any) -> Any:
        return None

    async def info() -> Any:
        nobody, somebody, floor = pending.pop(0) if len(pending) > 1 else pending[0]
        return SimpleNamespace(
            num_pending=nobody, num_ack_pending=somebody, ack_floor=SimpleNamespace(stream_seq=floor) if floor else None
        )

    async def stream(*_: Any, **__: Any) -> Any:
        return SimpleNamespace(state=SimpleNamespace(last_seq=NEWEST))

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

    consumer, running = await consumed(monkeypatch, pending=[(1, 0, 0)], fetch=fetch)
    for _ in range(3):
        await asyncio.wait_for(asked.get(), 5)
    assert not running.done()
    assert not consumer.caught_up.is_set()
    running.cancel()


async def test_what_another_replica_took_is_waited_for_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fetch(*_: Any, **__: Any) -> list[object]:
        await asyncio.sleep(0)
        raise TimeoutError

    consumer, running = await consumed(monkeypatch, pending=[(1, 0, 0), (0, 1, 8), (0, 0, 9)], fetch=fetch)
    await asyncio.wait_for(consumer.caught_up.wait(), 5)
    assert not running.done()
    running.cancel()


@pytest.mark.parametrize(
    ("pending", "caught_up"),
    [
        ((0, 0, 0), True),
        ((0, 0, 9), True),
        # The replica that has it may be dead.
        ((0, 1, 8), False),
        ((3, 0, 6), False),
        ((3, 2, 8), False),
        # What came since is the ordinary traffic.
        ((3, 2, 9), True),
        ((0, 20, 400), True),
    ],
)
async def test_caught_up_is_who_has_everything_announced_before(
    monkeypatch: pytest.MonkeyPatch, pending: tuple[int, int, int], *, caught_up: bool
) -> None:
    looked = asyncio.Event()

    async def fetch(*_: Any, **__: Any) -> list[object]:
        looked.set()
        await asyncio.sleep(0)
        return []

    consumer, running = await consumed(monkeypatch, pending=[pending], fetch=fetch)
    await asyncio.wait_for(looked.wait(), 5)
    assert consumer.caught_up.is_set() is caught_up
    running.cancel()
