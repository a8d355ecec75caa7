"""Test clocks: every boundary on the way, in order, once, whatever crashes."""

import asyncio
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial

import grpc
import pytest

from billing.wiring import wire_by
from kernel.token import FactKind, Token
from kit.client import call, open_channel
from kit.errors import RemoteRefusal
from kit.proto import timestamp_to_proto
from kit.service import running
from tests.integration.billing.plans import departures, gates, plan
from tests.integration.billing.world import World, refused, told
from tollkeeper.billing.v1 import (
    customer_pb2,
    customer_service_pb2,
    invoice_pb2,
    invoice_service_pb2,
    test_clock_pb2,
    test_clock_service_pb2,
)
from tollkeeper.billing.v1.test_clock_service_pb2_grpc import TestClockServiceStub as ClockStub

START = datetime(2013, 1, 1, tzinfo=UTC)
FEBRUARY, MARCH, APRIL = (START.replace(month=month) for month in (2, 3, 4))


@pytest.fixture
async def airline(world: World) -> World:
    """The airline's plan, and UA on it since the start of the clock."""
    world.catalog.publish(plan("airline", gates(), departures()))
    await world.clock("2013", START)
    await world.customer("UA", "2013")
    await world.provision("UA", "airline", commitments={"gates": "20"}, subscription_id="ua")
    return world


async def clock_of(world: World) -> test_clock_pb2.TestClock:
    request = test_clock_service_pb2.GetTestClockRequest(test_clock_id="2013")
    return (await call(world.clocks.GetTestClock, request)).test_clock


async def begun(world: World, target: datetime) -> "asyncio.Task[test_clock_service_pb2.AdvanceTestClockResponse]":
    """An advance that waits for metering on its first boundary."""
    world.metering.gate.clear()
    world.metering.asked.clear()
    advance = asyncio.create_task(world.advance("2013", target))
    await world.metering.asked.wait()
    return advance


async def test_a_clock_is_made_once(world: World) -> None:
    create = world.clocks.CreateTestClock
    clock = test_clock_pb2.TestClock(id="2013", time=timestamp_to_proto(START))
    made = await call(create, test_clock_service_pb2.CreateTestClockRequest(test_clock=clock))
    assert (made.test_clock.display_name, made.test_clock.state) == ("2013", test_clock_pb2.TEST_CLOCK_STATE_READY)
    await world.advance("2013", FEBRUARY)
    again = await call(create, test_clock_service_pb2.CreateTestClockRequest(test_clock=clock))
    assert again.test_clock.time.ToDatetime(UTC) == FEBRUARY
    clock.time.CopyFrom(timestamp_to_proto(MARCH))
    refusal = await refused(call(create, test_clock_service_pb2.CreateTestClockRequest(test_clock=clock)))
    assert (refusal.reason, [one.path for one in refusal.violations]) == ("TEST_CLOCK_ID_TAKEN", ["test_clock.id"])
    clock.ClearField("time")
    clock.id, clock.display_name = "a clock", "x" * 201
    refusal = await refused(call(create, test_clock_service_pb2.CreateTestClockRequest(test_clock=clock)))
    assert [violation.path for violation in refusal.violations] == [
        "test_clock.time",
        "test_clock.id",
        "test_clock.display_name",
    ]
    listing = await call(world.clocks.ListTestClocks, test_clock_service_pb2.ListTestClocksRequest())
    assert [one.id for one in listing.test_clocks] == ["2013"]


async def test_where_a_clock_cannot_go(airline: World) -> None:
    unknown = await refused(airline.advance("2014", START))
    assert (unknown.reason, [one.path for one in unknown.violations]) == ("TEST_CLOCK_NOT_FOUND", ["test_clock_id"])
    back = await refused(airline.advance("2013", START - timedelta(seconds=1)))
    assert (back.reason, [one.path for one in back.violations]) == ("TEST_CLOCK_BACKWARDS", ["target_time"])
    refusal = await refused(airline.advance("2013", START.replace(year=2024)))
    assert [violation.path for violation in refusal.violations] == ["target_time"]
    refusal = await refused(call(airline.clocks.AdvanceTestClock, test_clock_service_pb2.AdvanceTestClockRequest()))
    assert [violation.path for violation in refusal.violations] == ["test_clock_id", "target_time"]
    standing = await clock_of(airline)
    assert (await airline.advance("2013", START)).test_clock == standing


