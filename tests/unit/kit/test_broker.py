"""Who asked over a connection that was lost is told that nobody will answer."""

import asyncio
from types import SimpleNamespace
from typing import cast

import pytest
from nats.aio.client import Client

from kit.broker import AnswerLostError, Broker


def _broker() -> Broker:
    return Broker(cast("Client", SimpleNamespace(jetstream=lambda **_: None)))


async def test_an_answer_and_a_refusal_are_passed_on() -> None:
    async def answer() -> int:
        return 7

    async def refuse() -> int:
        raise KeyError(7)

    broker = _broker()
    assert await broker.answered(answer()) == 7
    with pytest.raises(KeyError):
        await broker.answered(refuse())


async def test_a_new_connection_ends_the_wait_for_answers_of_the_old_one() -> None:
    broker = _broker()
    asked, ended = asyncio.Event(), asyncio.Event()

    async def silent() -> None:
        asked.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    for _ in range(2):
        asked.clear()
        ended.clear()
        waiting = asyncio.create_task(broker.answered(silent()))
        await asked.wait()
        broker.note_reconnection()
        with pytest.raises(AnswerLostError):
            await asyncio.wait_for(waiting, 5)
        await asyncio.wait_for(ended.wait(), 5)


async def test_who_stops_waiting_stops_the_question() -> None:
    broker = _broker()
    asked, ended = asyncio.Event(), asyncio.Event()

    async def silent() -> None:
        asked.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    waiting = asyncio.create_task(broker.answered(silent()))
    await asked.wait()
    waiting.cancel()
    await asyncio.wait_for(ended.wait(), 5)
    assert (await asyncio.gather(waiting, return_exceptions=True))[0].__class__ is asyncio.CancelledError
