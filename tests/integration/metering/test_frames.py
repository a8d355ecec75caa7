"""Usage frames on core NATS."""

from kit.broker import Broker
from tests.integration.metering.conftest import Metering
from tests.integration.metering.fakes import Neighbours
from tests.integration.metering.samples import COUNT, JANUARY, event, metered, monthly, tracker
from tollkeeper.metering.v1.metering_events_pb2 import UsageFrame


async def test_changed_windows_are_published_newest_only_and_numbered(
    broker: Broker, metering: Metering, neighbours: Neighbours
) -> None:
    neighbours.features["departures"] = metered("departures", COUNT)
    subscription = await broker.client.subscribe("tollkeeper.metering.frame.*")
    await broker.client.flush()
    await metering.register(tracker("departures", monthly()))
    for number in range(5):
        await metering.send(event(f"{number}"))
    frames: list[UsageFrame] = []
    while not frames or not any(window.value == "5" for window in frames[-1].windows):
        message = await subscription.next_msg(timeout=5)
        frames.append(UsageFrame.FromString(message.data))
        assert message.subject.endswith(frames[-1].process_id)
    heartbeat = UsageFrame.FromString((await subscription.next_msg(timeout=5)).data)
    assert not heartbeat.windows
    numbers = [frame.number for frame in (*frames, heartbeat)]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    values = [int(window.value) for frame in frames for window in frame.windows]
    assert values == sorted(set(values))
    (window,) = frames[-1].windows
    assert window == (await metering.windows(tracker("departures", monthly()), at=JANUARY))[0]
    await subscription.unsubscribe()
