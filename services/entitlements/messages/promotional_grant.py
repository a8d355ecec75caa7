"""Promotional grants in the own contract's messages: every mistake of a request is found at once."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, assert_never

from google.protobuf.timestamp_pb2 import Timestamp

from entitlements.domain.plan import (
    BooleanGrant,
    EnumGrant,
    MeteredGrant,
    NumericGrant,
    PlainGrant,
    Reset,
    ResetInterval,
)
from entitlements.domain.promotional_grant import GrantSpec, PromotionalGrant
from kernel.errors import Mistakes, TollkeeperError
from kernel.ids import check_id
from kernel.quantity import format_decimal, parse_quantity
from kernel.recurrence import zone
from kernel.text import check_text
from kit.paging import Page, page_of
from kit.proto import timestamp_from_proto, timestamp_to_proto
from tollkeeper.entitlements.v1 import promotional_grant_pb2 as pb
from tollkeeper.entitlements.v1 import promotional_grant_service_pb2 as service_pb

# The contract's bounds.
MAX_VALUES: Final = 100
MAX_REASON: Final = 500
MAX_REQUEST_ID: Final = 256

_OUTPUT_ONLY: Final = ("create_time", "revoke_time", "revision")
_INTERVALS: Final[Mapping["pb.GrantResetInterval.ValueType", ResetInterval]] = {
    pb.GRANT_RESET_INTERVAL_HOUR: ResetInterval.HOUR,
    pb.GRANT_RESET_INTERVAL_DAY: ResetInterval.DAY,
    pb.GRANT_RESET_INTERVAL_WEEK: ResetInterval.WEEK,
    pb.GRANT_RESET_INTERVAL_MONTH: ResetInterval.MONTH,
    pb.GRANT_RESET_INTERVAL_YEAR: ResetInterval.YEAR,
}
_INTERVALS_TO_PROTO: Final = {interval: number for number, interval in _INTERVALS.items()}


@dataclass(frozen=True, slots=True)
class GrantList:
    """Asks for a page of a customer's grants."""

    customer_id: str
    show_revoked: bool
    page: Page


def spec_from_proto(request: service_pb.CreatePromotionalGrantRequest) -> tuple[GrantSpec, str]:
    """What is to be given, and the request's id.

    Raises:
        TollkeeperError: `INVALID_FIELD` naming every mistake.
    """
    mistakes = Mistakes()
    message, path = request.promotional_grant, "promotional_grant"
    if message.id:
        mistakes.attempt(check_id, message.id, f"{path}.id")
    mistakes.attempt(check_id, message.customer_id, f"{path}.customer_id")
    mistakes.attempt(check_id, message.feature_id, f"{path}.feature_id")
    content = _content(message, path, mistakes)
    start = _time(message.start_time, f"{path}.start_time", mistakes) if message.HasField("start_time") else None
    expire = _time(message.expire_time, f"{path}.expire_time", mistakes) if message.HasField("expire_time") else None
    if start is not None and expire is not None and expire <= start:
        mistakes.add(f"{path}.expire_time", "must be after the start")
    mistakes.attempt(check_text, message.reason, f"{path}.reason", limit=MAX_REASON)
    mistakes.attempt(check_text, request.request_id, "request_id", limit=MAX_REQUEST_ID)
    mistakes.check()
    assert content is not None  # noqa: S101 - else a mistake was noted.
    spec = GrantSpec(
        id=message.id,
        customer_id=message.customer_id,
        feature_id=message.feature_id,
        content=content,
        time_zone=message.metered.reset.time_zone or "UTC",
        start_time=start,
        expire_time=expire,
        reason=message.reason,
        fingerprint=_fingerprint(message),
    )
    return spec, request.request_id


def named_from_proto(
    request: service_pb.GetPromotionalGrantRequest | service_pb.RevokePromotionalGrantRequest,
) -> tuple[str, str]:
    """The customer and the grant that are named.

    Raises:
        TollkeeperError: `INVALID_FIELD` naming every mistake.
    """
    mistakes = Mistakes()
    mistakes.attempt(check_id, request.customer_id, "customer_id")
    mistakes.attempt(check_id, request.promotional_grant_id, "promotional_grant_id")
    mistakes.check()
    return request.customer_id, request.promotional_grant_id


def list_from_proto(request: service_pb.ListPromotionalGrantsRequest) -> GrantList:
    """Which grants are asked for.

    Raises:
        TollkeeperError: `INVALID_FIELD` naming every mistake, `INVALID_PAGE_TOKEN`.
    """
    mistakes = Mistakes()
    mistakes.attempt(check_id, request.customer_id, "customer_id")
    filters = (request.customer_id, str(request.show_revoked))
    try:
        page = page_of(request.page_size, request.page_token, filters=filters)
    except TollkeeperError as error:
        if not mistakes.found:
            raise
        mistakes.found.extend(error.violations)
        page = None
    mistakes.check()
    assert page is not None  # noqa: S101 - else a mistake was noted.
    return GrantList(request.customer_id, request.show_revoked, page)


