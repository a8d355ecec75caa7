"""Which invoices a list shows."""

from datetime import UTC, datetime, timedelta

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy import text

from kit.client import call
from tests.integration.billing.invoices.clerk import Clerk, manual
from tests.integration.billing.plans import gates, plan
from tests.integration.billing.world import refused
from tollkeeper.billing.v1 import invoice_pb2
from tollkeeper.billing.v1 import invoice_service_pb2 as pb

DRAFT, OPEN, PAID = invoice_pb2.INVOICE_STATE_DRAFT, invoice_pb2.INVOICE_STATE_OPEN, invoice_pb2.INVOICE_STATE_PAID
VOID, UNCOLLECTIBLE = invoice_pb2.INVOICE_STATE_VOID, invoice_pb2.INVOICE_STATE_UNCOLLECTIBLE
NOON = datetime(2013, 1, 15, 12, tzinfo=UTC)


async def numbers(clerk: Clerk, **filters: object) -> list[str]:
    """The numbers of the invoices that the filters let pass, without "TK-" and zeros."""
    return [one.number.removeprefix("TK-").lstrip("0") for one in await clerk.listed(**filters)]


@pytest.fixture
async def five(clerk: Clerk) -> Clerk:
    """UA's invoices 1 to 5, an hour apart from noon on: open, paid, void, uncollectible, and open of its subscription."""
    await clerk.issued("UA", "1")
    for end in (clerk.pay, clerk.void, clerk.give_up):
        clerk.world.real_time.time += timedelta(hours=1)
        await end((await clerk.issued("UA", "1")).id)
    clerk.world.real_time.time += timedelta(hours=1)
    clerk.world.catalog.publish(plan("airline", gates()))
    await clerk.world.provision("UA", "airline", subscription_id="ua")
    await clerk.draft("UA", manual("Fee", "1"))
    return clerk


async def test_by_state(five: Clerk) -> None:
    assert await numbers(five) == ["1", "2", "3", "4", "5"]
    assert await numbers(five, states=[OPEN]) == ["1", "5"]
    assert await numbers(five, states=[VOID, PAID, PAID]) == ["2", "3"]
    assert await numbers(five, states=[UNCOLLECTIBLE]) == ["4"]
    assert await numbers(five, states=[OPEN, PAID, VOID, UNCOLLECTIBLE]) == ["1", "2", "3", "4", "5"]
    assert await numbers(five, states=[DRAFT]) == [""]


async def test_by_time(five: Clerk) -> None:
    one, two = NOON + timedelta(hours=1), NOON + timedelta(hours=2)
    assert await numbers(five, finalized_from_time=two) == ["3", "4", "5"]
    assert await numbers(five, finalized_before_time=two) == ["1", "2"]
    assert await numbers(five, finalized_from_time=one, finalized_before_time=two) == ["2"]
    assert await numbers(five, finalized_from_time=two, finalized_before_time=one) == []
    assert await numbers(five, finalized_from_time=NOON + timedelta(microseconds=1), states=[OPEN]) == ["5"]


async def test_by_whose_they_are(five: Clerk) -> None:
    await five.world.customer("AA")
    await five.issued("AA", "1")
    assert await numbers(five, customer_id="AA") == ["6"]
    assert await numbers(five, subscription_id="ua") == ["5"]
    assert await numbers(five, customer_id="AA", subscription_id="ua") == []
    assert await numbers(five, customer_id="UA", states=[OPEN], finalized_before_time=NOON + timedelta(hours=1)) == [
        "1"
    ]


async def test_pages_of_what_passes(five: Clerk) -> None:
    request = pb.ListInvoicesRequest(states=[OPEN, VOID], page_size=2)
    first = await call(five.world.invoices.ListInvoices, request)
    request.page_token = first.next_page_token
    second = await call(five.world.invoices.ListInvoices, request)
    assert [one.number for one in (*first.invoices, *second.invoices)] == ["TK-000001", "TK-000003", "TK-000005"]
    for other in ({"states": [OPEN]}, {"states": [DRAFT]}, {"states": [OPEN, VOID], "finalized_from_time": NOON}):
        refusal = await refused(five.listed(page_token=first.next_page_token, **other))
        assert refusal.reason == "INVALID_PAGE_TOKEN"


async def test_wrong_filters(clerk: Clerk) -> None:
    for states in ([DRAFT, OPEN], [invoice_pb2.INVOICE_STATE_UNSPECIFIED], [77]):
        assert [one.path for one in (await refused(clerk.listed(states=states))).violations] == ["states"]
    late = Timestamp(seconds=2**40)
    request = pb.ListInvoicesRequest(states=[77], finalized_from_time=late, finalized_before_time=Timestamp(nanos=-1))  # type: ignore[list-item]  # of a newer client.
    refusal = await refused(call(clerk.world.invoices.ListInvoices, request))
    assert [one.path for one in refusal.violations] == ["states", "finalized_from_time", "finalized_before_time"]


async def test_nothing_is_written_while_the_clock_is_on_its_way(clerk: Clerk) -> None:
    await clerk.world.clock("2014", datetime(2014, 3, 1, tzinfo=UTC))
    await clerk.world.customer("AA", "2014")
    draft = await clerk.draft("AA", manual("Fee", "1"))
    issued = await clerk.issued("AA", "10")
    async with clerk.world.database.write() as connection:
        statement = "UPDATE test_clock SET state = 'ADVANCING', target_time = time + interval '1 day'"
        await connection.execute(text(statement))
    before = await clerk.kept()
    for attempt in (
        clerk.draft("AA", manual("Fee", "1")),
        clerk.rewrite(draft.id, manual("Fee", "2")),
        clerk.remove(draft.id),
        clerk.finalize(draft.id),
        clerk.correct(issued.id, {0: "1"}),
        clerk.correct(issued.id, {0: "1"}, validate_only=True),
        clerk.grant("AA", "1"),
    ):
        assert (await refused(attempt)).reason == "TEST_CLOCK_ADVANCING"
    assert await clerk.kept() == before
