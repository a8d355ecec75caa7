"""Metering over gRPC: raw events, and what they add up to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import Enum

from tollkeeper.client.calling import Calls, blocking
from tollkeeper.client.channel import Channels
from tollkeeper.client.consistency import USAGE, Tokens
from tollkeeper.client.event import Dimension, Event, event_from_proto, event_to_proto, value_to_proto
from tollkeeper.client.page import Page
from tollkeeper.client.usage import new_key
from tollkeeper.client.wire import Period, period_of, time_from_proto, time_to_proto
from tollkeeper.metering.v1 import event_service_pb2 as pb
from tollkeeper.metering.v1 import usage_service_pb2
from tollkeeper.metering.v1.event_service_pb2_grpc import EventServiceStub
from tollkeeper.metering.v1.usage_service_pb2_grpc import UsageServiceStub


@dataclass(frozen=True, slots=True)
class ReportedEvents:
    """What became of a batch: durable, and counted.

    Attributes:
        duplicate_count: Events whose key was known already, or stood earlier in the batch.
        token: Names the write.
    """

    new_count: int
    duplicate_count: int
    token: str


@dataclass(frozen=True, slots=True)
class RetractedEvents:
    """What became of the keys.

    Attributes:
        retracted_count: Events that counted and no longer do.
        pending_count: Keys whose event has not come; when it comes it will not count.
        repeated_count: Keys that were retracted before.
        token: Names the write.
    """

    retracted_count: int
    pending_count: int
    repeated_count: int
    token: str


@dataclass(frozen=True, slots=True)
class Retraction:
    """An event that was taken back.

    Attributes:
        retract_time: In real time.
        reason: For people.
        event: As it counted; None if it had not come.
    """

    idempotency_key: str
    retract_time: datetime
    reason: str
    event: Event | None


class Granularity(Enum):
    """How a range is cut into points: not at all, by the hour of absolute time, by the local day or month."""

    WHOLE = usage_service_pb2.GRANULARITY_UNSPECIFIED
    HOUR = usage_service_pb2.GRANULARITY_HOUR
    DAY = usage_service_pb2.GRANULARITY_DAY
    MONTH = usage_service_pb2.GRANULARITY_MONTH


@dataclass(frozen=True, slots=True)
class UsagePoint:
    """The usage of one period and group.

    Attributes:
        group: A value for each dimension that was grouped by, as text; empty for events without it.
    """

    period: Period | None
    value: Decimal
    group: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Usage:
    """Usage over a range.

    Attributes:
        points: By the period's start, then by group. Those without usage are left out, but for the whole range ungrouped.
        skipped_count: Events that the meter skipped, because the field was missing or not a number.
    """

    points: tuple[UsagePoint, ...]
    skipped_count: int


class AsyncMetering:
    """Raw events and usage. Every method may raise a `TollkeeperError`; `timeout` is the deadline in seconds with all retries."""

    def __init__(self, calls: Calls, channels: Channels, tokens: Tokens) -> None:
        self._call = calls
        self._channels = channels
        self._tokens = tokens

    async def report_events(
        self,
        events: Sequence[Event],
        *,
        timeout: float | None = None,
    ) -> ReportedEvents:
        """Sends a batch, all or nothing: 1–5,000 events, 4 MiB. When it returns they are durable, counted, and seen by later answers to
        this client. Keys are made up where they are missing, so that the call's own retries count once.

        Raises:
            InvalidRequestError: `violations` name each bad event by its index: "events[3].timestamp".
        """
        messages = [
            event_to_proto(event if event.idempotency_key else replace(event, idempotency_key=new_key()))
            for event in events
        ]
        return await self.report_messages(pb.ReportEventsRequest(events=messages), timeout=timeout)

    async def report_messages(
        self,
        request: pb.ReportEventsRequest,
        *,
        timeout: float | None = None,
    ) -> ReportedEvents:
        """`report_events` for messages that carry their keys."""
        write = self._tokens.begin(USAGE, {event.customer_id for event in request.events})
        answer = await self._call(self._channels.stub(EventServiceStub).ReportEvents, request, timeout=timeout)
        write.done(answer.token)
        return ReportedEvents(answer.new_count, answer.duplicate_count, answer.token)

    async def retract_events(
        self,
        customer_id: str,
        idempotency_keys: Sequence[str],
        *,
        reason: str = "",
        timeout: float | None = None,
    ) -> RetractedEvents:
        """Takes up to 1,000 events of a customer back: usage, entitlements and the next invoice follow. Idempotent, all or nothing; a key stays
        used, also one that no event came with yet.

        Raises:
            PreconditionError: `EVENT_EXPIRED`: the retention of raw events let one go.
        """
        keys = [pb.EventKey(customer_id=customer_id, idempotency_key=key) for key in idempotency_keys]
        write = self._tokens.begin(USAGE, [customer_id])
        request = pb.RetractEventsRequest(keys=keys, reason=reason)
        answer = await self._call(self._channels.stub(EventServiceStub).RetractEvents, request, timeout=timeout)
        write.done(answer.token)
        return RetractedEvents(answer.retracted_count, answer.pending_count, answer.repeated_count, answer.token)

    async def list_events(
        self,
        customer_id: str,
        *,
        event_name: str = "",
        start_time: datetime | None = None,
        end_time: datetime | None = None,
        resource_id: str = "",
        feature_id: str = "",
        dimensions: Mapping[str, Dimension] | None = None,
        page_size: int = 0,
        page_token: str = "",
        timeout: float | None = None,
    ) -> Page[Event]:
        """The customer's raw events that count, in the order of (timestamp, key): 100 a page unless said, at most 1,000.

        Args:
            customer_id: Whose.
            event_name: Only of this name.
            start_time: Only at or after this time.
            end_time: Only before this time.
            resource_id: Only those that name this resource.
            feature_id: Only those that the feature's meter counts or skips.
            dimensions: Only those that have all these with these values, of the same type.
            page_size: Events of a page.
            page_token: The `next_page_token` of the page before.
            timeout: The deadline in seconds.
        """
        request = pb.ListEventsRequest(
            customer_id=customer_id,
            event_name=event_name,
            start_time=None if start_time is None else time_to_proto(start_time),
            end_time=None if end_time is None else time_to_proto(end_time),
            resource_id=resource_id,
            feature_id=feature_id,
            dimensions={name: value_to_proto(value) for name, value in (dimensions or {}).items()},
            page_size=page_size,
            page_token=page_token,
        )
        answer = await self._call(self._channels.stub(EventServiceStub).ListEvents, request, timeout=timeout)
        return Page(tuple(map(event_from_proto, answer.events)), answer.next_page_token)

    async def list_retractions(
        self,
        customer_id: str,
        *,
        page_size: int = 0,
        page_token: str = "",
        timeout: float | None = None,
    ) -> Page[Retraction]:
        """What was retracted of a customer, the newest first."""
        request = pb.ListRetractionsRequest(customer_id=customer_id, page_size=page_size, page_token=page_token)
        answer = await self._call(self._channels.stub(EventServiceStub).ListRetractions, request, timeout=timeout)
        retractions = (
            Retraction(
                each.idempotency_key,
                time_from_proto(each.retract_time),
                each.reason,
                event_from_proto(each.event) if each.HasField("event") else None,
            )
            for each in answer.retractions
        )
        return Page(tuple(retractions), answer.next_page_token)

    async def query_usage(
        self,
        customer_id: str,
        feature_id: str,
        *,
        start_time: datetime,
        end_time: datetime,
        granularity: Granularity = Granularity.WHOLE,
        time_zone: str = "",
        group_by: Sequence[str] = (),
        resource_id: str = "",
        timeout: float | None = None,
    ) -> Usage:
        """The usage of a metered feature in [start, end), whole or as a series, with everything acknowledged before the call.

        Args:
            customer_id: Whose.
            feature_id: A metered feature.
            start_time: The first instant.
            end_time: The first instant after it.
            granularity: How the range is cut.
            time_zone: The IANA zone whose days and months cut it; UTC unless said.
            group_by: Up to 4 dimensions; not for calculated usage.
            resource_id: Only usage that names this resource.
            timeout: The deadline in seconds.

        Raises:
            NotFoundError: `FEATURE_NOT_FOUND`.
            PreconditionError: `FEATURE_NOT_METERED`.
            InvalidRequestError: `TOO_MANY_POINTS` for more than 10,000.
        """
        request = usage_service_pb2.QueryUsageRequest(
            customer_id=customer_id,
            feature_id=feature_id,
            resource_id=resource_id,
            start_time=time_to_proto(start_time),
            end_time=time_to_proto(end_time),
            granularity=granularity.value,
            time_zone=time_zone,
            group_by=group_by,
        )
        answer = await self._call(self._channels.stub(UsageServiceStub).QueryUsage, request, timeout=timeout)
        points = (
            UsagePoint(period_of(point, "period"), Decimal(point.value), tuple(point.group)) for point in answer.points
        )
        return Usage(tuple(points), answer.skipped_count)


class Metering:
    """Raw events and usage. Its methods are those of `AsyncMetering`, without ``await``."""

    def __init__(self, asynchronous: AsyncMetering) -> None:
        self._asynchronous = asynchronous

    report_events = blocking(AsyncMetering.report_events)
    report_messages = blocking(AsyncMetering.report_messages)
    retract_events = blocking(AsyncMetering.retract_events)
    list_events = blocking(AsyncMetering.list_events)
    list_retractions = blocking(AsyncMetering.list_retractions)
    query_usage = blocking(AsyncMetering.query_usage)
