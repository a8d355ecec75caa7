"""Which windows a rebuild looks at, and what its command understands and says."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from kernel.period import Period
from kernel.recurrence import Interval, Recurrence, zone
from metering.domain.rebuild import MOST_LISTED, Progress, Scope, Wrong, first_told
from metering.domain.series import Series
from metering.domain.tracker import Place, Span, Tracker, microseconds
from metering.rebuild import Teller, arguments

MONTHLY = Recurrence(Interval.MONTH, datetime(2013, 1, 1, 5, tzinfo=UTC), "America/New_York")
INSTANT = timedelta(microseconds=1)


def start(month: int, year: int = 2013) -> datetime:
    """Where a month begins in New York."""
    return datetime(year, month, 1, tzinfo=zone("America/New_York")).astimezone(UTC)


@pytest.mark.parametrize(
    ("scope", "reach"),
    [
        (Scope(), (start(1), None)),
        (Scope(start=datetime(2000, 1, 1, tzinfo=UTC)), (start(1), None)),
        (Scope(start=start(3)), (start(3), None)),
        (Scope(start=start(3) - INSTANT), (start(2), None)),
        (Scope(end=start(1)), None),
        (Scope(end=start(1) + INSTANT), (start(1), start(2))),
        (Scope(end=start(2)), (start(1), start(2))),
        (Scope(start=start(2) + INSTANT, end=start(2) + 2 * INSTANT), (start(2), start(3))),
    ],
)
def test_periods_that_share_an_instant_with_the_range_are_reached(scope: Scope, reach: object) -> None:
    assert scope.reach(MONTHLY) == reach


@pytest.mark.parametrize(
    ("horizon", "first"),
    [
        (None, start(2)),
        (start(1), start(2)),
        (start(2), start(2)),
        (start(2) + INSTANT, start(3)),
        (start(3), start(3)),
        (start(3) + INSTANT, start(4)),
        (start(6, 2015), start(6, 2015)),
    ],
)
def test_the_first_period_that_is_told_begins_at_or_after_the_horizon(
    horizon: datetime | None, first: datetime
) -> None:
    assert first_told(MONTHLY, start(2), 0 if horizon is None else microseconds(horizon)) == first


def test_the_command_reads_its_words() -> None:
    parsed = arguments(["--customer", "UA", "--start", "2013-02-01", "--end", "2013-02-01T02:00:00+01:00", "--dry-run"])
    assert (parsed.customer, parsed.feature, parsed.dry_run) == ("UA", None, True)
    assert parsed.start == datetime(2013, 2, 1, tzinfo=UTC)
    assert parsed.end == datetime(2013, 2, 1, 1, tzinfo=UTC)
    assert not arguments([]).dry_run


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--customer", "a b"], "must have 1 to 128 characters"),
        (["--feature", ""], "must have 1 to 128 characters"),
        (["--start", "yesterday"], "such as 2013-02-01"),
        (["--end", "0001-01-01"], "between the years 1900 and 9000"),
        (["--start", "2013-02-01", "--end", "2013-02-01"], "--end must be after --start"),
        (["everything"], "unrecognized arguments"),
    ],
)
def test_what_it_does_not_understand_it_says(
    words: Sequence[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        arguments(words)
    assert ended.value.code == 2
    assert said in " ".join(capsys.readouterr().err.split())


def wrong(span: Span, value: str, right: str, resource: str = "") -> Wrong:
    """A window of UA that differs."""
    tracker = Tracker(1, Series("UA", resource, "miles"), None if span is None else MONTHLY)
    return Wrong(Place(tracker, span), Decimal(value), Decimal(right))


async def test_it_lists_what_differs_and_sums_up() -> None:
    said: list[str] = []
    teller = Teller(said.append, said.append)
    progress = Progress(3, series=3, windows=2_000, left_alone=1_500)
    progress.note(wrong(None, "1.50", "12"))
    await teller.watch(progress)
    progress.note(wrong(Period(start(2), start(3)), "7", "7.0", "JFK"))
    await teller.watch(progress)
    assert said == [
        "UA, miles, all time: holds 1.5 instead of 12\n",
        "UA, JFK, miles, 2013-02-01T05:00:00Z to 2013-03-01T05:00:00Z: holds 7 rightly, but made of something else\n",
    ]
    said.clear()
    for _ in range(MOST_LISTED):
        progress.note(wrong(None, "1", "2"))
    progress.repaired = 101
    teller.conclude(progress, repaired=True)
    assert said[MOST_LISTED - 2 :] == [
        "… and 2 more.\n",
        "3 series, 2,000 windows compared: 102 differ, 101 put right.\n",
        "1,500 windows begin before the raw events that are kept, and were left alone.\n",
    ]
