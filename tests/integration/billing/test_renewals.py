"""Renewals of real-time customers: exactly once, in order, whoever runs them and whatever is away."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from tests.integration.billing.plans import charge, departures, gates, plan, price
from tests.integration.billing.world import World, refused, told
from tollkeeper.billing.v1 import invoice_pb2, subscription_pb2

START = datetime(2013, 1, 15, 12, tzinfo=UTC)


def months(number: int) -> datetime:
    return START.replace(month=1 + number)


@pytest.fixture
async def airline(world: World) -> World:
    """The airline's plan, and UA on it in real time, since noon of 15 January."""
    world.catalog.publish(plan("airline", gates(), departures()))
    await world.customer("UA")
    await world.provision("UA", "airline", commitments={"gates": "20"}, subscription_id="ua")
    return world


async def test_nothing_is_due_before_the_periods_end(airline: World) -> None:
    airline.real_time.time = months(1) - timedelta(microseconds=1)
    assert not await airline.worker().cross_batch()
    assert len(await airline.invoices_of()) == 1


async def test_a_renewal_by_the_worker(airline: World) -> None:
    airline.metering.use("UA", "departures", START, quantity="1500")
    airline.real_time.time = months(1) + timedelta(seconds=7)
    assert await airline.worker().cross_batch()
    assert not await airline.worker().cross_batch()
    _, renewal = await airline.invoices_of()
    assert told(renewal) == [("COMMITMENT", "20", "298.00"), ("USAGE", "1500", "10.00")]
    assert renewal.reason == invoice_pb2.INVOICE_REASON_RENEWAL
    # By the customer's clock, which is real time: not the boundary.
    assert renewal.finalize_time.ToDatetime(UTC) == months(1) + timedelta(seconds=7)
    assert (await airline.subscription("ua")).current_period.start_time.ToDatetime(UTC) == months(1)


async def test_missed_periods_are_caught_up_in_order(airline: World) -> None:
    for month in range(4):
        airline.metering.use("UA", "departures", months(month), quantity=str(1000 * (month + 1)))
    airline.real_time.time = months(3)
    worker = airline.worker()
    while await worker.cross_batch():
        pass
    renewals = (await airline.invoices_of())[1:]
    assert [told(renewal)[1] for renewal in renewals] == [
        ("USAGE", "1000", "5.00"),
        ("USAGE", "2000", "10.00"),
        ("USAGE", "3000", "15.00"),
    ]
    assert (await airline.subscription("ua")).current_period.start_time.ToDatetime(UTC) == months(3)


async def test_racing_workers_make_one_invoice(airline: World) -> None:
    airline.real_time.time = months(1)
    renewals = [airline.boundaries() for _ in range(6)]
    await asyncio.gather(
        *(one.cross(["ua"], now=months(1)) for one in renewals), *(airline.worker().cross_batch() for _ in range(4))
    )
    assert [invoice.number for invoice in await airline.invoices_of()] == ["TK-000001", "TK-000002"]


async def test_a_renewal_that_lost_its_race_while_it_asked_leaves_it_alone(airline: World) -> None:
    airline.real_time.time = months(1)
    airline.metering.gate.clear()
    slow = asyncio.create_task(airline.boundaries().cross(["ua"], now=months(1)))
    await airline.metering.asked.wait()
    airline.metering.gate.set()
    await airline.boundaries().cross(["ua"], now=months(1))
    await slow
    assert len(await airline.invoices_of()) == 2


async def test_commands_run_the_renewal_first(airline: World) -> None:
    airline.real_time.time = months(2) + timedelta(days=15, hours=12)
    preview = await airline.raise_to("ua", {"gates": "24"}, validate_only=True)
    raised = await airline.raise_to("ua", {"gates": "24"})
    # 15.5 of the 31 days from 15 March on are left.
    assert told(raised.invoice) == told(preview.invoice) == [("COMMITMENT_PRORATION", "24", "20.00")]
    numbers = [(invoice.number, invoice.reason) for invoice in await airline.invoices_of()]
    assert numbers == [
        ("TK-000001", invoice_pb2.INVOICE_REASON_PROVISION),
        ("TK-000002", invoice_pb2.INVOICE_REASON_RENEWAL),
        ("TK-000003", invoice_pb2.INVOICE_REASON_RENEWAL),
        ("TK-000004", invoice_pb2.INVOICE_REASON_COMMITMENT),
    ]


