"""Customers in memory: the newest state of each, how fresh it is, and what one's own reports told since."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from tollkeeper.client.own_usage import OwnUsage
from tollkeeper.client.projection.state import CustomerState, Entitlement, Holding
from tollkeeper.client.wire import Period

# Own usage stands at most so long beside a state that does not include it yet: the stream is a tenth of a second behind.
OWN_USAGE_STANDS: Final = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Freshness:
    """How fresh knowledge is, where that is known.

    Attributes:
        as_of: Until when it is known to include everything that happened, by the service's clock.
        known: The same by this machine's clock: never after the knowledge arrived here.
    """

    as_of: datetime
    known: datetime


def freshness_of(as_of: datetime | None, *, at: datetime) -> Freshness | None:
    """That of news that came at this time; None where the service itself does not know."""
    return None if as_of is None else Freshness(as_of, min(as_of, at))


class Session:
    """One stream: what it told of the freshness of all customers that it covers."""

    __slots__ = ("freshness",)

    def __init__(self) -> None:
        self.freshness: Freshness | None = None


class Held:
    """A customer in memory; it changes in place.

    Attributes:
        state: None: not known yet.
        own: The newest own usage by feature, and when it was answered, in real time.
    """

    __slots__ = ("_freshness", "_session", "customer_id", "own", "state")

    def __init__(self, customer_id: str) -> None:
        self.customer_id = customer_id
        self.state: CustomerState | None = None
        self.own: dict[str, tuple[OwnUsage, datetime]] = {}
        self._freshness: Freshness | None = None
        self._session: Session | None = None

    @property
    def freshness(self) -> Freshness | None:
        """How fresh the state is: as told with it, or by a later heartbeat of the stream that covers it; None: not known."""
        covered = None if self._session is None else self._session.freshness
        return newer(self._freshness, covered)

    def take(self, state: CustomerState, session: Session, *, at: datetime) -> None:
        """Takes over a newer state, that the session told at this time."""
        told = freshness_of(state.as_of, at=at)
        if told is None and self.state is not None and state.version == self.state.version:
            # A replica that does not know how fresh it is confirms what was known.
            told = self.freshness
        self.state, self._freshness, self._session = state, told, session
        self.own = {feature_id: own for feature_id, own in self.own.items() if _stands(own[1], state.as_of, at)}

    def doubt(self) -> None:
        """Notes that the stream cannot have news of the customer now: heartbeats do not cover it until the next state."""
        self._freshness, self._session = self.freshness, None

    def seen(self, now: datetime) -> CustomerState | None:
        """The state with one's own usage, as far as it does not include that yet; None: not known yet."""
        state, freshness = self.state, self.freshness
        if state is None or not self.own:
            return state
        as_of = None if freshness is None else freshness.as_of
        known = {
            feature_id: _with_own(entitlement, own)
            for feature_id, (own, at) in self.own.items()
            if (entitlement := state.entitlements.get(feature_id)) is not None and _stands(at, as_of, now)
        }
        return replace(state, entitlements={**state.entitlements, **known}) if known else state


def newer(one: Freshness | None, other: Freshness | None) -> Freshness | None:
    """The fresher of both; None where neither is known."""
    if one is None or other is None:
        return one or other
    return other if other.as_of > one.as_of else one


def _stands(at: datetime, as_of: datetime | None, now: datetime) -> bool:
    return (as_of is None or as_of <= at) and now - at < OWN_USAGE_STANDS


def _with_own(entitlement: Entitlement, own: OwnUsage) -> Entitlement:
    period = own.usage_period or Period(None, None)
    holdings = tuple(_with_usage(holding, own, period) for holding in entitlement.holdings)
    return replace(entitlement, holdings=holdings)


def _with_usage(holding: Holding, own: OwnUsage, period: Period) -> Holding:
    passed = holding.usage_period.end
    follows = passed is not None and period.start is not None and period.start >= passed
    if holding.usage_period == period or follows:
        return replace(holding, usage=own.usage, usage_period=period)
    return holding


def utc(seconds: float) -> datetime:
    """The time of a clock that counts seconds since 1970."""
    return datetime.fromtimestamp(seconds, UTC)