async def test_every_boundary_on_the_way_is_run_in_order(airline: World) -> None:
    airline.catalog.publish(plan("other", gates(), departures(), product_id="other"))
    await airline.advance("2013", START.replace(day=10))
    await airline.customer("AA", "2013")
    await airline.provision("AA", "other", subscription_id="aa")
    answer = await airline.advance("2013", APRIL)
    assert (answer.test_clock.state, answer.test_clock.time.ToDatetime(UTC)) == (
        test_clock_pb2.TEST_CLOCK_STATE_READY,
        APRIL,
    )
    times = [(one.customer_id, one.finalize_time.ToDatetime(UTC)) for one in await airline.invoices_of()]
    assert times[2:] == [
        ("UA", FEBRUARY),
        ("AA", FEBRUARY.replace(day=10)),
        ("UA", MARCH),
        ("AA", MARCH.replace(day=10)),
        # A boundary exactly at the target is run.
        ("UA", APRIL),
    ]
    token = Token.decode(answer.token, "token")
    assert token.revision(FactKind.TEST_CLOCK, "2013") == answer.test_clock.revision
    for name in ("ua", "aa"):
        assert token.revision(FactKind.SUBSCRIPTION, name) == (await airline.subscription(name)).revision


async def test_a_second_before_the_boundary_nothing_is_due(airline: World) -> None:
    await airline.advance("2013", FEBRUARY - timedelta(microseconds=1))
    assert len(await airline.invoices_of()) == 1


async def test_real_time_does_not_touch_a_clocks_customers(airline: World) -> None:
    airline.real_time.time = START.replace(year=2020)
    assert not await airline.worker().cross_batch()


async def test_while_it_is_on_its_way_its_customers_cannot_be_changed(airline: World) -> None:
    advance = await begun(airline, MARCH)
    clock = await clock_of(airline)
    assert (clock.state, clock.target_time.ToDatetime(UTC)) == (test_clock_pb2.TEST_CLOCK_STATE_ADVANCING, MARCH)
    assert clock.time.ToDatetime(UTC) == FEBRUARY
    [invoice] = await airline.invoices_of()
    update = customer_service_pb2.UpdateCustomerRequest(customer=customer_pb2.Customer(id="UA", email="a@b.example"))
    for change in (
        airline.raise_to("ua", {"gates": "21"}),
        airline.raise_to("ua", {"gates": "21"}, validate_only=True),
        airline.cancel("ua"),
        airline.provision("UA", "airline"),
        airline.customer("AA", "2013"),
        call(airline.customers.UpdateCustomer, update),
        call(airline.invoices.MarkInvoicePaid, invoice_service_pb2.MarkInvoicePaidRequest(invoice_id=invoice.id)),
        airline.advance("2013", APRIL),
    ):
        refusal = await refused(change)
        assert refusal.reason == "TEST_CLOCK_ADVANCING"
        assert refusal.metadata["target_time"] == MARCH.isoformat()
    # What is there already is no change, and the same target joins.
    assert (await airline.customer("UA", "2013")).id == "UA"
    joined = asyncio.create_task(airline.advance("2013", MARCH))
    airline.metering.gate.set()
    assert (await joined).test_clock == (await advance).test_clock
    assert len(await airline.invoices_of()) == 3


async def test_an_advance_outlives_the_call_that_began_it(airline: World) -> None:
    airline.metering.gate.clear()
    request = test_clock_service_pb2.AdvanceTestClockRequest(
        test_clock_id="2013", target_time=timestamp_to_proto(MARCH)
    )
    with pytest.raises(grpc.aio.AioRpcError) as ended:
        await airline.clocks.AdvanceTestClock(request, timeout=0.5)
    assert ended.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    await airline.metering.asked.wait()
    airline.metering.gate.set()
    # Joined, if it is still on its way; and at its end already, if not.
    assert (await airline.advance("2013", MARCH)).test_clock.time.ToDatetime(UTC) == MARCH
    assert len(await airline.invoices_of()) == 3


async def test_metering_away_stops_an_advance_where_it_is(airline: World) -> None:
    airline.metering.away = True
    assert (await refused(airline.advance("2013", APRIL))).reason == "DEPENDENCY_UNAVAILABLE"
    assert (await clock_of(airline)).state == test_clock_pb2.TEST_CLOCK_STATE_ADVANCING
    airline.metering.away = False
    assert (await airline.advance("2013", APRIL)).test_clock.state == test_clock_pb2.TEST_CLOCK_STATE_READY
    assert len(await airline.invoices_of()) == 4


