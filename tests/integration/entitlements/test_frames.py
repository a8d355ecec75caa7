"""Usage that arrives by frames; and when frames are lost, late, or silent, or the broker is away, it arrives all the same."""

import asyncio
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from cli.embedded.nats import EmbeddedNats
from entitlements.settings import EntitlementsSettings
from entitlements.wiring import wire_by
from kit import broker as kit_broker
from kit.client import open_channel
from kit.service import running
from tests.conftest import MakeDatabase
from tests.integration.entitlements.conftest import Neighbours
from tests.integration.entitlements.plans import stock
from tests.integration.entitlements.world import START, SettableClock, World
from tollkeeper.entitlements.v1.entitlements_service_pb2_grpc import EntitlementsServiceStub
from tollkeeper.metering.v1 import tracker_pb2

TENTH = timedelta(milliseconds=100)
MONTH_END = datetime(2026, 2, 10, 12, tzinfo=UTC)


async def known(world: World) -> None:
    """A customer that the service holds, and a metering process that it hears."""
    await world.customer("united")
    token = await world.subscribe("united", "carrier", commitments={"gates": "3"})
    assert await world.why("united", "gates", tokens=[token]) == "WITHIN_LIMIT"
    await world.frame()


def window(world: World, value: str, revision: int, *, feature_id: str = "gates") -> tracker_pb2.Window:
    """An endless window."""
    series = tracker_pb2.Series(customer_id="united", feature_id=feature_id)
    return tracker_pb2.Window(tracker_id=1, series=series, period={}, value=value, revision=revision)  # type: ignore[arg-type]  # no bounds.


async def test_a_frame_is_seen_without_any_read(world: World) -> None:
    await known(world)
    reads = world.metering.gate.calls["BatchGetWindows"]
    await world.frame([window(world, "2", 50)])
    await world.sees("united", "gates", "2")
    # An older one changes nothing, nor does one of a customer that is not held.
    other = window(world, "9", 60)
    other.series.customer_id = "nobody"
    await world.frame([window(world, "1", 49), other, window(world, "3", 51)])
    await world.sees("united", "gates", "3")
    assert world.metering.gate.calls["BatchGetWindows"] == reads


async def test_a_lost_frame_makes_held_windows_be_read(world: World) -> None:
    await known(world)
    world.metering.add("united", "gates", "2", at=START)
    assert (await world.check("united", "gates")).usage == "0"
    await world.frame(skip=1)
    await world.sees("united", "gates", "2")


async def test_a_new_process_that_was_not_heard_from_its_first_frame_on_makes_them_be_read(world: World) -> None:
    await known(world)
    world.metering.add("united", "gates", "2", at=START)
    await world.frame(process="metering-2", skip=5)
    await world.sees("united", "gates", "2")


async def test_three_seconds_of_silence_make_them_be_read(world: World) -> None:
    await known(world)
    world.metering.add("united", "gates", "2", at=START)
    await world.sees("united", "gates", "2", passing=TENTH)


async def test_metering_away_leaves_what_is_held_and_says_how_old_it_is(world: World) -> None:
    await known(world)
    world.metering.gate.away = True
    world.metering.add("united", "gates", "2", at=START)
    for _ in range(100):
        world.clock.pass_by(timedelta(seconds=1))
        decision = await world.check("united", "gates")
        assert decision.usage == "0"
    # Nothing was heard of it since the frame that came after the load.
    assert decision.as_of.ToDatetime(UTC) <= START + timedelta(seconds=50)
    world.metering.gate.away = False
    await world.sees("united", "gates", "2", passing=TENTH)


async def test_a_garbled_frame_harms_nobody(world: World) -> None:
    await known(world)
    await world.broker.client.publish("tollkeeper.metering.frame.x", b"\xff\xff")
    await world.frame([window(world, "not a number", 50)])
    await world.frame([window(world, "2", 51)])
    await world.sees("united", "gates", "2")


async def test_a_frame_during_a_load_is_not_lost(world: World) -> None:
    await world.customer("united")
    token = await world.subscribe("united", "carrier", commitments={"gates": "3"})
    await world.frame()
    await world.check("delta", "gates")
    world.metering.gate.hold = asyncio.Event()
    loading = asyncio.create_task(world.check("united", "gates", tokens=[token]))
    while await world.metering.gate.held.get() != "BatchGetWindows":
        world.metering.gate.hold.set()
        world.metering.gate.hold = asyncio.Event()
    # The read was answered before this, and arrives after it.
    await world.frame([window(world, "2", world.metering.add("united", "gates", "2", at=START))])
    await world.check("delta", "gates")
    world.metering.gate.hold.set()
    world.metering.gate.hold = None
    await loading
    await world.sees("united", "gates", "2")
    assert world.metering.gate.calls["BatchGetWindows"] == 1


async def test_a_later_window_counts_when_its_time_comes(world: World) -> None:
    await known(world)
    series = tracker_pb2.Series(customer_id="united", feature_id="calls")
    ahead = tracker_pb2.Window(tracker_id=1, series=series, value="4", revision=50)
    ahead.period.start_time.FromDatetime(MONTH_END)
    ahead.period.end_time.FromDatetime(datetime(2026, 3, 10, 12, tzinfo=UTC))
    await world.frame([ahead, window(world, "1", 51)])
    await world.sees("united", "gates", "1")
    assert (await world.check("united", "calls")).usage == "0"
    world.clock.time = MONTH_END
    assert (await world.check("united", "calls")).usage == "4"


async def test_what_was_dated_ahead_before_a_customer_was_held_is_read_when_its_period_begins(world: World) -> None:
    await world.customer("united")
    world.metering.add("united", "calls", "4", at=MONTH_END + timedelta(hours=1))
    token = await world.subscribe("united", "carrier")
    assert (await world.check("united", "calls", tokens=[token])).usage == "0"
    world.clock.time = MONTH_END
    await world.sees("united", "calls", "4")


async def test_without_the_broker_usage_is_as_fresh_as_with_it(
    neighbours: Neighbours, make_database: MakeDatabase, tmp_path: Path
) -> None:
    server = EmbeddedNats(tmp_path)
    server.start()
    clock = SettableClock(START)
    settings = EntitlementsSettings(
        database_url=make_database("entitlements"),
        nats_url=server.url,
        listen="127.0.0.1:0",
        drain_seconds=1,
        catalog_address=neighbours.address,
        billing_address=neighbours.address,
        metering_address=neighbours.address,
    )
    try:
        connected = await kit_broker.connect(server.url, "test")
        wire = partial(wire_by, clock)
        async with running("entitlements", settings, wire) as port, open_channel(f"127.0.0.1:{port}") as channel:
            api = EntitlementsServiceStub(channel)
            world = World(connected, neighbours.catalog, neighbours.billing, neighbours.metering, clock, api)
            stock(world)
            await known(world)
            await connected.close()
            server.stop()
            for usage in ("1", "2", "3"):
                world.metering.add("united", "gates", "1", at=START)
                await world.sees("united", "gates", usage, passing=TENTH)
            # Reports and tokens need no broker at all.
            assert (await world.report("united", "gates", "-1", enforce=True)).usage == "2"
            assert (await world.check("united", "gates")).usage == "2"
            raised = await world.commit("sub-united", {"gates": "9"}, announced=False)
            assert (await world.check("united", "gates", tokens=[raised])).limit == "9"
            server.start()
    finally:
        server.stop()
