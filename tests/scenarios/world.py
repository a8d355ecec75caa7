"""What a story is told about: its clock, customers and subscriptions on the one installation, and billing's books of them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

import grpc

from calls import Tokens
from kit.errors import refusal_of
from tests.scenarios.catalog_words import CatalogNames
from tests.scenarios.installation import Installation, Stubs
from tests.scenarios.story import Line
from tests.scenarios.words import time_of
from tollkeeper.billing.v1.customer_pb2 import Customer
from tollkeeper.billing.v1.customer_service_pb2 import GetCustomerRequest
from tollkeeper.billing.v1.invoice_pb2 import Invoice
from tollkeeper.billing.v1.invoice_service_pb2 import ListInvoicesRequest
from tollkeeper.billing.v1.subscription_pb2 import Subscription
from tollkeeper.billing.v1.subscription_service_pb2 import ListSubscriptionsRequest
from tollkeeper.entitlements.v1.entitlements_service_pb2 import Consistency

_DEADLINE_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Refused:
    """A call's refusal: the reason and the paths of the fields, as a program reads them."""

    reason: str
    paths: tuple[str, ...]
    message: str


async def attempt(method: Any, request: Any) -> Any:
    """The answer, or how it was refused."""
    try:
        return await method(request, timeout=_DEADLINE_SECONDS)
    except grpc.aio.AioRpcError as error:
        refusal = refusal_of(error)
        reason = refusal.reason or refusal.code.name
        return Refused(reason, tuple(one.path for one in refusal.violations), refusal.message)


async def answered(line: Line, method: Any, request: Any) -> Any:
    """The answer; a refusal ends the story."""
    answer = await attempt(method, request)
    if isinstance(answer, Refused):
        line.fail(f"was refused: {answer.reason} {answer.paths} {answer.message}")
    return answer


@dataclass(frozen=True, slots=True)
class Books:
    """All that billing holds of the story's customers, by id; invoices in the order of their numbers."""

    customers: dict[str, Customer]
    subscriptions: dict[str, Subscription]
    invoices: dict[str, Invoice]

    def since(self, before: "Books") -> list[Invoice]:
        """The invoices that were not there before."""
        return [invoice for invoice in self.invoices.values() if invoice.id not in before.invoices]

    def updated(
        self, customer: Customer, subscriptions: Iterable[Subscription], invoices: Iterable[Invoice]
    ) -> "Books":
        """With what billing now holds of one customer in the place of what it held."""
        kept = {one.id: one for one in self.subscriptions.values() if one.customer_id != customer.id}
        others = [one for one in self.invoices.values() if one.customer_id != customer.id]
        numbered = sorted([*others, *invoices], key=lambda one: int(one.number.removeprefix("TK-")))
        return Books(
            self.customers | {customer.id: customer},
            kept | {one.id: one for one in subscriptions},
            {one.id: one for one in numbered},
        )


@dataclass(slots=True)
class World:
    """A story as far as it was told.

    Attributes:
        zone: Of the times that the story writes, and of its subscriptions unless they say otherwise.
        customers: The id of each customer by its name in the story.
        owners: The customer of each subscription, both by name.
        request_ids: Those that were used.
        read_events: How many events of each customer the story has told.
        known: The books when the story last looked: nobody else changes them.
        previewed: The kinds of requests whose preview was seen to store nothing.
        published: Whether the catalog was changed meanwhile: no token names that, so that checks ask for what is current.
        stale_etags: Of subscriptions, as the story remembered them.
    """

    installation: Installation
    name: str
    zone: ZoneInfo = field(default_factory=partial(ZoneInfo, "UTC"))
    tokens: Tokens = field(default_factory=Tokens)
    customers: dict[str, str] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)
    request_ids: set[str] = field(default_factory=set)
    read_events: dict[str, int] = field(default_factory=dict)
    stale_etags: dict[str, str] = field(default_factory=dict)
    known: Books = field(default_factory=lambda: Books({}, {}, {}))
    previewed: set[str] = field(default_factory=set)
    published: bool = False
    numbers: "count[int]" = field(default_factory=count)
    catalog: CatalogNames = field(init=False)

    def __post_init__(self) -> None:
        self.catalog = CatalogNames(self.id)

    @property
    def stubs(self) -> Stubs:
        """The services."""
        return self.installation.stubs

    def freshness(self, customer_id: str) -> Consistency:
        """Asks for an answer that has seen everything that the story did."""
        return Consistency(current=True) if self.published else self.tokens.of(customer_id)

    def id(self, name: str) -> str:
        """The id of what the story calls so; no other story has it."""
        return f"{self.name}.{name}"

    def unique(self) -> str:
        """A key that was not used before."""
        return self.id(f"key-{next(self.numbers)}")

    def at(self, text: str) -> datetime:
        """A time of the story, in UTC."""
        return time_of(text, self.zone)

    def owner(self, line: Line, name: str) -> str:
        """The id of the customer of that name, or of that subscription's."""
        owner = self.owners.get(name, name)
        if owner not in self.customers:
            line.fail(f"nobody is called {name}")
        return self.customers[owner]

    def owner_of(self, subject: str | None) -> tuple[str, ...]:
        """Whose books a command on a subscription or customer may change; of no subject, everybody's."""
        owner = self.customers.get(self.owners.get(subject or "", subject or ""))
        return () if owner is None else (owner,)

    def sole(self, line: Line) -> str:
        """The only subscription, where a line names none."""
        if len(self.owners) != 1:
            line.fail("must say which subscription: there is not just one")
        return next(iter(self.owners))

    def name_of(self, invoice: Invoice) -> str:
        """Whose invoice it is: a subscription's, or, made by hand, a customer's."""
        return (invoice.subscription_id or invoice.customer_id).removeprefix(f"{self.name}.")

    async def books(self, *customer_ids: str, credit: bool = False) -> Books:
        """What billing holds now; where customers are named, of the others what it held when the story last looked.

        A customer's credit is looked at where it has new invoices, or with `credit`: the look is not free.
        """
        for customer_id in customer_ids or tuple(self.customers.values()):
            await self._look(customer_id, credit=credit)
        return self.known

    async def _look(self, customer_id: str, *, credit: bool) -> None:
        listing = ListSubscriptionsRequest(customer_id=customer_id, page_size=1_000)
        subscriptions = (await self.stubs.subscriptions.ListSubscriptions(listing)).subscriptions
        request = ListInvoicesRequest(customer_id=customer_id, page_size=1_000)
        invoices = (await self.stubs.invoices.ListInvoices(request)).invoices
        customer = self.known.customers.get(customer_id)
        if credit or customer is None or any(invoice.id not in self.known.invoices for invoice in invoices):
            customer = (await self.stubs.customers.GetCustomer(GetCustomerRequest(customer_id=customer_id))).customer
        self.known = self.known.updated(customer, subscriptions, invoices)

    async def events(self, chosen: Callable[[str], bool]) -> list[str]:
        """What was announced of the story's customers since the story last asked: "subscription.renewed"."""
        await self.caught_up()
        names: list[str] = []
        for customer_id in self.customers.values():
            announced = self.installation.events.of(customer_id)
            names += [one.name for one in announced[self.read_events.get(customer_id, 0) :]]
            self.read_events[customer_id] = len(announced)
        return [name for name in names if chosen(name)]

    async def caught_up(self) -> None:
        """Waits until everything that the books tell was announced."""
        books = self.known
        things = (*books.subscriptions.values(), *books.customers.values(), *books.invoices.values())
        await self.installation.events.until(things)
