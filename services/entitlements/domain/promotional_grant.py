"""Promotional grants: what is given to one customer, beside what its subscriptions grant."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, assert_never

from entitlements.domain.entitlement import Allowance, Entitlement, Granted, Included, Number, Source, Values
from entitlements.domain.feature import Feature, FeatureType
from entitlements.domain.plan import BooleanGrant, EnumGrant, MeteredGrant, NumericGrant, PlainGrant
from entitlements.domain.subscription import Phase
from kernel.errors import ErrorKind, TollkeeperError, precondition
from kernel.recurrence import Interval, Recurrence, calendar_anchor

# Live grants of one customer, and features revoked of it: far above what anybody gives by hand, and all of them are looked at
# for each answer.
MAX_LIVE: Final = 100

_WORDS: Final = {
    FeatureType.BOOLEAN: "a switch: grant it with `boolean`",
    FeatureType.ENUM: "a choice of values: grant them with `enum`",
    FeatureType.NUMERIC: "a number: grant it with `numeric`",
    FeatureType.METERED: "metered: grant usage with `metered`",
}


@dataclass(frozen=True, slots=True)
class GrantSpec:
    """What is to be given.

    Attributes:
        id: Empty: one is made up.
        content: What is granted; a reset is never of the billing period.
        time_zone: Of the usage periods.
        start_time: In the customer's time; None: at once.
        expire_time: In the customer's time; None: until it is revoked.
        reason: Why, for people.
        fingerprint: Of the whole request, to tell a repetition from another one.
    """

    id: str
    customer_id: str
    feature_id: str
    content: PlainGrant
    time_zone: str
    start_time: datetime | None
    expire_time: datetime | None
    reason: str
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class PromotionalGrant:
    """What is given to a customer.

    Attributes:
        content: What is granted; a reset is never of the billing period.
        time_zone: Of the usage periods.
        start_time: In the customer's time.
        expire_time: In the customer's time; None: never.
        create_time: In real time.
        revoke_time: In real time; None: it was not.
        revision: Grows with every change of what the customer holds.
        fingerprint: Of the request that made it.
    """

    id: str
    customer_id: str
    feature_id: str
    content: PlainGrant
    time_zone: str
    start_time: datetime
    expire_time: datetime | None
    reason: str
    create_time: datetime
    revoke_time: datetime | None
    revision: int
    fingerprint: bytes

    def holds(self, now: datetime) -> bool:
        """Whether it grants anything at the instant of the customer's clock."""
        ended = self.expire_time is not None and self.expire_time <= now
        return self.revoke_time is None and self.start_time <= now and not ended


@dataclass(frozen=True, slots=True)
class Revocation:
    """A feature that was taken from a customer.

    Attributes:
        reason: Why, for people.
        create_time: In real time.
    """

    customer_id: str
    feature_id: str
    reason: str
    create_time: datetime
    revision: int


def resolve_grant(grant: PromotionalGrant) -> Entitlement:
    """What the grant entitles to, and when. Periods that do not follow the calendar are counted from its start."""
    return Entitlement(
        grant.feature_id,
        Source("", "", 0, promotional_grant_id=grant.id),
        _granted(grant.content, grant.start_time, zone=grant.time_zone),
        Phase(grant.start_time, grant.expire_time),
    )


def _granted(content: PlainGrant, start: datetime, *, zone: str) -> Granted:
    match content:
        case BooleanGrant():
            return Included()
        case NumericGrant(value):
            return Number(value)
        case EnumGrant(values):
            return Values(values)
        case MeteredGrant(limit, soft, None):
            return Allowance(limit, soft, None)
        case MeteredGrant(limit, soft, reset):
            assert reset is not None  # noqa: S101 - the case before.
            interval = Interval(reset.interval.value)
            anchor = calendar_anchor(interval, start, zone=zone) if reset.at_calendar else start
            return Allowance(limit, soft, Recurrence(interval, anchor, zone))
        case _:
            assert_never(content)


def fits(feature: Feature, content: PlainGrant) -> bool:
    """Whether so much can be granted of the feature."""
    match content:
        case BooleanGrant():
            return feature.type is FeatureType.BOOLEAN
        case NumericGrant():
            return feature.type is FeatureType.NUMERIC
        case EnumGrant(values):
            return feature.type is FeatureType.ENUM and set(values) <= set(feature.values)
        case MeteredGrant():
            return feature.type is FeatureType.METERED
        case _:
            assert_never(content)


def mismatch(feature: Feature, content: PlainGrant) -> TollkeeperError:
    """`GRANT_MISMATCH`."""
    if feature.type is FeatureType.ENUM and isinstance(content, EnumGrant):
        missing = ", ".join(value for value in content.values if value not in feature.values)
        message = f"The feature {feature.id} has no value {missing}. It has: {', '.join(feature.values)}."
        path = "promotional_grant.enum.values"
    else:
        message = f"What is granted does not fit the feature {feature.id}, which is {_WORDS[feature.type]}."
        path = "promotional_grant"
    return precondition("GRANT_MISMATCH", message, feature_id=feature.id).at(path)


def id_taken(grant_id: str) -> TollkeeperError:
    """`ID_TAKEN`."""
    message = f"The customer has another promotional grant with the id {grant_id} already. Choose another id."
    return TollkeeperError(ErrorKind.ALREADY_EXISTS, "ID_TAKEN", message).at("promotional_grant.id")


def too_many(what: str) -> TollkeeperError:
    """`TOO_MANY_GRANTS`; `what` there are too many of."""
    message = f"The customer has {MAX_LIVE} {what} already, as many as there may be."
    return TollkeeperError(ErrorKind.RESOURCE_EXHAUSTED, "TOO_MANY_GRANTS", message)
