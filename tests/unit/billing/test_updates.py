"""Changes of commitments and add-ons: each goes up now, and down at the end of the period, unless the caller says."""

import pytest

from billing.domain.invoice import InvoiceReason
from billing.domain.update import Timing
from kernel.errors import TollkeeperError
from tests.unit.billing.april import april, begun, held
from tests.unit.billing.terms import told


@pytest.mark.parametrize(
    ("timing", "asked", "lines", "now", "scheduled"),
    [
        ("AUTOMATIC", "30", [("COMMITMENT_PRORATION", "30", "50.00")], "30", None),
        ("NOW", "30", [("COMMITMENT_PRORATION", "30", "50.00")], "30", None),
        ("PERIOD_END", "30", [], "20", "30"),
        ("AUTOMATIC", "10", [], "20", "10"),
        ("NOW", "10", [("COMMITMENT_PRORATION", "10", "-50.00")], "10", None),
        ("PERIOD_END", "10", [], "20", "10"),
        ("AUTOMATIC", "20", [], "20", None),
        ("NOW", "20", [], "20", None),
        ("PERIOD_END", "20", [], "20", None),
    ],
)
def test_when_a_commitment_changes(
    timing: str, asked: str, lines: list[tuple[str, str, str]], now: str, scheduled: str | None
) -> None:
    story = begun()
    change = story.update(april(16), {"gates": asked}, timing=Timing(timing))
    assert told(change.lines) == lines
    assert held(story.subscription.holding) == (now, {})
    assert held(story.subscription.scheduled) == (None if scheduled is None else (scheduled, {}))
    assert change.changes == bool(lines or scheduled)
    renewal = story.renew()
    assert told(renewal.lines) == [("COMMITMENT", scheduled or now, f"{10 * int(scheduled or now)}.00")]
    assert story.subscription.scheduled is None


@pytest.mark.parametrize(
    ("second", "lines", "now", "scheduled"),
    [
        # Below what is held: the schedule is edited.
        ("15", [], "20", "15"),
        ("5", [], "20", "5"),
        # What is held: the schedule is canceled, and nothing charged.
        ("20", [], "20", None),
        # Above: the schedule is canceled, and the increase charged now.
        ("26", [("COMMITMENT_PRORATION", "26", "30.00")], "26", None),
    ],
)
def test_a_scheduled_decrease_asked_again(
    second: str, lines: list[tuple[str, str, str]], *, now: str, scheduled: str | None
) -> None:
    story = begun()
    story.update(april(10), {"gates": "10"})
    assert held(story.subscription.scheduled) == ("10", {})
    assert told(story.update(april(16), {"gates": second}).lines) == lines
    assert held(story.subscription.holding) == (now, {})
    assert held(story.subscription.scheduled) == (None if scheduled is None else (scheduled, {}))
    assert told(story.renew().lines)[0][1] == (scheduled or now)


@pytest.mark.parametrize(
    ("asked", "lines", "now", "scheduled"),
    [
        ({"lounge": 4}, [("ADD_ON_PRORATION", "4", "3.00")], {"lounge": 4}, None),
        ({"lounge": 1}, [], {"lounge": 2}, {"lounge": 1}),
        ({"lounge": 0}, [], {"lounge": 2}, {}),
        ({"lounge": 2}, [], {"lounge": 2}, None),
        ({"wifi": 1}, [("ADD_ON_PRORATION", "1", "3.00")], {"lounge": 2, "wifi": 1}, None),
        # Up now, and down at the end, in one request.
        (
            {"wifi": 1, "lounge": 1},
            [("ADD_ON_PRORATION", "1", "3.00")],
            {"lounge": 2, "wifi": 1},
            {"lounge": 1, "wifi": 1},
        ),
    ],
)
def test_add_ons_go_their_own_way(
    asked: dict[str, int], lines: list[tuple[str, str, str]], *, now: dict[str, int], scheduled: dict[str, int] | None
) -> None:
    story = begun(extras={"lounge": 2})
    change = story.update(april(16), extras=asked)
    assert told(change.lines) == lines
    assert change.reason is InvoiceReason.CHANGE
    assert held(story.subscription.holding) == ("20", now)
    assert held(story.subscription.scheduled) == (None if scheduled is None else ("20", scheduled))


def test_what_is_asked_for_goes_up_and_down_part_by_part() -> None:
    story = begun(extras={"lounge": 2})
    change = story.update(april(16), {"gates": "10"}, extras={"lounge": 3})
    assert told(change.lines) == [("ADD_ON_PRORATION", "3", "1.50")]
    assert held(story.subscription.holding) == ("20", {"lounge": 3})
    assert held(story.subscription.scheduled) == ("10", {"lounge": 3})


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"lounge": 6}, "must be at most 5 of lounge"),
        ({"sauna": 1}, "must be an add-on that the plan airline is compatible with: lounge, wifi"),
        ({"wifi": 1}, "must hold lounge as well, which wifi requires"),
    ],
)
def test_add_ons_that_cannot_be_held(asked: dict[str, int], message: str) -> None:
    with pytest.raises(TollkeeperError) as refused:
        begun().update(april(16), extras=asked)
    assert refused.value.reason == "ADD_ON_INVALID"
    assert [violation.message for violation in refused.value.violations] == [message]


def test_an_add_on_that_another_requires_is_not_taken_away() -> None:
    with pytest.raises(TollkeeperError) as refused:
        begun(extras={"lounge": 1, "wifi": 1}).update(april(16), extras={"lounge": 0}, timing=Timing.NOW)
    assert refused.value.reason == "ADD_ON_INVALID"