def grant_to_proto(grant: PromotionalGrant) -> pb.PromotionalGrant:
    """The grant as the contract shows it."""
    message = pb.PromotionalGrant(
        id=grant.id,
        customer_id=grant.customer_id,
        feature_id=grant.feature_id,
        start_time=timestamp_to_proto(grant.start_time),
        expire_time=None if grant.expire_time is None else timestamp_to_proto(grant.expire_time),
        reason=grant.reason,
        create_time=timestamp_to_proto(grant.create_time),
        revoke_time=None if grant.revoke_time is None else timestamp_to_proto(grant.revoke_time),
        revision=grant.revision,
    )
    match grant.content:
        case BooleanGrant():
            message.boolean = True
        case NumericGrant(value):
            message.numeric = format_decimal(value)
        case EnumGrant(values):
            message.enum.values.extend(values)
        case MeteredGrant():
            message.metered.CopyFrom(_metered_to_proto(grant.content, grant.time_zone))
        case _:
            assert_never(grant.content)
    return message


def _metered_to_proto(content: MeteredGrant, time_zone: str) -> pb.GrantedUsage:
    message = pb.GrantedUsage(soft_limit=content.soft)
    if content.limit is None:
        message.unlimited = True
    else:
        message.limit = format_decimal(content.limit)
    if content.reset is not None:
        message.reset.interval = _INTERVALS_TO_PROTO[content.reset.interval]
        message.reset.calendar = content.reset.at_calendar
        message.reset.time_zone = time_zone
    return message


def _content(message: pb.PromotionalGrant, path: str, mistakes: Mistakes) -> PlainGrant | None:
    match message.WhichOneof("entitlement"):
        case "boolean":
            if not message.boolean:
                mistakes.add(f"{path}.boolean", "must be true where it is set: revoke a feature with RevokeEntitlement")
            return BooleanGrant()
        case "numeric":
            value = mistakes.attempt(parse_quantity, message.numeric, f"{path}.numeric")
            return None if value is None else NumericGrant(value)
        case "enum":
            return _enum(message.enum, f"{path}.enum.values", mistakes)
        case "metered":
            return _metered(message.metered, f"{path}.metered", mistakes)
        case None:
            mistakes.add(path, "must say what is granted: boolean, enum, numeric or metered")
            return None


def _enum(message: pb.GrantedValues, path: str, mistakes: Mistakes) -> EnumGrant:
    values = tuple(message.values)
    if not 1 <= len(values) <= MAX_VALUES:
        mistakes.add(path, f"must hold 1 to {MAX_VALUES} values, not {len(values):,}")
        return EnumGrant(())
    for index, value in enumerate(values):
        mistakes.attempt(check_id, value, f"{path}[{index}]")
        if value in values[:index]:
            mistakes.add(f"{path}[{index}]", "must not be named twice")
    return EnumGrant(values)


def _metered(message: pb.GrantedUsage, path: str, mistakes: Mistakes) -> MeteredGrant:
    limit = None
    match message.WhichOneof("bound"):
        case "limit":
            limit = mistakes.attempt(parse_quantity, message.limit, f"{path}.limit")
        case "unlimited":
            if not message.unlimited:
                mistakes.add(f"{path}.unlimited", "must be true where it is set")
            if message.soft_limit:
                mistakes.add(f"{path}.soft_limit", "must not be set where there is no limit")
        case None:
            mistakes.add(path, "must have a limit or be unlimited")
    reset = _reset(message.reset, f"{path}.reset", mistakes) if message.HasField("reset") else None
    return MeteredGrant(limit, message.soft_limit, reset)


def _reset(message: pb.GrantReset, path: str, mistakes: Mistakes) -> Reset | None:
    if message.time_zone:
        mistakes.attempt(zone, message.time_zone, f"{path}.time_zone")
    interval = _INTERVALS.get(message.interval)
    if interval is None:
        mistakes.add(f"{path}.interval", "must be HOUR, DAY, WEEK, MONTH or YEAR")
        return None
    return Reset(interval, message.calendar)


def _time(timestamp: Timestamp, path: str, mistakes: Mistakes) -> datetime | None:
    return mistakes.attempt(timestamp_from_proto, timestamp, path)


def _fingerprint(message: pb.PromotionalGrant) -> bytes:
    asked = pb.PromotionalGrant()
    asked.CopyFrom(message)
    for name in _OUTPUT_ONLY:
        asked.ClearField(name)
    return hashlib.sha256(asked.SerializeToString(deterministic=True)).digest()