async def test_a_crash_in_the_middle_is_finished_by_the_next_start(airline: World, resources: AsyncExitStack) -> None:
    airline.metering.use("UA", "departures", START, quantity="2500")
    airline.metering.use("UA", "departures", FEBRUARY, quantity="100")
    async with running("billing", airline.settings, partial(wire_by, airline.real_time)) as port:
        channel = await resources.enter_async_context(open_channel(f"127.0.0.1:{port}"))
        clocks = ClockStub(channel)
        request = test_clock_service_pb2.AdvanceTestClockRequest(
            test_clock_id="2013", target_time=timestamp_to_proto(APRIL)
        )
        airline.metering.gate.clear()
        advance = asyncio.create_task(call(clocks.AdvanceTestClock, request))
        await airline.metering.asked.wait()
        # The service goes down here, with its advance in the middle of the first boundary.
    await asyncio.gather(advance, return_exceptions=True)
    assert (await clock_of(airline)).state == test_clock_pb2.TEST_CLOCK_STATE_ADVANCING
    airline.metering.gate.set()
    async with running("billing", airline.settings, partial(wire_by, airline.real_time)):
        # Its worker has begun with the start; the call joins it, through the other process.
        arrived = await airline.advance("2013", APRIL)
    assert arrived.test_clock.state == test_clock_pb2.TEST_CLOCK_STATE_READY
    assert [told(invoice) for invoice in await airline.invoices_of()] == [
        [("COMMITMENT", "20", "298.00")],
        [("COMMITMENT", "20", "298.00"), ("USAGE", "2500", "15.00")],
        [("COMMITMENT", "20", "298.00"), ("USAGE", "100", "5.00")],
        [("COMMITMENT", "20", "298.00"), ("USAGE", "0", "0.00")],
    ]


async def test_two_processes_carry_a_clock_together_once(airline: World, resources: AsyncExitStack) -> None:
    async with running("billing", airline.settings, partial(wire_by, airline.real_time)) as port:
        channel = await resources.enter_async_context(open_channel(f"127.0.0.1:{port}"))
        request = test_clock_service_pb2.AdvanceTestClockRequest(
            test_clock_id="2013", target_time=timestamp_to_proto(START.replace(year=2014))
        )
        there = call(ClockStub(channel).AdvanceTestClock, request)
        here = airline.advance("2013", START.replace(year=2014))
        answers = await asyncio.gather(there, here)
    assert answers[0].test_clock == answers[1].test_clock
    assert [invoice.number for invoice in await airline.invoices_of()] == [f"TK-{i:06}" for i in range(1, 14)]


async def test_at_one_boundary_metering_is_asked_once_a_batch(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("billing.commands.test_clock_runner.BATCH", 15)
    world.catalog.publish(plan("airline", departures()))
    await world.clock("2013", START)
    carriers = [f"c{i:03}" for i in range(20)]
    for carrier in carriers:
        await world.customer(carrier, "2013")
    await asyncio.gather(*(world.provision(carrier, "airline") for carrier in carriers))
    answer = await world.advance("2013", FEBRUARY)
    assert world.metering.batches == [15, 5]
    # Too many subscriptions for a token: the clock's own fact stands for all.
    assert [fact.kind for fact in Token.decode(answer.token, "token").facts] == [FactKind.TEST_CLOCK]
    assert len(await world.invoices_of()) == 20


@pytest.mark.parametrize("steps", [1, 30])
async def test_small_steps_and_large_ones_end_with_the_same_invoices(airline: World, steps: int) -> None:
    airline.metering.use("UA", "departures", START, quantity="2500")
    for step in range(1, steps + 1):
        await airline.advance("2013", START + (APRIL - START) * step / steps)
    assert [(told(invoice)[0], invoice.finalize_time.ToDatetime(UTC)) for invoice in await airline.invoices_of()] == [
        (("COMMITMENT", "20", "298.00"), time) for time in (START, FEBRUARY, MARCH, APRIL)
    ]


async def test_raises_that_race_an_advance_come_before_it_or_after_it(airline: World) -> None:
    async def raised(quantity: int) -> str:
        try:
            await airline.raise_to("ua", {"gates": str(quantity)})
        except RemoteRefusal as refusal:
            return refusal.reason
        return "RAISED"

    advance = airline.advance("2013", FEBRUARY)
    _, *outcomes = await asyncio.gather(advance, *(raised(quantity) for quantity in range(21, 41)))
    assert set(outcomes) <= {"RAISED", "TEST_CLOCK_ADVANCING", "COMMITMENT_DECREASE"}
    held = Decimal(20)
    for invoice in await airline.invoices_of():
        [line] = [line for line in invoice.lines if line.type != invoice_pb2.INVOICE_LINE_TYPE_USAGE]
        # A raise of January is charged again by the renewal, and one of February on top of it.
        if invoice.reason == invoice_pb2.INVOICE_REASON_COMMITMENT:
            assert Decimal(line.previous_quantity) == held
        else:
            assert Decimal(line.quantity) == held
        held = Decimal(line.quantity)
        month = FEBRUARY if invoice.finalize_time.ToDatetime(UTC) == FEBRUARY else START
        assert line.period.start_time.ToDatetime(UTC) == month
    assert (await airline.subscription("ua")).commitments[0].quantity == str(held)
