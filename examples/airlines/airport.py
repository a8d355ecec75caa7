"""The airport's software: it calls the generated stubs, and carries a token from each write to the next question."""

from collections.abc import Sequence
from datetime import datetime

from calls import Tokens, Tollkeeper, call, timestamp
from flights import NEW_YORK, Flight
from tollkeeper.billing.v1.customer_pb2 import Customer
from tollkeeper.billing.v1.customer_service_pb2 import CreateCustomerRequest
from tollkeeper.billing.v1.invoice_pb2 import Invoice
from tollkeeper.billing.v1.invoice_service_pb2 import ListInvoicesRequest
from tollkeeper.billing.v1.subscription_pb2 import Commitment
from tollkeeper.billing.v1.subscription_service_pb2 import ProvisionSubscriptionRequest, UpdateCommitmentsRequest
from tollkeeper.billing.v1.test_clock_pb2 import TestClock
from tollkeeper.billing.v1.test_clock_service_pb2 import AdvanceTestClockRequest, CreateTestClockRequest
from tollkeeper.catalog.v1.charge_pb2 import BILLING_PERIOD_MONTHLY
from tollkeeper.entitlements.v1.decision_pb2 import Decision
from tollkeeper.entitlements.v1.entitlements_service_pb2 import (
    ENFORCEMENT_ENFORCE,
    CheckEntitlementRequest,
    ListEntitlementsRequest,
    ReportUsageRequest,
    ReportUsageResponse,
)
from tollkeeper.metering.v1.event_service_pb2 import ReportEventsRequest
from tollkeeper.metering.v1.usage_service_pb2 import QueryUsageRequest

CLOCK = "january-2013"
NEW_YEAR = datetime(2013, 1, 1, tzinfo=NEW_YORK)
FEBRUARY = datetime(2013, 2, 1, tzinfo=NEW_YORK)


class Airport:
    """What an application does with Tollkeeper, one method for each of its calls."""

    def __init__(self, api: Tollkeeper) -> None:
        self._api = api
        self._tokens = Tokens()

    # ---- Time, customers, subscriptions, invoices ---------------------------------------------------------------

    async def make_clock(self) -> None:
        """A clock that stands until it is moved: a month passes in seconds, and every boundary on the way is run."""
        clock = TestClock(id=CLOCK, display_name="New York", time=timestamp(NEW_YEAR))
        answer = await call(self._api.clocks.CreateTestClock, CreateTestClockRequest(test_clock=clock))
        self._tokens.keep("clock", answer.token)

    async def advance(self, to: datetime) -> None:
        """Moves the clock; returns when every renewal and invoice that was due on the way is done."""
        request = AdvanceTestClockRequest(test_clock_id=CLOCK, target_time=timestamp(to))
        answer = await call(self._api.clocks.AdvanceTestClock, request)
        self._tokens.keep("clock", answer.token)

    async def make_customer(self, carrier: str, name: str) -> None:
        """A carrier becomes a customer, and lives by the clock."""
        customer = Customer(id=carrier, display_name=name, test_clock_id=CLOCK)
        answer = await call(self._api.customers.CreateCustomer, CreateCustomerRequest(customer=customer))
        self._tokens.keep("customer", answer.token, customer_id=carrier)

    async def provision(self, carrier: str, *, gates: int) -> Invoice:
        """The carrier subscribes and commits to gates; the invoice comes with the answer."""
        request = ProvisionSubscriptionRequest(
            customer_id=carrier,
            subscription_id=subscription_of(carrier),
            plan_id="carrier",
            billing_period=BILLING_PERIOD_MONTHLY,
            time_zone=NEW_YORK.key,
            commitments=[Commitment(feature_id="gates", quantity=str(gates))],
            request_id=f"provision-{carrier}",
        )
        answer = await call(self._api.subscriptions.ProvisionSubscription, request)
        self._tokens.keep("subscription", answer.token, customer_id=carrier)
        return answer.invoice

    async def raise_gates(self, carrier: str, gates: int, *, only_preview: bool = False) -> Invoice:
        """The carrier commits to more gates; what is left of the period is charged at once."""
        request = UpdateCommitmentsRequest(
            subscription_id=subscription_of(carrier),
            commitments=[Commitment(feature_id="gates", quantity=str(gates))],
            validate_only=only_preview,
            request_id="" if only_preview else f"{gates}-gates-{carrier}",
        )
        answer = await call(self._api.subscriptions.UpdateCommitments, request)
        self._tokens.keep("subscription", answer.token, customer_id=carrier)
        return answer.invoice

    async def invoices(self, carrier: str) -> Sequence[Invoice]:
        """The carrier's invoices, the oldest first."""
        return (await call(self._api.invoices.ListInvoices, ListInvoicesRequest(customer_id=carrier))).invoices

    # ---- Usage and decisions ------------------------------------------------------------------------------------

    async def occupy_gate(self, carrier: str, number: int) -> ReportUsageResponse:
        """The carrier occupies a gate; ENFORCE writes it only if it fits into the commitment.

        A refused report leaves its idempotency key free: the same report may be written later.
        """
        request = ReportUsageRequest(
            customer_id=carrier,
            feature_id="gates",
            value="1",
            enforcement=ENFORCEMENT_ENFORCE,
            idempotency_key=f"gate-{number}",
            consistency=self._tokens.of(carrier),
        )
        answer = await call(self._api.entitlements.ReportUsage, request)
        self._tokens.keep("gates", answer.token, customer_id=carrier)
        return answer

    async def report(self, flights: Sequence[Flight]) -> None:
        """Sends a batch of raw events; when it returns they are durable and counted."""
        request = ReportEventsRequest(events=[flight.to_event() for flight in flights])
        answer = await call(self._api.events.ReportEvents, request)
        for carrier in {flight.carrier for flight in flights}:
            self._tokens.keep("flights", answer.token, customer_id=carrier)

    async def entitlements(self, carrier: str) -> dict[str, Decision]:
        """What the carrier may do and has done, by feature; with everything that was written for it."""
        request = ListEntitlementsRequest(customer_id=carrier, consistency=self._tokens.of(carrier))
        answer = await call(self._api.entitlements.ListEntitlements, request)
        return {decision.feature_id: decision for decision in answer.decisions}

    async def check(self, carrier: str, feature_id: str, values: Sequence[str] = ()) -> Decision:
        """Whether the carrier may use the feature: one more unit of it, or these values."""
        request = CheckEntitlementRequest(
            customer_id=carrier,
            feature_id=feature_id,
            requested_values=values,
            consistency=self._tokens.of(carrier),
        )
        return (await call(self._api.entitlements.CheckEntitlement, request)).decision

    async def january_usage(self, carrier: str) -> dict[str, str]:
        """The usage of January as metering computes it from the raw events, by feature."""
        usage = {}
        for feature in ("departures", "miles", "aircraft"):
            request = QueryUsageRequest(
                customer_id=carrier, feature_id=feature, start_time=timestamp(NEW_YEAR), end_time=timestamp(FEBRUARY)
            )
            usage[feature] = (await call(self._api.usage.QueryUsage, request)).points[0].value
        return usage


def subscription_of(carrier: str) -> str:
    """The id that the carrier's subscription is given."""
    return f"sub-{carrier}"
