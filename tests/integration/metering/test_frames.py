"""Usage frames on core NATS."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

from nats.aio.subscription import Subscription

from cli.embedded.nats import EmbeddedNats
from kit.broker import Broker, connect
from kit.client import open_channel
from kit.db import Database
from kit.service import running
from metering.commands.publish_frames import PublishFrames
from metering.domain.series import Series
from metering.domain.tracker import Tracker, Window
from metering.settings import MeteringSettings
from metering.wiring import wire
from tests.integration.metering.conftest import Metering
from tests.integration.metering.fakes import Neighbours
from tests.integration.metering.samples import COUNT, JANUARY, event, metered, monthly, tracker
from tollkeeper.metering.v1.metering_events_pb2 import UsageFrame


@contextlib.asynccontextmanager
async def listening(broker: Broker) -> AsyncIterator[Subscription]:
    """Hears every frame from here on."""
    subscription = await broker.client.subscribe("tollkeeper.metering.frame.*")
    await broker.client.flush()
    yield subscription
    await subscription.unsubscribe()


async def next_frame(subscription: Subscription) -> UsageFrame:
    """The next one, in whose subject its process stands."""
    message = await subscription.next_msg(timeout=20)
    frame = UsageFrame.FromString(message.data)
    assert message.subject == f"tollkeeper.metering.frame.{frame.process_id}"
    return frame


async def test_changed_windows_are_published_newest_only_and_numbered(
    broker: Broker, metering: Metering, neighbours: Neighbours
) -> None:
    neighbours.features["departures"] = metered("departures", COUNT)
    async with listening(broker) as subscription:
        await metering.register(tracker("departures", monthly()))
        for number in range(5):
            await metering.send(event(f"{number}"))
        frames: list[UsageFrame] = []
        while not frames or not any(window.value == "5" for window in frames[-1].windows):
            frames.append(await next_frame(subscription))
        heartbeat = await next_frame(subscription)
    assert not heartbeat.windows
    numbers = [frame.number for frame in (*frames, heartbeat)]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    values = [int(window.value) for frame in frames for window in frame.windows]
    assert values == sorted(set(values))
    (window,) = frames[-1].windows
    assert [window] == list(await metering.windows(tracker("departures", monthly()), at=JANUARY))


async def test_very_many_windows_are_split_into_several_frames(broker: Broker) -> None:
    frames = PublishFrames(broker)
    frames.changed(
        Window(Tracker(number, Series(f"customer-{number:0100}", "", "gates"), None), None, Decimal(1), 1)
        for number in range(20_000)
    )
    async with listening(broker) as subscription:
        worker = asyncio.create_task(frames.run())
        received = [await next_frame(subscription)]
        while received[-1].windows:
            received.append(await next_frame(subscription))
        worker.cancel()
        await asyncio.wait([worker])
    assert len(received) > 4
    assert [frame.number for frame in received] == list(range(1, len(received) + 1))
    assert len({window.tracker_id for frame in received for window in frame.windows}) == 20_000


async def test_ingest_goes_on_while_nats_is_away_and_the_newest_values_follow(
    metering_settings: MeteringSettings, neighbours: Neighbours, tmp_path: Path
) -> None:
    neighbours.features["departures"] = metered("departures", COUNT)
    with EmbeddedNats(tmp_path) as nats:
        settings = metering_settings.model_copy(update={"nats_url": nats.url})
        database = Database(settings.database_url, pool_size=2)
        async with (
            running("metering", settings, wire) as port,
            open_channel(f"127.0.0.1:{port}") as channel,
        ):
            metering = Metering(channel, settings, database)
            await metering.register(tracker("departures", monthly()))
            await metering.send(event("1"))
            nats.stop()
            for number in range(2, 5):
                await metering.send(event(f"{number}"))
            nats.start()
            broker = await connect(nats.url, "test")
            async with listening(broker) as subscription:
                await metering.send(event("5"))
                values: list[str] = []
                while "5" not in values:
                    values += [window.value for window in (await next_frame(subscription)).windows]
            await broker.close()
        await database.close()
    assert values == sorted(set(values))
