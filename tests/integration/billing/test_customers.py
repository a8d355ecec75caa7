"""Customers over the wire."""

import asyncio
from datetime import UTC, datetime

import grpc

from kernel.token import FactKind, Token
from kit.client import call
from tests.integration.billing.world import World, refused
from tollkeeper.billing.v1 import customer_pb2
from tollkeeper.billing.v1 import customer_service_pb2 as pb
from tollkeeper.billing.v1.invoice_service_pb2 import ListInvoicesRequest
from tollkeeper.billing.v1.subscription_service_pb2 import ListSubscriptionsRequest


async def test_a_customer_is_made_once(world: World) -> None:
    create = world.customers.CreateCustomer
    united = customer_pb2.Customer(id="UA", display_name="United", email="ap@united.example", revision=99)
    made = await call(create, pb.CreateCustomerRequest(customer=united))
    assert (made.customer.currency, made.customer.create_time.ToDatetime(UTC)) == ("USD", world.real_time.time)
    assert Token.decode(made.token, "token").revision(FactKind.CUSTOMER, "UA") == made.customer.revision
    assert (await call(create, pb.CreateCustomerRequest(customer=united))).customer == made.customer
    united.email = "other@united.example"
    refusal = await refused(call(create, pb.CreateCustomerRequest(customer=united)))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.ALREADY_EXISTS, "CUSTOMER_ID_TAKEN")
    assert [one.path for one in refusal.violations] == ["customer.id"]
    assert await world.get_customer("UA") == made.customer


async def test_racing_equal_customers_are_one(world: World) -> None:
    made = await asyncio.gather(*(world.customer("UA") for _ in range(8)))
    assert all(customer == made[0] for customer in made)


async def test_a_wrong_customer_is_told_all_its_mistakes(world: World) -> None:
    wrong = customer_pb2.Customer(id="no id", email="e" * 321, currency="XXX", test_clock_id="-")
    refusal = await refused(call(world.customers.CreateCustomer, pb.CreateCustomerRequest(customer=wrong)))
    assert [violation.path for violation in refusal.violations] == [
        "customer.id",
        "customer.email",
        "customer.currency",
        "customer.test_clock_id",
    ]
    unknown = await refused(world.customer("UA", "no-clock"))
    named = [one.path for one in unknown.violations]
    assert (unknown.reason, named) == ("TEST_CLOCK_NOT_FOUND", ["customer.test_clock_id"])
    assert (await refused(world.get_customer("UA"))).reason == "CUSTOMER_NOT_FOUND"


async def test_only_what_the_mask_names_changes(world: World) -> None:
    made = await world.customer("UA")
    update = world.customers.UpdateCustomer
    request = pb.UpdateCustomerRequest(customer=customer_pb2.Customer(id="UA", email="a@b.example", currency="JPY"))
    request.update_mask.paths.append("currency")
    changed = (await call(update, request)).customer
    assert (changed.email, changed.currency, changed.display_name) == ("", "JPY", "UA")
    assert changed.revision > made.revision
    again = await call(update, request)
    assert again.customer == changed == await world.get_customer("UA")
    request.update_mask.paths.append("id")
    assert [violation.path for violation in (await refused(call(update, request))).violations] == ["update_mask"]
    request.update_mask.paths[:] = ["currency"]
    request.customer.currency = "¥"
    assert [one.path for one in (await refused(call(update, request))).violations] == ["customer.currency"]
    unknown = pb.UpdateCustomerRequest(customer=customer_pb2.Customer(id="AA"))
    assert (await refused(call(update, unknown))).reason == "CUSTOMER_NOT_FOUND"


async def test_customers_are_listed_by_id_and_clock(world: World) -> None:
    await world.clock("2013", datetime(2013, 1, 1, tzinfo=UTC))
    for name in ("b", "C", "a", "B"):
        await world.customer(name, "2013" if name in "bB" else "")
    listing = world.customers.ListCustomers
    first = await call(listing, pb.ListCustomersRequest(page_size=3))
    # By their bytes: capitals first.
    assert [one.id for one in first.customers] == ["B", "C", "a"]
    second = await call(listing, pb.ListCustomersRequest(page_size=3, page_token=first.next_page_token))
    assert ([one.id for one in second.customers], second.next_page_token) == (["b"], "")
    of_clock = await call(listing, pb.ListCustomersRequest(test_clock_id="2013"))
    assert [one.id for one in of_clock.customers] == ["B", "b"]
    wrong = pb.ListCustomersRequest(page_size=1_001, page_token=first.next_page_token, test_clock_id="-")
    refusal = await refused(call(listing, wrong))
    assert [violation.path for violation in refusal.violations] == ["test_clock_id", "page_size"]
    # A token belongs to its list.
    other = ListInvoicesRequest(page_token=first.next_page_token)
    assert (await refused(call(world.invoices.ListInvoices, other))).reason == "INVALID_PAGE_TOKEN"
    subscriptions = ListSubscriptionsRequest(page_token=first.next_page_token)
    refusal = await refused(call(world.subscriptions.ListSubscriptions, subscriptions))
    assert refusal.reason == "INVALID_PAGE_TOKEN"
