"""Entitlements over gRPC: checks, reports and reservations."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from tollkeeper.client.calling import Calls, blocking, blocking_as
from tollkeeper.client.channel import Channels
from tollkeeper.client.check import Check, CheckFailure, check_to_proto, portions, result_from_proto
from tollkeeper.client.consistency import USAGE, Consistency, Tokens, consistency_to_proto
from tollkeeper.client.decision import Decision, decision_from_proto, reason_from_proto
from tollkeeper.client.own_usage import Listener, OwnUsage, own_usage
from tollkeeper.client.page import Page
from tollkeeper.client.reservation import AsyncReservation, Reservation
from tollkeeper.client.usage import (
    CommittedUsage,
    Enforcement,
    ShadowRefusals,
    UpdateBehavior,
    UsageReport,
    committed_from_proto,
    new_key,
    report_from_proto,
)
from tollkeeper.client.wire import (
    decimal_of,
    decimal_to_proto,
    duration_to_proto,
    time_from_proto,
    time_of,
    time_to_proto,
)
from tollkeeper.entitlements.v1 import entitlements_service_pb2 as pb
from tollkeeper.entitlements.v1.entitlements_service_pb2_grpc import EntitlementsServiceStub


class AsyncEntitlements:
    """What each customer may do and has used.

    Every method may raise a `TollkeeperError`: `UnavailableError` and `DeadlineError` after its retries, `InvalidRequestError` with
    each field that is wrong. `timeout` is the deadline in seconds of the call with its retries. Without a `consistency` an
    answer includes what this client wrote for the customer; `FASTEST` does without.
    """

    def __init__(self, calls: Calls, channels: Channels, tokens: Tokens, told: Listener) -> None:
        """`told` hears what answers to own writes tell of usage."""
        self._call = calls
        self._channels = channels
        self._tokens = tokens
        self._told = told

    async def check(
        self,
        customer_id: str,
        feature_id: str,
        *,
        requested_usage: Decimal | int | None = None,
        requested_values: Sequence[str] = (),
        consistency: Consistency | None = None,
        timeout: float | None = None,
    ) -> Decision:
        """Whether the customer may use the feature: so much more of it (1 unless said), or all of these values."""
        request = pb.CheckEntitlementRequest(
            customer_id=customer_id,
            feature_id=feature_id,
            requested_usage="" if requested_usage is None else decimal_to_proto(requested_usage),
            requested_values=requested_values,
            consistency=self._consistency(customer_id, consistency),
        )
        return decision_from_proto((await self._call(self._stub.CheckEntitlement, request, timeout=timeout)).decision)

    async def check_batch(
        self,
        checks: Sequence[Check],
        *,
        consistency: Consistency | None = None,
        timeout: float | None = None,
    ) -> tuple[Decision | CheckFailure, ...]:
        """One answer to each check, in their order. At most 1,000; they travel in as many calls as their tokens need, 16 a call."""
        results: list[Decision | CheckFailure] = []
        for tokens, some in portions(checks, self._tokens if consistency is None else None):
            request = pb.BatchCheckEntitlementsRequest(
                checks=[check_to_proto(check) for check in some],
                consistency=consistency_to_proto(consistency or Consistency(tokens)),
            )
            answer = await self._call(self._stub.BatchCheckEntitlements, request, timeout=timeout)
            results += [result_from_proto(result) for result in answer.results]
        return tuple(results)

    async def list(
        self,
        customer_id: str,
        *,
        consistency: Consistency | None = None,
        timeout: float | None = None,
    ) -> tuple[Decision, ...]:
        """Every feature that the customer has, in the order of feature ids, as a bare check would answer it.

        Raises:
            NotFoundError: `CUSTOMER_NOT_FOUND`.
        """
        request = pb.ListEntitlementsRequest(
            customer_id=customer_id, consistency=self._consistency(customer_id, consistency)
        )
        answer = await self._call(self._stub.ListEntitlements, request, timeout=timeout)
        return tuple(map(decision_from_proto, answer.decisions))

    async def report_usage(
        self,
        customer_id: str,
        feature_id: str,
        value: Decimal | int,
        *,
        enforcement: Enforcement = Enforcement.RECORD,
        update_behavior: UpdateBehavior = UpdateBehavior.DELTA,
        idempotency_key: str = "",
        resource_id: str = "",
        consistency: Consistency | None = None,
        timeout: float | None = None,
    ) -> UsageReport:
        """Reports usage of a feature that the application counts itself; every later answer to this client includes it.

        Args:
            customer_id: Who used it.
            feature_id: A metered feature whose usage source is `CALCULATED`.
            value: The change, or with `SET` the new value.
            enforcement: What to do about the limit.
            update_behavior: Whether `value` is a change or the new value.
            idempotency_key: Names the report among the customer's; repeated, it counts once. Made up where empty, so that the call's own
                retries count once too.
            resource_id: The customer's resource that it concerns.
            consistency: How fresh the entitlement behind the decision must be.
            timeout: The deadline in seconds.

        Raises:
            NotFoundError: `CUSTOMER_NOT_FOUND`, `FEATURE_NOT_FOUND`.
            PreconditionError: `FEATURE_NOT_METERED`, `FEATURE_NOT_CALCULATED`, `USAGE_BELOW_ZERO`.
            AlreadyExistsError: `IDEMPOTENCY_KEY_REUSED`, with other content.
        """
        request = pb.ReportUsageRequest(
            customer_id=customer_id,
            feature_id=feature_id,
            value=decimal_to_proto(value),
            update_behavior=update_behavior.value,
            enforcement=enforcement.value,
            idempotency_key=idempotency_key or new_key(),
            consistency=self._consistency(customer_id, consistency),
            resource_id=resource_id,
        )
        write = self._tokens.begin(USAGE, [customer_id])
        report = report_from_proto(await self._call(self._stub.ReportUsage, request, timeout=timeout))
        write.done(report.token)
        if report.written and report.usage is not None:
            self._told(OwnUsage(customer_id, feature_id, report.usage, report.usage_period))
        return report

    async def reserve(
        self,
        customer_id: str,
        feature_id: str,
        value: Decimal | int,
        *,
        ttl: timedelta | None = None,
        enforcement: Enforcement = Enforcement.ENFORCE,
        idempotency_key: str = "",
        resource_id: str = "",
        consistency: Consistency | None = None,
        timeout: float | None = None,
    ) -> AsyncReservation:
        """Holds usage until it is committed, released, or lapses after `ttl` (1 second to 24 hours; 60 seconds unless said).

        Raises:
            TollkeeperError: As `report_usage`.
        """
        request = pb.ReserveUsageRequest(
            customer_id=customer_id,
            feature_id=feature_id,
            value=decimal_to_proto(value),
            ttl=None if ttl is None else duration_to_proto(ttl),
            enforcement=enforcement.value,
            idempotency_key=idempotency_key or new_key(),
            consistency=self._consistency(customer_id, consistency),
            resource_id=resource_id,
        )
        write = self._tokens.begin(USAGE, [customer_id])
        answer = await self._call(self._stub.ReserveUsage, request, timeout=timeout)
        write.done(answer.token)
        decision = decision_from_proto(answer.decision)
        self._tell(own_usage(customer_id, decision) if answer.reserved else None)
        return AsyncReservation(
            self,
            customer_id,
            reserved=answer.reserved,
            decision=decision,
            id=answer.reservation_id,
            reserved_value=decimal_of(answer.reserved_value) or Decimal(0),
            expire_time=time_of(answer, "expire_time"),
        )

    async def commit_reservation(
        self,
        customer_id: str,
        reservation_id: str,
        value: Decimal | int | None = None,
        *,
        feature_id: str = "",
        timeout: float | None = None,
    ) -> CommittedUsage:
        """Writes what was reserved, or less; the rest is free again. Idempotent. With its `feature_id`, projections hear of it.

        Raises:
            NotFoundError: `RESERVATION_NOT_FOUND`.
            PreconditionError: `RESERVATION_LAPSED`, `RESERVATION_SETTLED`.
        """
        request = pb.CommitReservationRequest(
            customer_id=customer_id,
            reservation_id=reservation_id,
            value="" if value is None else decimal_to_proto(value),
        )
        write = self._tokens.begin(USAGE, [customer_id])
        committed = committed_from_proto(await self._call(self._stub.CommitReservation, request, timeout=timeout))
        write.done(committed.token)
        self._tell(OwnUsage(customer_id, feature_id, committed.usage, committed.usage_period) if feature_id else None)
        return committed

    async def release_reservation(
        self,
        customer_id: str,
        reservation_id: str,
        *,
        timeout: float | None = None,
    ) -> None:
        """Frees what was reserved. Idempotent, also after it lapsed.

        Raises:
            NotFoundError: `RESERVATION_NOT_FOUND`.
            PreconditionError: `RESERVATION_SETTLED`: it was committed.
        """
        request = pb.ReleaseReservationRequest(customer_id=customer_id, reservation_id=reservation_id)
        write = self._tokens.begin(USAGE, [customer_id])
        write.done((await self._call(self._stub.ReleaseReservation, request, timeout=timeout)).token)

    async def list_shadow_refusals(
        self,
        *,
        feature_id: str = "",
        start_time: datetime | None = None,
        end_time: datetime | None = None,
        page_size: int = 0,
        page_token: str = "",
        timeout: float | None = None,
    ) -> Page[ShadowRefusals]:
        """How often features in shadow mode would have been refused, by day, feature and reason: of the last 30 days unless said."""
        request = pb.ListShadowRefusalsRequest(
            feature_id=feature_id,
            start_time=None if start_time is None else time_to_proto(start_time),
            end_time=None if end_time is None else time_to_proto(end_time),
            page_size=page_size,
            page_token=page_token,
        )
        answer = await self._call(self._stub.ListShadowRefusals, request, timeout=timeout)
        refusals = tuple(
            ShadowRefusals(time_from_proto(each.day), each.feature_id, reason_from_proto(each.reason), each.count)
            for each in answer.refusals
        )
        return Page(refusals, answer.next_page_token)

    @property
    def _stub(self) -> EntitlementsServiceStub:
        return self._channels.stub(EntitlementsServiceStub)

    def _consistency(self, customer_id: str, asked: Consistency | None) -> pb.Consistency:
        return consistency_to_proto(Consistency(self._tokens.of(customer_id)) if asked is None else asked)

    def _tell(self, usage: OwnUsage | None) -> None:
        if usage is not None:
            self._told(usage)


class Entitlements:
    """What each customer may do and has used. Its methods are those of `AsyncEntitlements`, without ``await``."""

    def __init__(self, asynchronous: AsyncEntitlements) -> None:
        self._asynchronous = asynchronous

    check = blocking(AsyncEntitlements.check)
    check_batch = blocking(AsyncEntitlements.check_batch)
    list = blocking(AsyncEntitlements.list)
    report_usage = blocking(AsyncEntitlements.report_usage)
    commit_reservation = blocking(AsyncEntitlements.commit_reservation)
    release_reservation = blocking(AsyncEntitlements.release_reservation)
    list_shadow_refusals = blocking(AsyncEntitlements.list_shadow_refusals)
    reserve = blocking_as(AsyncEntitlements.reserve, Reservation)
