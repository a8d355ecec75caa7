"""The airline's story: a commitment paid in advance, raised, renewed, billed for its usage, and ended."""

from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from tests.integration.billing.plans import departures, gates, plan
from tests.integration.billing.world import World, derived, told

NEW_YORK = ZoneInfo("America/New_York")


def in_new_york(month: int, day: int, hour: int = 0) -> datetime:
    return datetime(2013, month, day, hour, tzinfo=NEW_YORK)


async def test_a_commitment_from_its_provisioning_to_its_final_invoice(world: World) -> None:
    world.catalog.publish(plan("airline", gates(), departures()))
    await world.clock("2013", in_new_york(1, 1))
    await world.customer("UA", "2013")

    provisioned = await world.provision("UA", "airline", commitments={"gates": "20"}, time_zone="America/New_York")
    assert provisioned.invoice.number == "TK-000001"
    assert told(provisioned.invoice) == [("COMMITMENT", "20", "298.00")]
    assert provisioned.invoice.lines[0].description == "Gates: 20 gates committed, from 1 Jan 2013 to 1 Feb 2013"
    assert provisioned.invoice.total.amount == provisioned.invoice.amount_due.amount == "298.00"

    subscription_id = provisioned.subscription.id
    await world.advance("2013", in_new_york(1, 16))
    raised = await world.raise_to(subscription_id, {"gates": "24"})
    # 298 × 15/31 + 338 × 16/31 = 318.65, less the 298.00 charged.
    assert told(raised.invoice) == [("COMMITMENT_PRORATION", "24", "20.65")]
    line = raised.invoice.lines[0]
    assert (line.previous_quantity, line.proration.charged_microseconds) == ("20", 16 * 86_400_000_000)
    assert derived(line) == Decimal("20.65")

    world.metering.use("UA", "departures", in_new_york(1, 31, 23), quantity="4512")
    world.metering.use("UA", "departures", in_new_york(2, 1), quantity="7")
    await world.advance("2013", in_new_york(2, 1))
    *_, renewal = await world.invoices_of("UA")
    assert told(renewal) == [("COMMITMENT", "24", "338.00"), ("USAGE", "4512", "25.00")]
    assert renewal.lines[1].derivation[0].description == "5 packages of 1000"

    # After the invoice, thousand departures of January turn up, and one of February.
    world.metering.use("UA", "departures", in_new_york(1, 30), quantity="1000")
    world.metering.use("UA", "departures", in_new_york(2, 2), quantity="1")
    canceled = await world.cancel(subscription_id)
    assert canceled.cancel_time.ToDatetime(UTC).astimezone(NEW_YORK) == in_new_york(3, 1)
    await world.advance("2013", in_new_york(3, 1))
    *_, final = await world.invoices_of("UA")
    assert told(final) == [("USAGE", "8", "5.00"), ("LATE_USAGE", "5512", "5.00")]
    assert (final.lines[1].previous_quantity, derived(final.lines[1])) == ("4512", Decimal(5))
    assert (await world.subscription(subscription_id)).end_time == canceled.cancel_time
    assert [invoice.number for invoice in await world.invoices_of()] == [f"TK-00000{i}" for i in range(1, 5)]
