"""Times of events against the clocks of their customers."""

from datetime import UTC, datetime, timedelta

import pytest

from metering.domain import customer as customers
from metering.domain.customer import EventHorizon, Judgement, judge_times
from metering.domain.event_batch import UNSETTLED
from metering.domain.tracker import microseconds

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
# By its module: pytest would take a name that begins with Test for tests.
CLOCK = customers.TestClock("clock", datetime(2013, 1, 1, tzinfo=UTC), 1)
KNOWN = {"real": "", "tested": "clock", "ahead": "unheard-clock"}
DAY = timedelta(hours=24)
MICROSECOND = timedelta(microseconds=1)


def judge(customer: str, time: datetime | None) -> Judgement:
    """Of one event."""
    times = [UNSETTLED if time is None else microseconds(time)]
    horizon = EventHorizon(30).at(NOW)
    return judge_times(times, [customer], clock_ids=KNOWN, clocks={"clock": CLOCK}, now=NOW, horizon=horizon)


def judgement(
    *,
    missing: bool = False,
    ahead: bool = False,
    expired: bool = False,
    customers: tuple[str, ...] = (),
    clocks: tuple[str, ...] = (),
) -> Judgement:
    """Of one event."""
    rows = {True: (0,), False: ()}
    return Judgement(rows[missing], rows[ahead], rows[expired], frozenset(customers), frozenset(clocks))


@pytest.mark.parametrize(
    ("customer", "time", "expected"),
    [
        ("real", None, judgement()),
        ("real", NOW + DAY, judgement()),
        ("real", NOW + DAY + MICROSECOND, judgement(ahead=True)),
        ("tested", None, judgement(missing=True)),
        ("tested", CLOCK.time + DAY, judgement()),
        ("tested", CLOCK.time + DAY + MICROSECOND, judgement(ahead=True, clocks=("clock",))),
        ("tested", NOW, judgement(ahead=True, clocks=("clock",))),
        ("ahead", CLOCK.time, judgement(ahead=True, clocks=("unheard-clock",))),
        ("real", NOW - 30 * DAY, judgement()),
        ("real", NOW - 30 * DAY - MICROSECOND, judgement(expired=True)),
        ("tested", NOW - 5_000 * DAY, judgement()),
        ("unknown", NOW - 30 * DAY - MICROSECOND, judgement(expired=True, customers=("unknown",))),
        ("unknown", None, judgement(customers=("unknown",))),
        ("unknown", NOW + DAY, judgement()),
        ("unknown", NOW + DAY + MICROSECOND, judgement(ahead=True, customers=("unknown",))),
    ],
)
def test_a_time_is_judged_by_the_clock_of_its_customer(
    customer: str, time: datetime | None, expected: Judgement
) -> None:
    assert judge(customer, time) == expected


def test_one_bad_time_does_not_hide_in_a_batch() -> None:
    times = [microseconds(NOW), microseconds(NOW + 2 * DAY), UNSETTLED]
    found = judge_times(times, ["real", "real", "tested"], clock_ids=KNOWN, clocks={}, now=NOW, horizon=0)
    assert (found.ahead, found.missing) == ((1,), (2,))


def test_the_horizon_never_moves_back() -> None:
    stored = microseconds(NOW - 10 * DAY)
    assert EventHorizon(None).at(NOW) == 0
    assert EventHorizon(None, stored).at(NOW) == stored
    assert EventHorizon(30, stored).at(NOW) == stored
    assert EventHorizon(5, stored).at(NOW) == microseconds(NOW - 5 * DAY)
