"""From an outbox row to a handled event: nothing is lost, whatever is away and whatever a message does."""

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from sqlalchemy import MetaData, func, select

from cli.data_folder import temporary_folder
from cli.embedded.nats import EmbeddedNats
from cli.embedded.postgres import EmbeddedPostgres
from kernel.errors import ErrorKind, TollkeeperError
from kit.broker import Broker, connect, ensure_stream
from kit.consumer import MAX_FAULTS, Consumer, dead_letter_table, handler
from kit.db import Database
from kit.outbox import Outbox, Relay, outbox_tables
from kit.service import Worker
from tollkeeper.common.v1.money_pb2 import Money

metadata = MetaData()
outbox_table, refused_table = outbox_tables(metadata)
dead_letters = dead_letter_table(metadata)
outbox = Outbox("kit", outbox_table)


@pytest.fixture
async def database(postgres: EmbeddedPostgres, resources: AsyncExitStack) -> Database:
    """An empty outbox, for this test alone."""
    postgres.create_databases(["kit"])
    database = Database(postgres.url("kit"))
    resources.push_async_callback(database.close)
    async with database.write() as connection:
        await connection.run_sync(metadata.drop_all)
        await connection.run_sync(metadata.create_all)
    return database


@asynccontextmanager
async def working(*workers: Worker) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(worker.run()) for worker in workers]
    try:
        yield
    finally:
        for task in tasks:
            # Before Python 3.12 `asyncio.wait_for` forgets a cancellation that meets the end of what it waits for.
            while not task.done():
                task.cancel()
                await asyncio.wait([task], timeout=0.5)
            with contextlib.suppress(asyncio.CancelledError):
                await task


def _relay(database: Database, broker: Broker) -> Relay:
    return Relay("kit", database, broker, table=outbox_table, refused=refused_table)


def _consumer(database: Database, broker: Broker, handle: Callable[[Money], object]) -> Consumer:
    async def run(money: Money) -> None:
        result = handle(money)
        if asyncio.iscoroutine(result):
            await result

    return Consumer(
        broker,
        database,
        stream="kit",
        durable="test",
        handlers=dict([handler(Money, run)]),
        dead_letters=dead_letters,
    )


async def _put(database: Database, *amounts: str) -> None:
    async with database.write() as connection:
        await outbox.put_all(connection, [("money", "made", f"m/{amount}", Money(amount=amount)) for amount in amounts])


async def test_events_arrive_in_order_and_the_outbox_empties(database: Database, broker: Broker) -> None:
    seen: list[str] = []
    done = asyncio.Event()

    def handle(money: Money) -> None:
        seen.append(money.amount)
        if len(seen) == 1_000:
            done.set()

    await _put(database, *(str(number) for number in range(500)))
    async with working(_relay(database, broker), _consumer(database, broker, handle)):
        await _put(database, *(str(number) for number in range(500, 1_000)))
        await asyncio.wait_for(done.wait(), 30)
    assert seen == [str(number) for number in range(1_000)]


async def test_a_rolled_back_event_is_never_published(database: Database, broker: Broker) -> None:
    seen: list[str] = []
    done = asyncio.Event()

    def handle(money: Money) -> None:
        seen.append(money.amount)
        done.set()

    with contextlib.suppress(ZeroDivisionError):
        async with database.write() as connection:
            await outbox.put(connection, "money", "made", id="x", event=Money(amount="lost"))
            raise ZeroDivisionError
    async with working(_relay(database, broker), _consumer(database, broker, handle)):
        await _put(database, "kept")
        await asyncio.wait_for(done.wait(), 30)
    assert seen == ["kept"]


async def test_of_two_relays_one_works_and_the_other_takes_over(database: Database, broker: Broker) -> None:
    seen: list[str] = []
    arrived = asyncio.Event()

    def handle(money: Money) -> None:
        seen.append(money.amount)
        arrived.set()

    async with working(_consumer(database, broker, handle), _relay(database, broker)):
        async with working(_relay(database, broker)):
            await _put(database, "1")
            await asyncio.wait_for(arrived.wait(), 30)
        arrived.clear()
        await _put(database, "2")
        await asyncio.wait_for(arrived.wait(), 30)
    assert seen == ["1", "2"]


