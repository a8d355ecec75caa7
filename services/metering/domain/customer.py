"""Which clock a customer lives by."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from metering.domain.event_batch import UNSETTLED
from metering.domain.tracker import microseconds

# Further ahead an event is a mistake: clocks of producers are never that wrong.
MOST_AHEAD: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer of billing's.

    Attributes:
        test_clock_id: Empty: real time. It never changes.
    """

    id: str
    test_clock_id: str
    revision: int


@dataclass(frozen=True, slots=True)
class TestClock:
    """A clock of billing's; it never moves back, so whatever is known of it is at most too early."""

    id: str
    time: datetime
    revision: int


@dataclass(slots=True)
class EventHorizon:
    """From when on raw events are kept, for customers who live by real time.

    Attributes:
        days: How long; None: for ever.
        stored: Events from before it may be gone already: microseconds since 1970, 0 where none are.
    """

    days: int | None
    stored: int = 0

    def at(self, now: datetime) -> int:
        """The horizon at this time, in microseconds since 1970; 0 where there is none."""
        return self.stored if self.days is None else max(self.stored, microseconds(now - timedelta(days=self.days)))


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is wrong with the times of a batch, as far as is known.

    Attributes:
        missing: Rows without a time, of customers on a test clock.
        ahead: Rows from too far ahead.
        expired: Rows from before the horizon of raw events; none of a customer on a test clock.
        doubtful_customers: Not known here; their owner decides what becomes of their rows.
        doubtful_clocks: May have moved on since.
    """

    missing: tuple[int, ...]
    ahead: tuple[int, ...]
    expired: tuple[int, ...]
    doubtful_customers: frozenset[str]
    doubtful_clocks: frozenset[str]


def judge_times(
    times: Sequence[int],
    customer_ids: Sequence[str],
    *,
    clock_ids: Mapping[str, str],
    clocks: Mapping[str, TestClock],
    now: datetime,
    horizon: int,
) -> Judgement:
    """Looks at the time of every event of a batch.

    Args:
        times: Microseconds since 1970, or `UNSETTLED` for "now".
        customer_ids: Whose event it is.
        clock_ids: Of the customers that are known; empty: real time.
        clocks: As far as they are known.
        now: The real time.
        horizon: Raw events from before it are let go: microseconds since 1970, or 0 where none are.
    """
    bounds = {clock.id: microseconds(clock.time + MOST_AHEAD) for clock in clocks.values()}
    real_bound = microseconds(now + MOST_AHEAD)
    # Nearly every batch is of the past, and needs no look at each event.
    least = min([real_bound, *(bounds.get(clock_id, -1) for clock_id in clock_ids.values() if clock_id)])
    if UNSETTLED not in times and max(times) <= least and min(times) >= horizon:
        return Judgement((), (), (), frozenset(), frozenset())
    missing, ahead, expired = [], [], []
    doubtful_customers, doubtful_clocks = set(), set()
    for row, (time, customer_id) in enumerate(zip(times, customer_ids, strict=True)):
        clock_id = clock_ids.get(customer_id)
        if time == UNSETTLED:
            if clock_id:
                missing.append(row)
        elif time > (bounds.get(clock_id, -1) if clock_id else real_bound):
            ahead.append(row)
            if clock_id:
                doubtful_clocks.add(clock_id)
        elif time < horizon and not clock_id:
            expired.append(row)
        else:
            continue
        if clock_id is None:
            doubtful_customers.add(customer_id)
    rows = tuple(missing), tuple(ahead), tuple(expired)
    return Judgement(*rows, frozenset(doubtful_customers), frozenset(doubtful_clocks))