async def test_on_a_boundary_the_end_goes_before_the_change(airline: World) -> None:
    await airline.cancel("ua")
    airline.real_time.time = months(1)
    assert (await refused(airline.raise_to("ua", {"gates": "24"}))).reason == "SUBSCRIPTION_ENDED"
    _, final = await airline.invoices_of()
    assert (told(final), final.reason) == ([("USAGE", "0", "0.00")], invoice_pb2.INVOICE_REASON_FINAL)
    assert final.state == invoice_pb2.INVOICE_STATE_PAID
    ended = await airline.subscription("ua")
    assert ended.state == subscription_pb2.SUBSCRIPTION_STATE_CANCELED
    assert ended.end_time.ToDatetime(UTC) == months(1)
    # A new one may begin at once, and provisioning would have run the end itself.
    assert (await airline.provision("UA", "airline")).invoice.number == "TK-000003"


async def test_provisioning_runs_the_end_of_the_one_before(airline: World) -> None:
    await airline.cancel("ua")
    airline.real_time.time = months(1)
    assert (await airline.provision("UA", "airline")).invoice.number == "TK-000003"
    assert (await airline.subscription("ua")).state == subscription_pb2.SUBSCRIPTION_STATE_CANCELED


async def test_while_metering_is_away_nothing_is_lost(airline: World) -> None:
    airline.real_time.time = months(1)
    airline.metering.away = True
    worker = airline.worker()
    assert not await worker.cross_batch()
    assert (await refused(airline.raise_to("ua", {"gates": "24"}))).reason == "DEPENDENCY_UNAVAILABLE"
    assert len(await airline.invoices_of()) == 1
    airline.metering.away = False
    # Given back, and not held until its lease ends.
    assert await worker.cross_batch()
    assert len(await airline.invoices_of()) == 2


async def test_what_a_killed_worker_had_is_taken_when_its_lease_ends(airline: World) -> None:
    airline.real_time.time = months(1)
    airline.metering.gate.clear()
    killed = asyncio.create_task(airline.worker().cross_batch())
    await airline.metering.asked.wait()
    killed.cancel()
    await asyncio.gather(killed, return_exceptions=True)
    airline.metering.gate.set()
    assert not await airline.worker().cross_batch()
    airline.real_time.time += timedelta(seconds=31)
    assert await airline.worker().cross_batch()
    assert len(await airline.invoices_of()) == 2


async def test_a_fault_of_one_holds_up_no_other(airline: World) -> None:
    await airline.customer("AA")
    await airline.provision("AA", "airline", subscription_id="aa")
    async with airline.database.write() as connection:
        await connection.exec_driver_sql("UPDATE subscription SET time_zone = 'Mars' WHERE id = 'aa'")
    airline.real_time.time = months(1)
    worker = airline.worker()
    assert await worker.cross_batch()
    assert (await airline.subscription("ua")).current_period.start_time.ToDatetime(UTC) == months(1)
    assert (await airline.subscription("aa")).current_period.start_time.ToDatetime(UTC) == START
    assert not await worker.cross_batch()
    assert [invoice.number for invoice in await airline.invoices_of()] == [f"TK-00000{i}" for i in range(1, 4)]


async def test_a_batch_asks_metering_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("billing.commands.cross_boundaries.BATCH", 15)
    world.catalog.publish(plan("airline", charge("fee", "FLAT_FEE", price("1")), departures()))
    carriers = [f"c{i:03}" for i in range(20)]
    for carrier in carriers:
        await world.customer(carrier)
    await asyncio.gather(*(world.provision(carrier, "airline") for carrier in carriers))
    world.real_time.time = months(1)
    worker = world.worker()
    assert await worker.cross_batch()
    assert world.metering.batches == [15]
    assert await worker.cross_batch()
    assert world.metering.batches == [15, 5]
    invoices = await world.invoices_of()
    assert [invoice.number for invoice in invoices] == [f"TK-{i:06}" for i in range(1, 2 * len(carriers) + 1)]
    world.real_time.time = months(2)
    assert await worker.cross_batch()
    # The period before is asked for again.
    assert world.metering.batches[-1] == 30
