"""What limits stand over the trackers of a customer's usage: metering announces when usage reaches a share of one."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from entitlements.domain.control import Control
from entitlements.domain.entitlement import Allowance
from entitlements.domain.held import HeldEntitlement
from entitlements.domain.holding import hold
from entitlements.domain.usage import Tracker
from kernel.quantity import ZERO

# The contract's bound.
MAX_SPANS: Final = 100


@dataclass(frozen=True, slots=True)
class LimitSpan:
    """A limit for a while of the customer's time, half-open.

    Attributes:
        end: None: until further notice.
    """

    limit: Decimal
    start: datetime
    end: datetime | None


Limits = Mapping[Tracker, tuple[LimitSpan, ...]]


def limits_of(control: Control, *, now: datetime) -> Limits:
    """The limits over each tracker, by time, of everything that is known of the customer's future.

    Of several sources that count with one tracker the most generous decides, as in a check: a soft one before a hard one, among
    those the highest. While any source of a feature is unlimited there is no limit over any tracker of it, and none of zero: of
    nothing there are no shares. Where there are more than 100 spans, those that are nearest are kept.

    Args:
        control: Everything about the customer but its usage.
        now: The customer's time.
    """
    found: dict[Tracker, list[LimitSpan]] = {}
    for feature in hold(control, ()).features.values():
        for start, end in _spans(feature.entitlements):
            live = [held for held in feature.entitlements if held.phase.holds(start)]
            for tracker, limit in _standing(live).items():
                _add(found.setdefault(tracker, []), LimitSpan(limit, start, end))
    return {tracker: _nearest(spans, now) for tracker, spans in found.items()}


def _spans(sources: Iterable[HeldEntitlement]) -> Iterable[tuple[datetime, datetime | None]]:
    """The spans within which nothing begins or ends."""
    phases = [held.phase for held in sources]
    edges = sorted({edge for phase in phases for edge in (phase.start, phase.end) if edge is not None})
    return zip(edges, [*edges[1:], None], strict=True)


def _standing(live: Sequence[HeldEntitlement]) -> dict[Tracker, Decimal]:
    softs: dict[Tracker, Decimal] = {}
    hards: dict[Tracker, Decimal] = {}
    for held in live:
        allowance = held.grant
        if not isinstance(allowance, Allowance) or held.tracker is None:
            continue
        if allowance.limit is None:
            return {}
        limits = softs if allowance.soft else hards
        tracker = held.tracker.tracker
        limits[tracker] = max(allowance.limit, limits.get(tracker, ZERO))
    return {tracker: limit for tracker, limit in (hards | softs).items() if limit > ZERO}


def _add(spans: list[LimitSpan], span: LimitSpan) -> None:
    if spans and spans[-1].end == span.start and spans[-1].limit == span.limit:
        span = LimitSpan(span.limit, spans.pop().start, span.end)
    spans.append(span)


def _nearest(spans: Sequence[LimitSpan], now: datetime) -> tuple[LimitSpan, ...]:
    if len(spans) <= MAX_SPANS:
        return tuple(spans)
    return tuple([span for span in spans if span.end is None or span.end > now][:MAX_SPANS])


def changed_limits(told: Limits, limits: Limits) -> Limits:
    """What metering must be told where it was told something else; trackers whose limits stand no longer are told nothing stands."""
    gone: dict[Tracker, tuple[LimitSpan, ...]] = {tracker: () for tracker in told if tracker not in limits}
    return gone | {tracker: spans for tracker, spans in limits.items() if told.get(tracker) != spans}
