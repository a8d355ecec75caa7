"""Late usage over the wire: every renewal and the final invoice ask again for what was billed before."""

import asyncio
from datetime import UTC, datetime

from billing.domain.usage import LATE_PERIODS
from tests.integration.billing.plans import charge, departures, gates, plan, price
from tests.integration.billing.world import World
from tollkeeper.billing.v1 import invoice_pb2

START = datetime(2013, 1, 1, tzinfo=UTC)


def month(number: int) -> datetime:
    """The start of a month, counted from January 2013 as 0."""
    return START.replace(year=2013 + number // 12, month=1 + number % 12)


def late(invoice: invoice_pb2.Invoice) -> list[tuple[int, str, str, str]]:
    """The lines of late usage: month, old and new quantity, amount."""
    return [
        (line.period.start_time.ToDatetime(UTC).month, line.previous_quantity, line.quantity, line.amount.amount)
        for line in invoice.lines
        if line.type == invoice_pb2.INVOICE_LINE_TYPE_LATE_USAGE
    ]


async def test_events_of_several_periods_arrive_over_several_invoices(world: World) -> None:
    world.catalog.publish(plan("airline", gates(), departures()))
    await world.clock("2013", START)
    await world.customer("UA", "2013")
    subscription_id = (await world.provision("UA", "airline")).subscription.id
    world.metering.use("UA", "departures", month(0), quantity="1000")

    async def renewed(number: int) -> list[tuple[int, str, str, str]]:
        await world.advance("2013", month(number))
        return late((await world.invoices_of())[-1])

    assert await renewed(3) == []
    world.metering.use("UA", "departures", month(0), quantity="1")
    world.metering.use("UA", "departures", month(1), quantity="1")
    assert await renewed(4) == [(1, "1000", "1001", "5.00"), (2, "0", "1", "5.00")]
    # A raise in between touches the account of its own period only.
    await world.raise_to(subscription_id, {"gates": "2"})
    world.metering.use("UA", "departures", month(0), quantity="1000")
    assert await renewed(5) == [(1, "1001", "2001", "5.00")]
    await renewed(LATE_PERIODS)
    world.metering.use("UA", "departures", month(0), quantity="1000")
    assert await renewed(LATE_PERIODS + 1) == [(1, "2001", "3001", "5.00")]
    # Beyond the bound for January, at the bound for February.
    world.metering.use("UA", "departures", month(0), quantity="1000")
    world.metering.use("UA", "departures", month(1), quantity="1000")
    await world.cancel(subscription_id)
    assert await renewed(LATE_PERIODS + 2) == [(2, "1", "1001", "5.00")]
    assert (await world.invoices_of())[-1].reason == invoice_pb2.INVOICE_REASON_FINAL


async def test_usage_that_was_taken_back_becomes_credit_on_the_next_invoice(world: World) -> None:
    world.catalog.publish(plan("airline", departures()))
    await world.clock("2013", START)
    await world.customer("UA", "2013")
    await world.provision("UA", "airline")
    world.metering.use("UA", "departures", month(0), quantity="2500")
    await world.advance("2013", month(1))
    assert (await world.invoices_of())[-1].total.amount == "15.00"
    world.metering.use("UA", "departures", month(0), quantity="-1600")
    await world.advance("2013", month(2))
    invoice = (await world.invoices_of())[-1]
    assert late(invoice) == [(1, "2500", "900", "-10.00")]
    assert (invoice.total.amount, invoice.state) == ("-10.00", invoice_pb2.INVOICE_STATE_PAID)
    # The credit is used before money is asked for.
    world.metering.use("UA", "departures", month(2), quantity="3000")
    await world.advance("2013", month(3))
    invoice = (await world.invoices_of())[-1]
    assert (invoice.total.amount, invoice.amount_due.amount) == ("15.00", "5.00")


async def test_metering_is_asked_in_calls_of_a_thousand_lookups(world: World) -> None:
    features = [f"f{i:02}" for i in range(20)]
    used = [charge(one, "USAGE_BASED", price("1"), pricing="FLAT_RATE", feature_id=one) for one in features]
    world.catalog.publish(plan("wide", *used))
    await world.clock("2013", START)
    carriers = ["AA", "B6", "DL", "UA"]
    for carrier in carriers:
        await world.customer(carrier, "2013")
    await asyncio.gather(*(world.provision(carrier, "wide", subscription_id=carrier) for carrier in carriers))
    await world.advance("2013", month(LATE_PERIODS))
    world.metering.batches.clear()
    world.metering.use("UA", "f19", month(0), quantity="3")
    await world.advance("2013", month(LATE_PERIODS + 1))
    # 4 × 20 series, each of the month and of 12 before.
    assert world.metering.batches == [1_000, 40]
    invoices = (await world.invoices_of())[-4:]
    assert [late(one) for one in invoices] == [[], [], [], [(1, "0", "3", "3.00")]]
