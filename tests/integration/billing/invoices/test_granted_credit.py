"""Credit that is granted by hand, and what made a balance."""

import asyncio
from decimal import Decimal

from kernel.token import FactKind, Token
from kit.broker import Broker
from kit.client import call
from tests.integration.billing.invoices.clerk import Clerk, announced, balance_of
from tests.integration.billing.world import at, refused
from tollkeeper.billing.v1 import billing_events_pb2 as events
from tollkeeper.billing.v1 import customer_service_pb2 as pb


async def test_credit_is_granted(clerk: Clerk, broker: Broker) -> None:
    answer = await clerk.grant("UA", "12.50", description="For the long wait")
    entry = answer.credit_entry
    assert (entry.customer_id, entry.amount.amount, entry.amount.currency) == ("UA", "12.50", "USD")
    assert (entry.description, entry.invoice_id, entry.credit_note_id) == ("For the long wait", "", "")
    assert entry.id.startswith("cre_")
    assert at(entry.create_time) == clerk.world.real_time.time
    assert answer.customer == await clerk.world.get_customer("UA")
    assert balance_of(answer.customer) == ["12.50"]
    assert Token.decode(answer.token, "token").revision(FactKind.CUSTOMER, "UA") == answer.customer.revision
    assert (await clerk.grant("UA", "1")).credit_entry.description == "Granted by hand"
    assert await clerk.balances("UA") == {"USD": "13.50"}
    told = await announced(broker, "customer.updated", "customer.updated")
    assert told[0] == events.CustomerUpdated(customer=answer.customer)


async def test_each_currency_by_itself(clerk: Clerk) -> None:
    for amount, currency in [("5", "USD"), ("500", "JPY"), ("0.001", "KWD"), ("1.10", "USD"), ("2.000", "JPY")]:
        await clerk.grant("UA", amount, currency=currency)
    assert await clerk.balances("UA") == {"JPY": "502", "KWD": "0.001", "USD": "6.10"}


async def test_wrong_grants_change_nothing(clerk: Clerk) -> None:
    before = await clerk.kept()
    for amount, currency, paths in [
        ("0", "USD", ["amount.amount"]),
        ("-1", "USD", ["amount.amount"]),
        ("0.001", "USD", ["amount.amount"]),
        ("1.5", "JPY", ["amount.amount"]),
        ("1e3", "USD", ["amount.amount"]),
        ("1" * 19, "USD", ["amount.amount"]),
        ("1", "", ["amount.currency"]),
        ("", "XXX", ["amount.currency", "amount.amount"]),
    ]:
        refusal = await refused(clerk.grant("UA", amount, currency=currency))
        assert (refusal.reason, [one.path for one in refusal.violations]) == ("INVALID_FIELD", paths)
    everything = pb.GrantCreditRequest(customer_id="-", description="d" * 501, request_id="r" * 129)
    refusal = await refused(call(clerk.world.customers.GrantCredit, everything))
    assert [one.path for one in refusal.violations] == [
        "customer_id",
        "amount.currency",
        "amount.amount",
        "description",
        "request_id",
    ]
    assert (await refused(clerk.grant("nobody", "1"))).reason == "CUSTOMER_NOT_FOUND"
    assert await clerk.kept() == before


async def test_a_repeated_request_grants_once(clerk: Clerk) -> None:
    answers = await asyncio.gather(*(clerk.grant("UA", "5", request_id="once") for _ in range(6)))
    assert all(one == answers[0] for one in answers)
    assert await clerk.balances("UA") == {"USD": "5.00"}
    await clerk.grant("UA", "1")
    assert await clerk.grant("UA", "5", request_id="once") == answers[0]
    assert (await refused(clerk.grant("UA", "6", request_id="once"))).reason == "REQUEST_ID_REUSED"
    # Ids are unique among the requests of the installation, of whatever kind.
    invoice = await clerk.issued("UA", "100")
    assert (await refused(clerk.correct(invoice.id, {0: "1"}, request_id="once"))).reason == "REQUEST_ID_REUSED"


async def test_racing_grants_are_all_counted(clerk: Clerk) -> None:
    await asyncio.gather(*(clerk.grant("UA", "0.01") for _ in range(10)), clerk.issued("UA", "0.05"))
    invoice = (await clerk.world.invoices_of("UA"))[0]
    left = Decimal("0.10") - Decimal(invoice.credit_applied.amount)
    assert await clerk.balances("UA") == {"USD": str(left)}


async def test_what_made_a_balance_is_listed_newest_first(clerk: Clerk) -> None:
    await clerk.world.customer("AA")
    await clerk.grant("AA", "9")
    await clerk.grant("UA", "30")
    paid = await clerk.pay((await clerk.issued("UA", "50")).id)
    note = (await clerk.correct(paid.id, {0: "5"})).credit_note
    negative = await clerk.issued("UA", "-7")
    await clerk.void((await clerk.issued("UA", "20")).id)
    found = (await clerk.entries("UA")).credit_entries
    assert [one.amount.amount for one in found] == ["12.00", "-12.00", "7.00", "5.00", "-30.00", "30.00"]
    assert [one.invoice_id for one in found[2:]] == [negative.id, paid.id, paid.id, ""]
    assert [one.credit_note_id for one in found[2:]] == ["", note.id, "", ""]
    assert await clerk.balances("UA") == {"USD": "12.00"}
    first = await clerk.entries("UA", page_size=4)
    second = await clerk.entries("UA", page_size=4, page_token=first.next_page_token)
    assert [*first.credit_entries, *second.credit_entries] == list(found)
    assert not second.next_page_token
    other = clerk.entries("AA", page_token=first.next_page_token)
    assert (await refused(other)).reason == "INVALID_PAGE_TOKEN"


async def test_a_list_of_nothing(clerk: Clerk) -> None:
    assert not (await clerk.entries("UA")).credit_entries
    assert (await refused(clerk.entries("nobody"))).reason == "CUSTOMER_NOT_FOUND"
    assert [one.path for one in (await refused(clerk.entries(""))).violations] == ["customer_id"]
    assert [one.path for one in (await refused(clerk.entries("UA", page_size=1_001))).violations] == ["page_size"]
