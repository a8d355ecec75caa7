"""Reported usage, and reservations of it, as values."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum

from tollkeeper.client.decision import Decision, decision_from_proto
from tollkeeper.client.wire import Period, period_of, time_from_proto
from tollkeeper.common.v1 import update_behavior_pb2
from tollkeeper.entitlements.v1 import entitlements_service_pb2 as pb


class Enforcement(Enum):
    """What a report does about the limit. One that lowers usage is never refused by it."""

    RECORD = pb.ENFORCEMENT_RECORD  # Write it whatever the limit.
    ENFORCE = pb.ENFORCEMENT_ENFORCE  # Write it whole, or nothing.
    PARTIAL = pb.ENFORCEMENT_PARTIAL  # Write as much as fits.


class UpdateBehavior(Enum):
    """Whether a reported value is a change of the usage or its new value."""

    DELTA = update_behavior_pb2.UPDATE_BEHAVIOR_DELTA
    SET = update_behavior_pb2.UPDATE_BEHAVIOR_SET


@dataclass(frozen=True, slots=True)
class UsageReport:
    """What became of a report.

    Attributes:
        written: Whether it was written, now or by an earlier call with the same key.
        decision: For a written report the entitlement after it, for a refused one the reason.
        usage: The current usage after it; None where nothing is known of it.
        usage_period: The period that it counts in; None where nothing is known of it.
        written_value: By how much usage changed.
        covered: Whether an entitlement of the customer covers the feature now.
        time: When it counts: the customer's time of the call.
        token: Names the write; empty where nothing was written.
    """

    written: bool
    decision: Decision
    usage: Decimal | None
    usage_period: Period | None
    written_value: Decimal
    covered: bool
    time: datetime
    token: str


@dataclass(frozen=True, slots=True)
class CommittedUsage:
    """What became of a reservation that was committed.

    Attributes:
        written_value: How much was written; the rest is free again.
        usage: In the period that it was reserved in, after that, what other reservations hold included.
        usage_period: That period.
        token: Names the write.
    """

    written_value: Decimal
    usage: Decimal
    usage_period: Period | None
    token: str


@dataclass(frozen=True, slots=True)
class ShadowRefusals:
    """How often a feature in shadow mode would have been refused on a day.

    Attributes:
        day: Its start (UTC, real time).
    """

    day: datetime
    feature_id: str
    reason: str
    count: int


def new_key() -> str:
    """A key that nobody else makes up."""
    return uuid.uuid4().hex


def report_from_proto(answer: pb.ReportUsageResponse) -> UsageReport:
    """What became of a report."""
    return UsageReport(
        written=answer.written,
        decision=decision_from_proto(answer.decision),
        usage=Decimal(answer.usage) if answer.usage else None,
        usage_period=period_of(answer, "usage_period"),
        written_value=Decimal(answer.written_value or 0),
        covered=answer.covered,
        time=time_from_proto(answer.time),
        token=answer.token,
    )


def committed_from_proto(answer: pb.CommitReservationResponse) -> CommittedUsage:
    """What became of a reservation that was committed."""
    return CommittedUsage(
        Decimal(answer.written_value or 0), Decimal(answer.usage or 0), period_of(answer, "usage_period"), answer.token
    )
