"""Everything that decides checks of a customer until its next change, for those who decide in their own process."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from entitlements.domain.decision import Reason, Standing
from entitlements.domain.entitlement import Allowance, Granted, Number, Source
from entitlements.domain.entry import Entry
from entitlements.domain.feature import Feature
from entitlements.domain.held import HeldEntitlement, HeldFeature
from kernel.quantity import ZERO

_NOTHING: Final[Mapping[str, Feature]] = MappingProxyType({})


@dataclass(slots=True)
class Holding:
    """What one source grants of a feature now.

    Attributes:
        standing: For a metered feature: its usage in the source's own period.
        end: When the source stops granting this, in the customer's time; None: not known to stop, or something follows at once.
    """

    source: Source
    grant: Granted
    standing: Standing | None
    end: datetime | None


@dataclass(slots=True)
class WatchedFeature:
    """What decides checks of one feature.

    Attributes:
        revoked: Whether it is taken from the customer, whatever is held.
        holdings: What grants it now, the most generous first; of what cannot be compared the oldest subscription first. None of
            a feature that is there because it is in shadow mode.
    """

    feature: Feature
    revoked: bool
    holdings: tuple[Holding, ...]


@dataclass(slots=True)
class CustomerState:
    """What decides checks of a customer.

    Attributes:
        absent: Why every check that finds no entitlement is refused.
        features: What it has, in the order of feature ids.
        time: The customer's time that it is of.
        test_clock: Whether the customer lives by a test clock.
    """

    absent: Reason
    features: tuple[WatchedFeature, ...]
    time: datetime
    test_clock: bool


def customer_state(entry: Entry, now: datetime, shadow: Mapping[str, Feature] = _NOTHING) -> CustomerState:
    """The state of a customer at its time.

    Args:
        entry: The customer's.
        now: Its time.
        shadow: The features in shadow mode: a check of one is granted whether or not the customer has it.
    """
    if entry.customer is None:
        absent = Reason.CUSTOMER_UNKNOWN
    elif not entry.has_access(now):
        absent = Reason.NO_ACTIVE_SUBSCRIPTION
    else:
        absent = Reason.FEATURE_NOT_INCLUDED
    features = {each.feature.id: each for each in _features(entry, now)}
    for feature_id in shadow.keys() - features.keys():
        features[feature_id] = WatchedFeature(shadow[feature_id], entry.is_revoked(feature_id), ())
    in_order = tuple(features[feature_id] for feature_id in sorted(features))
    return CustomerState(absent, in_order, now, entry.clock is not None)


def next_boundary(entry: Entry, now: datetime) -> datetime | None:
    """When the state becomes another by itself, in the customer's time: something begins or ends, or usage starts again at
    zero. None: never.
    """
    return min((time for time in _boundaries(entry, now) if time > now), default=None)


def _features(entry: Entry, now: datetime) -> Iterator[WatchedFeature]:
    for held in entry.features.values():
        live = held.live(now)
        if live:
            yield _watched(entry, held, live, now=now)


def _watched(entry: Entry, held: HeldFeature, live: list[HeldEntitlement], *, now: datetime) -> WatchedFeature:
    starts = {other.phase.start for other in held.entitlements}
    holdings = [
        Holding(
            each.source,
            each.grant,
            entry.standing(each, now) if isinstance(each.grant, Allowance) else None,
            # Where another begins as it ends, the feature is not lost but changes: a message says to what.
            None if each.phase.end in starts else each.phase.end,
        )
        for each in live
    ]
    # Sorting keeps the order of equals, so the first that has room is the one that a check would choose.
    holdings.sort(key=_generosity, reverse=True)
    return WatchedFeature(held.feature, entry.is_revoked(held.feature.id), tuple(holdings))


def _generosity(holding: Holding) -> tuple[int, Decimal]:
    match holding.grant:
        case Allowance(limit=None):
            return 2, ZERO
        case Allowance(limit=Decimal() as limit, soft=soft):
            return int(soft), limit
        case Number(value):
            return 0, value
        case _:
            return 0, ZERO


def _boundaries(entry: Entry, now: datetime) -> Iterator[datetime]:
    for subscription in entry.subscriptions:
        if subscription.access is not None:
            yield from filter(None, (subscription.access.start, subscription.access.end))
    for held in entry.features.values():
        for entitlement in held.entitlements:
            yield from filter(None, (entitlement.phase.start, entitlement.phase.end))
            window = None if entitlement.tracker is None else entitlement.tracker.at(now)
            if window is not None and window.end is not None:
                yield window.end
            elif entitlement.tracker is not None and entitlement.tracker.recurrence is not None:
                # Its first period is still to come.
                yield entitlement.tracker.recurrence.anchor
