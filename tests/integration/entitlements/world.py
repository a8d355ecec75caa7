"""Entitlements between three stand-in neighbours, and verbs to make things happen to them."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from google.protobuf.message import Message

from kernel.token import FactKind, Token
from kit.broker import Broker
from kit.client import call
from kit.proto import timestamp_to_proto
from tests.integration.entitlements.fakes import FakeBilling, FakeCatalog, FakeMetering
from tests.integration.entitlements.told import commitments_of, plan_version, scheduled_change, subscription
from tollkeeper.billing.v1 import billing_events_pb2, customer_pb2, subscription_pb2, test_clock_pb2
from tollkeeper.catalog.v1 import add_on_pb2, catalog_events_pb2, feature_pb2, plan_pb2
from tollkeeper.entitlements.v1 import entitlements_service_pb2 as pb
from tollkeeper.entitlements.v1.decision_pb2 import Decision, DecisionReason
from tollkeeper.entitlements.v1.entitlements_service_pb2_grpc import EntitlementsServiceStub
from tollkeeper.metering.v1 import metering_events_pb2, tracker_pb2

SubscriptionEvent = (
    billing_events_pb2.SubscriptionProvisioned
    | billing_events_pb2.SubscriptionUpdated
    | billing_events_pb2.SubscriptionActivated
    | billing_events_pb2.SubscriptionTrialEnded
    | billing_events_pb2.SubscriptionExpired
    | billing_events_pb2.SubscriptionPastDue
)

START = datetime(2026, 1, 10, 12, tzinfo=UTC)


class SettableClock:
    """Real time that a test sets."""

    def __init__(self, time: datetime) -> None:
        self.time = time

    def now(self) -> datetime:
        """The time that was set."""
        return self.time

    def pass_by(self, span: timedelta) -> None:
        """Lets time pass."""
        self.time += span


@dataclass
class World:
    """Everything around the service."""

    broker: Broker
    catalog: FakeCatalog
    billing: FakeBilling
    metering: FakeMetering
    clock: SettableClock
    api: EntitlementsServiceStub
    revisions: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))
    frame_number: int = 0
    keys: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    # What happens at the neighbours.

    async def publish(self, context: str, thing: str, event: Message) -> None:
        """Announces an event as the owner's relay does."""
        number = next(self.revisions)
        headers = {"ce-type": event.DESCRIPTOR.full_name, "ce-id": f"event-{number}"}
        subject = f"tollkeeper.{context}.{thing}"
        await self.broker.jetstream.publish(subject, event.SerializeToString(), timeout=5, headers=headers)

    def feature(self, feature_id: str, **kind: object) -> feature_pb2.Feature:
        """A feature of the catalog."""
        made = feature_pb2.Feature(id=feature_id, revision=next(self.revisions), **kind)  # type: ignore[arg-type]  # by kind.
        self.catalog.features[feature_id] = made
        return made

    def metered(self, feature_id: str, unit: str, *, source: "feature_pb2.UsageSource.ValueType") -> None:
        """A metered feature of the catalog."""
        metered = feature_pb2.MeteredFeature(
            usage_behavior=feature_pb2.USAGE_BEHAVIOR_INCREMENTAL, usage_source=source, unit_singular=unit
        )
        self.feature(feature_id, metered=metered)

    def plan(
        self,
        plan_id: str,
        content: plan_pb2.PlanContent,
        *,
        version: int = 1,
        add_ons: Mapping[str, add_on_pb2.AddOnContent] | None = None,
    ) -> None:
        """A published version, without any base plan."""
        self.catalog.versions[plan_id, version] = plan_version(
            plan_id, version, content, features=self.catalog.features, add_ons=add_ons or {}
        )
        plan = self.catalog.plans.setdefault(plan_id, plan_pb2.Plan(id=plan_id))
        plan.latest_version = version
        plan.revision = next(self.revisions)

    async def carry(self, plan_id: str, version: int, *, announced: bool = True) -> None:
        """From now on the entitlements of this version reach the subscriptions of older ones."""
        plan = self.catalog.plans[plan_id]
        plan.carried_version, plan.revision = version, next(self.revisions)
        if announced:
            await self.publish("catalog", f"plan.published.{plan_id}", catalog_events_pb2.PlanPublished(plan=plan))

    async def customer(self, customer_id: str, *, clock_id: str = "", announced: bool = True) -> str:
        """A new customer; a token of the write."""
        made = customer_pb2.Customer(id=customer_id, test_clock_id=clock_id, revision=next(self.revisions))
        self.billing.customers[customer_id] = made
        if announced:
            event = billing_events_pb2.CustomerCreated(customer=made)
            await self.publish("billing", f"customer.created.{customer_id}", event)
        return Token.of(FactKind.CUSTOMER, customer_id, revision=made.revision).encode()

    async def subscribe(
        self, customer_id: str, plan_id: str, *, start: datetime = START, announced: bool = True, **how: object
    ) -> str:
        """A new subscription, as `told.subscription` makes it; a token of the write."""
        made = subscription(customer_id, plan_id, start=start, **how)  # type: ignore[arg-type]  # as it takes them.
        return await self.changed(made, billing_events_pb2.SubscriptionProvisioned(), announced=announced)

    async def commit(self, subscription_id: str, commitments: Mapping[str, str], *, announced: bool = True) -> str:
        """New commitments; a token of the write."""
        changed = self.billing.subscriptions[subscription_id]
        del changed.commitments[:]
        changed.commitments.extend(commitments_of(commitments))
        return await self.changed(changed, billing_events_pb2.SubscriptionUpdated(), announced=announced)

    async def schedule(self, subscription_id: str, at: datetime, *, announced: bool = True, **how: object) -> str:
        """What it will hold from then on, as `told.scheduled_change` makes it; a token of the write."""
        changed = self.billing.subscriptions[subscription_id]
        later = scheduled_change(changed, at, **how)  # type: ignore[arg-type]  # as it takes them.
        changed.scheduled_change.CopyFrom(later)
        return await self.changed(changed, billing_events_pb2.SubscriptionUpdated(), announced=announced)

    async def cancel(self, subscription_id: str, *, at: datetime, ended: bool = False, announced: bool = True) -> str:
        """A scheduled end, or one that has come; a token of the write."""
        changed = self.billing.subscriptions[subscription_id]
        changed.cancel_time.CopyFrom(timestamp_to_proto(at))
        changed.access_period.end_time.CopyFrom(timestamp_to_proto(at))
        if ended:
            changed.end_time.CopyFrom(timestamp_to_proto(at))
            changed.state = subscription_pb2.SUBSCRIPTION_STATE_CANCELED
        return await self.changed(changed, billing_events_pb2.SubscriptionUpdated(), announced=announced)

    async def changed(
        self, state: subscription_pb2.Subscription, event: SubscriptionEvent, *, announced: bool = True
    ) -> str:
        """A subscription's new state, announced by the event; a token of the write."""
        state.revision = next(self.revisions)
        self.billing.subscriptions[state.id] = state
        if announced:
            event.subscription.CopyFrom(state)
            await self.publish("billing", f"subscription.updated.{state.id}", event)
        return Token.of(FactKind.SUBSCRIPTION, state.id, revision=state.revision).encode()

    async def test_clock(self, clock_id: str, time: datetime, *, announced: bool = True) -> str:
        """A test clock, new or moved on; a token of the write."""
        clock = test_clock_pb2.TestClock(id=clock_id, time=timestamp_to_proto(time), revision=next(self.revisions))
        self.billing.clocks[clock_id] = clock
        if announced:
            event = billing_events_pb2.TestClockAdvanced(test_clock=clock)
            await self.publish("billing", f"test_clock.advanced.{clock_id}", event)
        return Token.of(FactKind.TEST_CLOCK, clock_id, revision=clock.revision).encode()

    async def announce_feature(self, feature: feature_pb2.Feature) -> None:
        """A feature's event."""
        await self.publish(
            "catalog", f"feature.updated.{feature.id}", catalog_events_pb2.FeatureUpdated(feature=feature)
        )

    async def frame(
        self, windows: Sequence[tracker_pb2.Window] = (), *, skip: int = 0, process: str = "metering-1"
    ) -> None:
        """A usage frame; with `skip` so many before it are lost."""
        self.frame_number += 1 + skip
        frame = metering_events_pb2.UsageFrame(process_id=process, number=self.frame_number, windows=windows)
        await self.broker.client.publish(f"tollkeeper.metering.frame.{process}", frame.SerializeToString())
        await self.broker.client.flush()

    # What callers ask.

    async def check(
        self,
        customer_id: str,
        feature_id: str,
        *,
        requested: str = "",
        values: Sequence[str] = (),
        tokens: Sequence[str] = (),
        current: bool = False,
        seconds: float = 10,
    ) -> Decision:
        """The decision."""
        request = pb.CheckEntitlementRequest(
            customer_id=customer_id, feature_id=feature_id, requested_usage=requested, requested_values=values
        )
        if tokens:
            request.consistency.at_least_as_fresh.tokens.extend(tokens)
        if current:
            request.consistency.current = True
        return (await call(self.api.CheckEntitlement, request, limit=seconds)).decision

    async def list_all(self, customer_id: str, *, tokens: Sequence[str] = ()) -> Sequence[Decision]:
        """The customer's entitlements."""
        request = pb.ListEntitlementsRequest(customer_id=customer_id)
        if tokens:
            request.consistency.at_least_as_fresh.tokens.extend(tokens)
        return list((await call(self.api.ListEntitlements, request)).decisions)

    async def why(self, customer_id: str, feature_id: str, **how: object) -> str:
        """The decision's reason."""
        return reason(await self.check(customer_id, feature_id, **how))  # type: ignore[arg-type]  # as `check` takes them.

    async def eventually(self, is_true: Callable[[], Awaitable[bool]], *, seconds: float = 20) -> None:
        """Asks the service again and again until it is true: what no token and no reply tells of, such as an event's arrival."""
        async with asyncio.timeout(seconds):
            while not await is_true():
                pass

    async def sees(self, customer_id: str, feature_id: str, usage: str, *, passing: timedelta = timedelta(0)) -> None:
        """Waits until checks without any token see the usage; so much time passes between two of them."""

        async def is_seen() -> bool:
            self.clock.pass_by(passing)
            return (await self.check(customer_id, feature_id)).usage == usage

        await self.eventually(is_seen)

    async def report(
        self,
        customer_id: str,
        feature_id: str,
        value: str,
        *,
        enforce: bool = False,
        key: str = "",
        tokens: Sequence[str] = (),
        **fields: object,
    ) -> pb.ReportUsageResponse:
        """What became of the report."""
        request = pb.ReportUsageRequest(
            customer_id=customer_id,
            feature_id=feature_id,
            value=value,
            enforcement=pb.ENFORCEMENT_ENFORCE if enforce else pb.ENFORCEMENT_RECORD,
            idempotency_key=key or f"key-{next(self.keys)}",
            **fields,  # type: ignore[arg-type]  # the request's own.
        )
        if tokens:
            request.consistency.at_least_as_fresh.tokens.extend(tokens)
        return await call(self.api.ReportUsage, request)


def reason(decision: Decision) -> str:
    """As the contract's comments write it."""
    return DecisionReason.Name(decision.reason).removeprefix("DECISION_REASON_")
