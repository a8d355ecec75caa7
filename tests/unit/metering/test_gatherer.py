"""Calls gathered into one transaction."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from kernel.errors import ErrorKind, TollkeeperError, not_found
from metering.commands.gatherer import Gatherer


class Store:
    """Stands in for a transaction, because what matters is which calls reach it together and how it ends.

    A call of "poison" makes the transaction fail, "away" the database be away, "refused" is refused on its own.
    """

    def __init__(self) -> None:
        self.transactions: list[list[str]] = []
        self.began = asyncio.Event()
        self.open = asyncio.Event()

    async def run(self, calls: Sequence[str]) -> Sequence[str | TollkeeperError]:
        self.transactions.append(list(calls))
        self.began.set()
        await self.open.wait()
        if "poison" in calls:
            raise ZeroDivisionError
        if "away" in calls:
            raise TollkeeperError(ErrorKind.UNAVAILABLE, "DEPENDENCY_UNAVAILABLE", "away")
        return [not_found("X", "x") if call == "refused" else call.upper() for call in calls]


@asynccontextmanager
async def gathering(
    store: Store, *, most_together: int = 100, most_waiting: int = 100
) -> AsyncIterator[Gatherer[str, str]]:
    """A gatherer at work, whose first transaction, of the call "first", runs until the store is opened."""
    gatherer = Gatherer[str, str](store.run, most_together=most_together, most_waiting=most_waiting)
    worker = asyncio.create_task(gatherer.run())
    first = asyncio.create_task(gatherer.submit("first", weight=1))
    await store.began.wait()
    yield gatherer
    worker.cancel()
    await asyncio.wait([worker, first])
    assert first.exception() is not None or first.result() == "FIRST"


def submitted(gatherer: Gatherer[str, str], *calls: str, weight: int = 1) -> list[asyncio.Task[str]]:
    """Submits the calls in this order."""
    return [asyncio.create_task(gatherer.submit(call, weight=weight)) for call in calls]


async def outcomes(tasks: list[asyncio.Task[str]]) -> list[str]:
    """The replies, or the names of errors."""
    replies = await asyncio.gather(*tasks, return_exceptions=True)
    return [reply if isinstance(reply, str) else type(reply).__name__ for reply in replies]


async def test_what_arrives_while_a_transaction_runs_goes_together() -> None:
    store = Store()
    async with gathering(store, most_together=3) as gatherer:
        tasks = submitted(gatherer, *"abcde") + submitted(gatherer, "f", weight=9) + submitted(gatherer, "g")
        await asyncio.sleep(0)
        store.open.set()
        assert await outcomes(tasks) == list("ABCDEFG")
    # In the order of arrival, never more than fit, and what alone is too much goes alone.
    assert store.transactions == [["first"], ["a", "b", "c"], ["d", "e"], ["f"], ["g"]]


async def test_a_fault_of_one_call_is_not_anothers() -> None:
    store = Store()
    async with gathering(store) as gatherer:
        tasks = submitted(gatherer, "a", "poison", "refused", "b")
        await asyncio.sleep(0)
        store.open.set()
        assert await outcomes(tasks) == ["A", "ZeroDivisionError", "TollkeeperError", "B"]
        assert await outcomes(submitted(gatherer, "c")) == ["C"]
    gathered = ["a", "poison", "refused", "b"]
    assert store.transactions == [["first"], gathered, ["a"], ["poison"], ["refused"], ["b"], ["c"]]


async def test_while_the_database_is_away_nobody_waits_in_turn() -> None:
    store = Store()
    async with gathering(store) as gatherer:
        tasks = submitted(gatherer, "a", "away", "b")
        await asyncio.sleep(0)
        store.open.set()
        assert await outcomes(tasks) == ["TollkeeperError"] * 3
    assert store.transactions == [["first"], ["a", "away", "b"]]


async def test_too_much_is_refused_but_a_large_call_alone_is_not() -> None:
    store = Store()
    async with gathering(store, most_waiting=4) as gatherer:
        tasks = submitted(gatherer, *"abcd")
        await asyncio.sleep(0)
        with pytest.raises(TollkeeperError) as refused:
            await gatherer.submit("e", weight=1)
        assert (refused.value.kind, refused.value.reason) == (ErrorKind.RESOURCE_EXHAUSTED, "OVERLOADED")
        store.open.set()
        assert await outcomes(tasks) == list("ABCD")
        assert await gatherer.submit("large", weight=99) == "LARGE"


async def test_a_caller_that_went_away_costs_nothing() -> None:
    store = Store()
    async with gathering(store) as gatherer:
        gone, stays = submitted(gatherer, "gone", "stays")
        await asyncio.sleep(0)
        gone.cancel()
        store.open.set()
        assert await stays == "STAYS"
    assert store.transactions == [["first"], ["stays"]]


async def test_whoever_waits_at_the_end_is_told() -> None:
    store = Store()
    async with gathering(store) as gatherer:
        tasks = submitted(gatherer, *"ab")
        await asyncio.sleep(0)
    for outcome in await asyncio.gather(*tasks, return_exceptions=True):
        assert isinstance(outcome, TollkeeperError)
        assert outcome.kind is ErrorKind.UNAVAILABLE
