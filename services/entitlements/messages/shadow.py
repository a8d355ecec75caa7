"""Counts of shadowed refusals in the own contract's messages."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from entitlements.domain.shadow import ShadowRefusals
from entitlements.messages.decision import REASONS
from kernel.errors import Mistakes
from kernel.ids import check_id
from kit.paging import Page, page_of
from kit.proto import timestamp_from_proto, timestamp_to_proto
from tollkeeper.entitlements.v1 import entitlements_service_pb2 as pb

# The contract's default.
_LATELY: Final = timedelta(days=30)
_MICROSECOND: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class ShadowList:
    """Asks for a page of counts.

    Attributes:
        feature_id: Empty: of all features.
        first: The first day.
        last: The last day.
    """

    feature_id: str
    first: date
    last: date
    page: Page


def shadow_list_from_proto(request: pb.ListShadowRefusalsRequest, now: datetime) -> ShadowList:
    """Which counts are asked for, in real time.

    Raises:
        TollkeeperError: `INVALID_FIELD` naming every mistake, `INVALID_PAGE_TOKEN`.
    """
    mistakes = Mistakes()
    if request.feature_id:
        mistakes.attempt(check_id, request.feature_id, "feature_id")
    end: datetime | None = now
    if request.HasField("end_time"):
        end = mistakes.attempt(timestamp_from_proto, request.end_time, "end_time")
    start = None if end is None else max(end - _LATELY, datetime(1970, 1, 1, tzinfo=UTC))
    if request.HasField("start_time"):
        start = mistakes.attempt(timestamp_from_proto, request.start_time, "start_time")
    if start is not None and end is not None and end <= start:
        mistakes.add("end_time", "must be after the start")
    mistakes.check()
    assert start is not None and end is not None  # noqa: S101, PT018 - else a mistake was noted.
    filters = (request.feature_id, str(request.start_time), str(request.end_time))
    page = page_of(request.page_size, request.page_token, filters=filters)
    last = end if not request.HasField("end_time") else end - _MICROSECOND
    return ShadowList(request.feature_id, start.date(), last.date(), page)


def shadow_refusals_to_proto(refusals: ShadowRefusals) -> pb.ShadowRefusals:
    """The count as the contract shows it."""
    return pb.ShadowRefusals(
        day=timestamp_to_proto(datetime.combine(refusals.day, time(), tzinfo=UTC)),
        feature_id=refusals.feature_id,
        reason=REASONS[refusals.reason],
        count=refusals.count,
    )


def shadow_key(refusals: ShadowRefusals) -> tuple[str, str, str]:
    """What the list is sorted by."""
    return refusals.day.isoformat(), refusals.feature_id, refusals.reason.value
