"""Airlines on a platform with two sides: each has its own process of entitlements and of metering, in short verbs."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any, TypeVar

import psycopg

from calls import Tollkeeper
from calls import call as call_again
from cli.local_platform import Platform
from tollkeeper.billing.v1.customer_pb2 import Customer
from tollkeeper.billing.v1.customer_service_pb2 import CreateCustomerRequest
from tollkeeper.billing.v1.subscription_pb2 import Commitment
from tollkeeper.billing.v1.subscription_service_pb2 import ProvisionSubscriptionRequest, UpdateCommitmentsRequest
from tollkeeper.catalog.v1.charge_pb2 import BILLING_PERIOD_MONTHLY
from tollkeeper.common.v1.update_behavior_pb2 import UPDATE_BEHAVIOR_DELTA
from tollkeeper.entitlements.v1.decision_pb2 import Decision
from tollkeeper.entitlements.v1.entitlements_service_pb2 import (
    ENFORCEMENT_ENFORCE,
    ENFORCEMENT_RECORD,
    AtLeastAsFresh,
    CheckEntitlementRequest,
    Consistency,
    ReportUsageRequest,
    ReportUsageResponse,
)
from tollkeeper.entitlements.v1.promotional_grant_service_pb2_grpc import PromotionalGrantServiceStub
from tollkeeper.entitlements.v1.revocation_service_pb2_grpc import RevocationServiceStub
from tollkeeper.metering.v1.event_pb2 import Event, Value
from tollkeeper.metering.v1.event_service_pb2 import ReportEventsRequest, ReportEventsResponse

T = TypeVar("T")

# A call on a busy machine; where nothing is away, nothing is repeated.
DEADLINE_SECONDS = 10.0

SIDES = (0, 1)

_customers = count(1)
_keys = count(1)


async def ask(method: Any, request: Any) -> Any:
    """Calls once: an error is a failure of the test."""
    return await method(request, timeout=DEADLINE_SECONDS)


class Side(Tollkeeper):
    """The stubs of one side."""

    def __init__(self, addresses: Mapping[str, str]) -> None:
        super().__init__(addresses)
        self.grants = PromotionalGrantServiceStub(self._channels["entitlements"])
        self.revocations = RevocationServiceStub(self._channels["entitlements"])


@dataclass(frozen=True, slots=True)
class Airline:
    """A customer with its subscription.

    Attributes:
        tokens: Of the writes that made it.
    """

    id: str
    subscription_id: str
    tokens: tuple[str, ...]


@dataclass(slots=True)
class World:
    """The platform, and the verbs.

    Attributes:
        call: How calls are made: once, or again where something is away.
    """

    platform: Platform
    sides: Sequence[Side]
    call: Callable[[Any, Any], Awaitable[Any]] = field(default=ask)

    @property
    def patient(self) -> "World":
        """The same with calls that are repeated while something is away."""
        return World(self.platform, self.sides, call_again)

    async def customer(self) -> tuple[str, str]:
        """A new customer that lives by real time: its id, and the token."""
        name = f"airline-{next(_customers)}"
        request = CreateCustomerRequest(customer=Customer(id=name))
        return name, (await self.call(self.sides[0].customers.CreateCustomer, request)).token

    async def airline(self, *, gates: int = 1) -> Airline:
        """A new customer that lives by real time, subscribed."""
        api = self.sides[0]
        name, born = await self.customer()
        request = ProvisionSubscriptionRequest(
            request_id=name,
            customer_id=name,
            plan_id="carrier",
            billing_period=BILLING_PERIOD_MONTHLY,
            commitments=[Commitment(feature_id="gates", quantity=str(gates))],
        )
        made = await self.call(api.subscriptions.ProvisionSubscription, request)
        return Airline(name, made.subscription.id, (born, made.token))

    async def known_airline(self, *, gates: int = 1) -> Airline:
        """One that either side has in memory, with its usage."""
        airline = await self.airline(gates=gates)
        for side in SIDES:
            assert (await self.check(side, airline, "gates", tokens=airline.tokens)).limit == str(gates)
        return airline

    async def commit(self, airline: Airline, gates: int) -> str:
        """Raises the commitment; the token."""
        request = UpdateCommitmentsRequest(
            subscription_id=airline.subscription_id,
            commitments=[Commitment(feature_id="gates", quantity=str(gates))],
        )
        token: str = (await self.call(self.sides[0].subscriptions.UpdateCommitments, request)).token
        return token

    async def report(
        self,
        side: int,
        airline: Airline,
        value: int = 1,
        *,
        feature: str = "calls",
        enforce: bool = True,
        key: str = "",
        tokens: Iterable[str] = (),
    ) -> ReportUsageResponse:
        """Reports calculated usage."""
        request = ReportUsageRequest(
            customer_id=airline.id,
            feature_id=feature,
            value=str(value),
            update_behavior=UPDATE_BEHAVIOR_DELTA,
            enforcement=ENFORCEMENT_ENFORCE if enforce else ENFORCEMENT_RECORD,
            idempotency_key=key or new_key(),
            consistency=_fresh(tokens),
        )
        answer: ReportUsageResponse = await self.call(self.sides[side].entitlements.ReportUsage, request)
        return answer

    async def check(
        self, side: int, airline: Airline, feature: str, *, tokens: Iterable[str] = (), current: bool = False
    ) -> Decision:
        """Asks one side."""
        consistency = Consistency(current=True) if current else _fresh(tokens)
        request = CheckEntitlementRequest(customer_id=airline.id, feature_id=feature, consistency=consistency)
        decision: Decision = (await self.call(self.sides[side].entitlements.CheckEntitlement, request)).decision
        return decision

    async def send(self, side: int, events: Sequence[Event]) -> ReportEventsResponse:
        """Reports raw events in one batch."""
        request = ReportEventsRequest(events=events)
        answer: ReportEventsResponse = await self.call(self.sides[side].events.ReportEvents, request)
        return answer

    async def usages(self, airline: Airline, *, side: int = 0) -> dict[str, str]:
        """What is used of each feature, read from the owners."""
        features = ("gates", "calls", "departures", "miles", "aircraft")
        return {feature: (await self.check(side, airline, feature, current=True)).usage for feature in features}

    def deadlocks(self) -> int:
        """How many PostgreSQL broke so far."""
        with psycopg.connect(self.platform.postgres.url("postgres").replace("+psycopg", "")) as connection:
            row = connection.execute("SELECT sum(deadlocks) FROM pg_stat_database").fetchone()
        return int(row[0]) if row else 0


def _fresh(tokens: Iterable[str]) -> Consistency:
    named = [token for token in tokens if token]
    return Consistency(at_least_as_fresh=AtLeastAsFresh(tokens=named)) if named else Consistency()


def new_key() -> str:
    """An idempotency key that nobody had."""
    return f"key-{next(_keys)}"


def departure(airline: Airline, *, miles: int, tail: str, key: str = "") -> Event:
    """A flight that departs now."""
    event = Event(
        event_name="flight.departed",
        customer_id=airline.id,
        idempotency_key=key or new_key(),
        dimensions={"distance": Value(number_value=miles), "tailnum": Value(string_value=tail)},
    )
    event.timestamp.FromDatetime(datetime.now(UTC))
    return event


async def until(holds: Callable[[], Awaitable[bool]], *, within: float) -> float:
    """Asks again and again until it holds; the seconds that it took. Later than `within` is a failure."""
    began = time.monotonic()
    while True:
        if await holds():
            return time.monotonic() - began
        assert time.monotonic() - began < within, f"not within {within} s"
        await asyncio.sleep(0.01)
