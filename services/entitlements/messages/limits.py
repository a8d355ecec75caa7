"""Limits over trackers in metering's messages."""

from collections.abc import Sequence

from entitlements.domain.limits import LimitSpan
from entitlements.domain.usage import Tracker
from entitlements.messages.usage import tracker_to_proto
from kit.proto import decimal_to_proto, timestamp_to_proto
from tollkeeper.common.v1 import period_pb2
from tollkeeper.metering.v1 import tracker_service_pb2 as pb


def limits_to_proto(tracker: Tracker, spans: Sequence[LimitSpan], *, revision: int) -> pb.TrackerLimits:
    """The limits over a tracker, with the revision of what they follow from."""
    return pb.TrackerLimits(
        tracker=tracker_to_proto(tracker), spans=map(_span_to_proto, spans), entitlement_revision=revision
    )


def _span_to_proto(span: LimitSpan) -> pb.LimitSpan:
    period = period_pb2.Period(
        start_time=timestamp_to_proto(span.start),
        end_time=None if span.end is None else timestamp_to_proto(span.end),
    )
    return pb.LimitSpan(limit=decimal_to_proto(span.limit), period=period)