async def test_a_faulty_message_becomes_a_dead_letter_and_holds_up_nothing(database: Database, broker: Broker) -> None:
    tries = 0
    done = asyncio.Event()

    def handle(money: Money) -> None:
        nonlocal tries
        if money.amount == "bad":
            tries += 1
            raise ValueError(money.amount)
        done.set()

    await _put(database, "bad", "good")
    async with working(_relay(database, broker), _consumer(database, broker, handle)):
        await asyncio.wait_for(done.wait(), 30)
    async with database.read() as connection:
        letters = (await connection.execute(select(dead_letters))).all()
    assert tries == MAX_FAULTS
    assert [(letter.faults, Money.FromString(letter.payload).amount) for letter in letters] == [(MAX_FAULTS, "bad")]


async def test_while_an_owner_is_away_the_consumer_waits_and_counts_nothing(database: Database, broker: Broker) -> None:
    tries = 0
    done = asyncio.Event()

    def handle(money: Money) -> None:
        nonlocal tries
        tries += 1
        if tries <= MAX_FAULTS + 1:
            raise TollkeeperError(ErrorKind.UNAVAILABLE, "DEPENDENCY_UNAVAILABLE", money.amount)
        done.set()

    await _put(database, "patient")
    async with working(_relay(database, broker), _consumer(database, broker, handle)):
        await asyncio.wait_for(done.wait(), 30)
    async with database.read() as connection:
        assert (await connection.execute(select(func.count()).select_from(dead_letters))).scalar_one() == 0


async def test_what_the_broker_refuses_is_set_aside(database: Database, broker: Broker) -> None:
    async with database.write() as connection:
        await outbox.put(connection, "money", "made", id="large", event=Money(currency="x" * 2_000_000))
        await outbox.put(connection, "money", "made", id="small", event=Money(amount="1"))
    await ensure_stream(broker, "kit")
    assert await _relay(database, broker)._relay_batch() == 2
    async with database.read() as connection:
        refused = (await connection.execute(select(refused_table))).all()
        assert (await connection.execute(select(func.count()).select_from(outbox_table))).scalar_one() == 0
    assert [(row.subject, "MaxPayload" in row.error) for row in refused] == [("tollkeeper.kit.money.made.large", True)]


async def test_what_waited_for_the_broker_arrives_as_soon_as_it_is_back(
    database: Database, resources: AsyncExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Whoever waits for a lost answer fails the test.
    monkeypatch.setattr("kit.outbox.ANSWER_SECONDS", 100)
    monkeypatch.setattr("kit.consumer.ACK_SECONDS", 100)
    folder = temporary_folder()
    resources.callback(shutil.rmtree, folder)
    server = EmbeddedNats(folder)
    resources.callback(server.stop)
    await asyncio.to_thread(server.start)
    broker = await connect(server.url, "test")
    resources.push_async_callback(broker.close)
    arrived: asyncio.Queue[str] = asyncio.Queue()

    async def arrives(amount: str) -> None:
        # An event whose acknowledgement was lost comes a second time.
        while await arrived.get() != amount:
            pass

    async with working(
        _relay(database, broker), _consumer(database, broker, lambda money: arrived.put_nowait(money.amount))
    ):
        await _put(database, "before")
        await asyncio.wait_for(arrives("before"), 30)
        for amount in ("1", "2"):
            await asyncio.to_thread(server.process.kill)
            await _put(database, amount)
            # Both have asked the broker something, and wait for its answer.
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(arrives(amount), 1)
            await asyncio.to_thread(server.start)
            await asyncio.wait_for(arrives(amount), 30)


async def test_a_leader_that_is_stuck_is_replaced(
    database: Database, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kit.outbox.STUCK_SECONDS", 1)
    stuck, arrived = asyncio.Event(), asyncio.Event()

    async def do_nothing() -> int:
        stuck.set()
        await asyncio.Event().wait()
        return 0

    leader = _relay(database, broker)
    monkeypatch.setattr(leader, "_relay_batch", do_nothing)
    async with working(leader, _consumer(database, broker, lambda _: arrived.set())):
        await asyncio.wait_for(stuck.wait(), 30)
        async with working(_relay(database, broker)):
            await _put(database, "1")
            await asyncio.wait_for(arrived.wait(), 30)
