"""Finalizing drafts: gapless numbers, credit used, events told, once however often it is asked for."""

import asyncio
from datetime import UTC, datetime

from kit.broker import Broker
from kit.client import call
from tests.integration.billing.invoices.clerk import Clerk, announced, balance_of, manual, state
from tests.integration.billing.world import at, refused
from tollkeeper.billing.v1 import billing_events_pb2 as events
from tollkeeper.billing.v1 import customer_pb2, customer_service_pb2


async def test_a_draft_becomes_an_open_invoice(clerk: Clerk, broker: Broker) -> None:
    made = await clerk.draft("UA", manual("De-icing", "20", "3"))
    clerk.world.real_time.time = datetime(2013, 1, 20, tzinfo=UTC)
    invoice = await clerk.finalize(made.id)
    assert (state(invoice), invoice.number, invoice.id) == ("OPEN", "TK-000001", made.id)
    assert (at(invoice.finalize_time), invoice.create_time) == (datetime(2013, 1, 20, tzinfo=UTC), made.create_time)
    assert (invoice.lines, invoice.amount_remaining.amount) == (made.lines, "60.00")
    assert invoice.revision > made.revision
    assert await clerk.get(made.id) == invoice
    assert await clerk.world.invoices_of("UA") == [invoice]
    assert await clerk.world.rows("SELECT DISTINCT number FROM invoice_line") == [(1,)]
    clerk.world.real_time.time = datetime(2013, 1, 25, tzinfo=UTC)
    assert await clerk.finalize(made.id) == invoice
    paid = await clerk.pay(made.id)
    assert await clerk.finalize(made.id) == paid, "finalizing again changes nothing, whatever became of it"
    told = await announced(broker, "invoice.finalized", "invoice.paid")
    assert told == [events.InvoiceFinalized(invoice=invoice), events.InvoicePaid(invoice=paid)]


async def test_credit_is_used_first(clerk: Clerk, broker: Broker) -> None:
    await clerk.grant("UA", "50")
    made = await clerk.draft("UA", manual("Fee", "70"))
    invoice = await clerk.finalize(made.id)
    assert (invoice.credit_applied.amount, invoice.amount_due.amount, state(invoice)) == ("50.00", "20.00", "OPEN")
    assert await clerk.balances("UA") == {}
    [used, granted] = (await clerk.entries("UA")).credit_entries
    assert (used.amount.amount, used.invoice_id, granted.amount.amount) == ("-50.00", invoice.id, "50.00")
    told = await announced(broker, "customer.updated", "customer.updated", "invoice.finalized")
    assert isinstance(told[1], events.CustomerUpdated)
    assert told[1].customer == await clerk.world.get_customer("UA")


async def test_credit_that_is_enough_pays_it_at_once(clerk: Clerk, broker: Broker) -> None:
    await clerk.grant("UA", "100")
    invoice = await clerk.issued("UA", "70")
    assert (state(invoice), invoice.amount_due.amount, invoice.paid_time) == ("PAID", "0.00", invoice.finalize_time)
    assert await clerk.balances("UA") == {"USD": "30.00"}
    await announced(broker, "customer.updated", "customer.updated", "invoice.finalized", "invoice.paid")


async def test_credit_of_another_currency_is_not_used(clerk: Clerk) -> None:
    await clerk.grant("UA", "100", currency="JPY")
    invoice = await clerk.issued("UA", "70")
    assert (state(invoice), invoice.amount_due.amount) == ("OPEN", "70.00")
    assert await clerk.balances("UA") == {"JPY": "100"}


async def test_a_total_of_zero_is_paid_and_below_zero_is_credit(clerk: Clerk) -> None:
    nothing = await clerk.issued("UA", "10", "-10")
    assert (state(nothing), nothing.total.amount, nothing.number) == ("PAID", "0.00", "TK-000001")
    assert await clerk.balances("UA") == {}
    negative = await clerk.issued("UA", "10", "-32.50")
    amounts = (negative.total, negative.credit_granted, negative.amount_due, negative.amount_remaining)
    assert [one.amount for one in amounts] == ["-22.50", "22.50", "0.00", "0.00"]
    assert (state(negative), await clerk.balances("UA")) == ("PAID", {"USD": "22.50"})
    [entry] = (await clerk.entries("UA")).credit_entries
    assert (entry.amount.amount, entry.description) == ("22.50", "Invoice TK-000002: its total was negative")


