"""Promotional grants as values: entitlements that are given to single customers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum

from tollkeeper.client.wire import decimal_to_proto, time_from_proto, time_of, time_to_proto
from tollkeeper.entitlements.v1 import promotional_grant_pb2 as pb
from tollkeeper.entitlements.v1 import revocation_service_pb2


class ResetInterval(Enum):
    """How long a usage period of a grant is."""

    HOUR = pb.GRANT_RESET_INTERVAL_HOUR
    DAY = pb.GRANT_RESET_INTERVAL_DAY
    WEEK = pb.GRANT_RESET_INTERVAL_WEEK
    MONTH = pb.GRANT_RESET_INTERVAL_MONTH
    YEAR = pb.GRANT_RESET_INTERVAL_YEAR


@dataclass(frozen=True, slots=True)
class GrantReset:
    """When the usage of a grant starts again at zero.

    Attributes:
        calendar: Whether the periods are those of the calendar; else they are counted from the grant's start.
        time_zone: The IANA zone of the periods; UTC unless said.
    """

    interval: ResetInterval
    calendar: bool = False
    time_zone: str = ""


@dataclass(frozen=True, slots=True)
class GrantedUsage:
    """Usage of a metered feature that is granted.

    Attributes:
        limit: In units, inclusive; None: there is no limit.
        soft_limit: Whether usage above the limit is granted all the same.
        reset: When the usage starts again at zero; None: never.
    """

    limit: Decimal | int | None
    soft_limit: bool = False
    reset: GrantReset | None = None


# That a feature is included, values of an enum feature, a number, or usage of a metered feature.
Granted = bool | Sequence[str] | Decimal | int | GrantedUsage


@dataclass(frozen=True, slots=True)
class PromotionalGrant:
    """An entitlement that is given to one customer; the most generous source decides.

    Attributes:
        entitlement: What is granted; True: the feature is included.
        start_time: From when on, in the customer's time.
        expire_time: Until when; None: until it is revoked.
        reason: For people.
        create_time: In real time.
        revoke_time: None: it was not revoked.
        revision: Grows with every change.
    """

    id: str
    customer_id: str
    feature_id: str
    entitlement: Granted
    start_time: datetime | None
    expire_time: datetime | None
    reason: str
    create_time: datetime | None
    revoke_time: datetime | None
    revision: int


@dataclass(frozen=True, slots=True)
class Revocation:
    """A feature that is taken from a customer.

    Attributes:
        reason: For people.
        create_time: In real time.
    """

    customer_id: str
    feature_id: str
    reason: str
    create_time: datetime


def grant_to_proto(
    customer_id: str,
    feature_id: str,
    granted: Granted,
    *,
    id: str,
    start_time: datetime | None,
    expire_time: datetime | None,
    reason: str,
) -> pb.PromotionalGrant:
    """The grant as a caller gives it."""
    message = pb.PromotionalGrant(
        id=id,
        customer_id=customer_id,
        feature_id=feature_id,
        start_time=None if start_time is None else time_to_proto(start_time),
        expire_time=None if expire_time is None else time_to_proto(expire_time),
        reason=reason,
    )
    match granted:
        case bool():
            message.boolean = granted
        case Decimal() | int():
            message.numeric = decimal_to_proto(granted)
        case GrantedUsage():
            message.metered.CopyFrom(_usage_to_proto(granted))
        case str():
            raise TypeError("values of an enum feature are a sequence of texts, not one text")
        case _:
            message.enum.values.extend(granted)
            message.enum.SetInParent()
    return message


def grant_from_proto(message: pb.PromotionalGrant) -> PromotionalGrant:
    """The grant as it is."""
    return PromotionalGrant(
        message.id,
        message.customer_id,
        message.feature_id,
        _granted_from_proto(message),
        start_time=time_of(message, "start_time"),
        expire_time=time_of(message, "expire_time"),
        reason=message.reason,
        create_time=time_of(message, "create_time"),
        revoke_time=time_of(message, "revoke_time"),
        revision=message.revision,
    )


def revocation_from_proto(message: revocation_service_pb2.Revocation) -> Revocation:
    """The revocation."""
    return Revocation(message.customer_id, message.feature_id, message.reason, time_from_proto(message.create_time))


def _usage_to_proto(granted: GrantedUsage) -> pb.GrantedUsage:
    message = pb.GrantedUsage(soft_limit=granted.soft_limit)
    if granted.limit is None:
        message.unlimited = True
    else:
        message.limit = decimal_to_proto(granted.limit)
    if granted.reset is not None:
        reset = granted.reset
        message.reset.interval = reset.interval.value
        message.reset.calendar = reset.calendar
        message.reset.time_zone = reset.time_zone
    return message


def _granted_from_proto(message: pb.PromotionalGrant) -> Granted:
    match message.WhichOneof("entitlement"):
        case "enum":
            return tuple(message.enum.values)
        case "numeric":
            return Decimal(message.numeric)
        case "metered":
            return _usage_from_proto(message.metered)
        case _:
            return message.boolean


def _usage_from_proto(usage: pb.GrantedUsage) -> GrantedUsage:
    limit = None if usage.unlimited else Decimal(usage.limit)
    if not usage.HasField("reset"):
        return GrantedUsage(limit, usage.soft_limit)
    reset = GrantReset(ResetInterval(usage.reset.interval), usage.reset.calendar, usage.reset.time_zone)
    return GrantedUsage(limit, usage.soft_limit, reset)