async def test_it_names_the_customer_as_it_is_then(clerk: Clerk) -> None:
    made = await clerk.draft("UA", manual("Fee", "1"))
    renamed = customer_pb2.Customer(id="UA", display_name="United", email="ap@united.example", currency="USD")
    request = customer_service_pb2.UpdateCustomerRequest(customer=renamed)
    await call(clerk.world.customers.UpdateCustomer, request)
    assert (await clerk.get(made.id)).bill_to.display_name == "UA"
    invoice = await clerk.finalize(made.id)
    assert (invoice.bill_to.display_name, invoice.bill_to.email) == ("United", "ap@united.example")


async def test_racing_finalizations_take_one_number(clerk: Clerk) -> None:
    await clerk.grant("UA", "10")
    drafts = [await clerk.draft("UA", manual("Fee", "7")) for _ in range(4)]
    answers = await asyncio.gather(*(clerk.finalize(one.id) for one in drafts * 3))
    by_id = {one.id: one for one in answers}
    assert all(by_id[one.id] == one for one in answers)
    assert sorted(one.number for one in by_id.values()) == [f"TK-{i:06}" for i in range(1, 5)]
    assert sorted(one.credit_applied.amount for one in by_id.values()) == ["0.00", "0.00", "3.00", "7.00"]
    assert await clerk.balances("UA") == {}


async def test_editing_and_finalizing_at_once_end_in_one_of_both(clerk: Clerk) -> None:
    for _ in range(5):
        made = await clerk.draft("UA", manual("Fee", "1"))
        issued, *_ = await asyncio.gather(
            clerk.finalize(made.id),
            clerk.rewrite(made.id, manual("Other", "2")),
            clerk.remove(made.id),
            return_exceptions=True,
        )
        if isinstance(issued, BaseException):
            assert (await refused(clerk.get(made.id))).reason == "INVOICE_NOT_FOUND"
            continue
        assert await clerk.get(made.id) == issued
        assert issued.total == issued.lines[0].amount
    numbers = [one.number for one in await clerk.world.invoices_of()]
    assert numbers == [f"TK-{i:06}" for i in range(1, len(numbers) + 1)]


async def test_a_customer_on_a_test_clock(clerk: Clerk) -> None:
    await clerk.world.clock("2014", datetime(2014, 3, 1, tzinfo=UTC))
    await clerk.world.customer("AA", "2014")
    invoice = await clerk.issued("AA", "10")
    assert at(invoice.create_time) == at(invoice.finalize_time) == datetime(2014, 3, 1, tzinfo=UTC)
    await clerk.world.advance("2014", datetime(2014, 3, 9, tzinfo=UTC))
    noted = await clerk.correct(invoice.id, {0: "10"})
    assert at(noted.invoice.paid_time) == at(noted.credit_note.create_time) == datetime(2014, 3, 9, tzinfo=UTC)
    assert at((await clerk.grant("AA", "1")).credit_entry.create_time) == datetime(2014, 3, 9, tzinfo=UTC)


async def test_what_cannot_be_collected_is_not_finalized(clerk: Clerk) -> None:
    automatic = customer_pb2.Customer(id="AA", collection_method=customer_pb2.COLLECTION_METHOD_AUTOMATIC)
    request = customer_service_pb2.CreateCustomerRequest(customer=automatic)
    await call(clerk.world.customers.CreateCustomer, request)
    made = await clerk.draft("AA", manual("Fee", "10"))
    before = await clerk.kept()
    assert (await refused(clerk.finalize(made.id))).reason == "PROVIDER_NOT_CONFIGURED"
    assert await clerk.kept() == before
    await clerk.grant("AA", "10")
    assert state(await clerk.finalize(made.id)) == "PAID", "nothing is to be collected"
    assert balance_of(await clerk.world.get_customer("AA")) == []


async def test_what_cannot_be_finalized(clerk: Clerk) -> None:
    assert (await refused(clerk.finalize("inv_none"))).reason == "INVOICE_NOT_FOUND"
    assert [one.path for one in (await refused(clerk.finalize(" "))).violations] == ["invoice_id"]
