"""Entries and memory: what arrives during a load, what a newer control state keeps, who leaves first, how fresh an answer is."""

from datetime import timedelta
from decimal import Decimal

from entitlements.domain.customer import TestClock
from entitlements.domain.entry import MAX_NOTED, MAX_PENDING, Entry
from entitlements.domain.memory import Memory
from entitlements.domain.plan import CommittedGrant, MeteredGrant, Reset, ResetInterval
from entitlements.domain.usage import HeldWindow
from tests.unit.entitlements.build import (
    FEATURES,
    START,
    control,
    entry_of,
    install,
    metered,
    plan,
    subscription,
    utc,
    window,
)

GATES = plan({"gates": CommittedGrant(Decimal(1), None)})
SECOND = timedelta(seconds=1)


def gates(entry: Entry) -> tuple[Decimal | None, Decimal]:
    """Limit and usage."""
    decision = entry.decide("gates", FEATURES["gates"], requested=Decimal(1), values=(), now=START)
    assert decision.standing is not None
    return decision.standing.limit, decision.standing.usage


def test_a_window_that_arrives_during_a_load_is_not_lost() -> None:
    entry = Entry("c")
    state = control((subscription(commitments={"gates": "3"}), GATES))
    holdings = entry.prepare(state)
    entry.apply(window("gates", "2", 5))
    # What the load reads was true before the frame.
    (tracker,) = holdings.features["gates"].trackers()
    tracker.take_read(window("gates", "1", 4), proven=(), at=START)
    entry.install(state, holdings, clock=None)
    assert gates(entry) == (Decimal(3), Decimal(2))


def test_a_load_that_read_something_newer_than_the_window_keeps_it() -> None:
    entry = Entry("c")
    state = control((subscription(), GATES))
    holdings = entry.prepare(state)
    entry.apply(window("gates", "2", 5))
    (tracker,) = holdings.features["gates"].trackers()
    tracker.take_read(window("gates", "7", 9), proven=(), at=START)
    entry.install(state, holdings, clock=None)
    assert gates(entry) == (Decimal(1), Decimal(7))


def test_what_is_held_goes_on_deciding_while_a_newer_state_is_prepared() -> None:
    entry = entry_of((subscription(commitments={"gates": "3"}), GATES))
    entry.apply(window("gates", "2", 5))
    state = control((subscription(commitments={"gates": "8"}, revision=9), GATES))
    holdings = entry.prepare(state)
    entry.apply(window("gates", "3", 6))
    assert gates(entry) == (Decimal(3), Decimal(3))
    entry.install(state, holdings, clock=None)
    assert gates(entry) == (Decimal(8), Decimal(3))
    assert entry.revision == 9


def test_an_abandoned_load_changes_nothing() -> None:
    entry = entry_of((subscription(commitments={"gates": "3"}), GATES))
    entry.prepare(control((subscription(commitments={"gates": "8"}), GATES)))
    entry.abandon()
    entry.apply(window("gates", "2", 5))
    assert gates(entry) == (Decimal(3), Decimal(2))


def test_too_many_windows_during_a_load_make_it_be_read_again() -> None:
    entry = Entry("c")
    state = control((subscription(), GATES))
    holdings = entry.prepare(state)
    for revision in range(MAX_PENDING + 1):
        entry.apply(window("gates", "2", revision))
    entry.install(state, holdings, clock=None)
    assert entry.unread


def test_what_a_single_resource_used_decides_nothing() -> None:
    entry = entry_of((subscription(), GATES))
    entry.apply(window("gates", "9", 5, resource_id="north"))
    assert gates(entry) == (Decimal(1), Decimal(0))


def test_the_revision_of_ended_subscriptions_counts_and_never_falls() -> None:
    entry = entry_of((subscription(revision=9), GATES))
    install(entry, control())
    assert entry.revision == 9
    assert not entry.knows_subscription("sub-1", 9)
    entry.note_subscription("sub-1", 10)
    assert entry.knows_subscription("sub-1", 10)
    for number in range(MAX_NOTED + 1):
        entry.note_subscription(f"sub-{number}", 1)
    assert len(entry._noted or ()) <= MAX_NOTED


def test_two_subscriptions_that_count_alike_share_a_tracker() -> None:
    monthly = MeteredGrant(Decimal(5), soft=False, reset=Reset(ResetInterval.MONTH))
    entry = entry_of(
        (subscription("sub-1"), plan({"calls": monthly})), (subscription("sub-2"), plan({"calls": monthly}))
    )
    assert len(entry.trackers()) == len(entry.trackers("calls")) == 1
    assert entry.trackers("gates") == []


def test_memory_is_bounded_and_the_least_recently_used_leaves_first() -> None:
    memory = Memory(max_customers=2)
    for name in ("a", "b"):
        memory.hold(name).install_unknown()
    assert memory.get("a") is not None
    memory.hold("c").install_unknown()
    assert (memory.customers(), len(memory)) == (["c", "a"], 2)
    assert memory.get("b") is None


def test_an_entry_that_is_being_loaded_decides_nothing_yet() -> None:
    memory = Memory(max_customers=2)
    memory.hold("a")
    assert memory.get("a") is None
    assert memory.peek("a") is None
    assert memory.is_held("a")


def test_a_clock_is_shared_and_never_moves_back() -> None:
    memory = Memory(max_customers=2)
    held = memory.clock(TestClock("t", utc(2026, 2, 2), 5))
    entry = memory.hold("c")
    state = control((subscription(), GATES), clock=TestClock("t", utc(2026, 2, 2), 5))
    entry.install(state, entry.prepare(state), clock=held)
    assert memory.clock(TestClock("t", utc(2026, 2, 1), 4)) is held
    assert entry.now(START) == utc(2026, 2, 2)
    memory.clock(TestClock("t", utc(2026, 3, 1), 6))
    assert entry.now(START) == utc(2026, 3, 1)
    assert memory.customers_on("t") == ["c"]
    assert entry.revisions == (1, 7, 6)


def test_what_billing_has_seen_on_a_customers_clock_it_shows_here_too() -> None:
    # Provisioned at an instant that this machine's clock, or what arrived of the test clock, has not reached.
    later = START + SECOND
    entry = entry_of((subscription(start=later), GATES))
    assert entry.now(START) == later
    assert entry.now(later + SECOND) == later + SECOND
    behind = entry_of((subscription(start=later), GATES), clock=TestClock("t", START, 5))
    assert behind.now(START - SECOND) == later
    # A start that lies ahead is not reached by being planned.
    ahead = entry_of((subscription(start=later, seen=START), GATES))
    assert ahead.now(START) == START
    assert not ahead.has_access(START)


def test_a_newer_description_of_a_feature_is_shown_and_an_older_one_is_not() -> None:
    memory = Memory(max_customers=2)
    install(memory.hold("c"), control((subscription(), GATES)))
    entry = memory.get("c")
    assert entry is not None
    newer, older = metered("gates", "door"), metered("gates", "hole")
    object.__setattr__(newer, "revision", 5)
    memory.describe([newer])
    memory.describe([older])
    assert entry.features["gates"].feature.unit_plural == "doors"


def covered_memory() -> tuple[Memory, Entry, HeldWindow]:
    """Control state is known up to the start + 10 s, usage up to the start + 9 s."""
    memory = Memory(max_customers=2)
    entry = memory.hold("c")
    install(entry, control((subscription(), GATES)))
    memory.control.hear(START + 10 * SECOND)
    memory.watch.hear("p", 1, at=START + 9 * SECOND)
    memory.watch.hear("p", 2, at=START + 12 * SECOND)
    (tracker,) = entry.trackers()
    held = tracker.at(START)
    assert held is not None
    tracker.take_read(window("gates", "0", 0), proven=(), at=START)
    entry.note_read(START, memory.watch.gaps)
    return memory, entry, held


def test_an_answer_is_as_fresh_as_the_older_of_control_state_and_usage() -> None:
    memory, entry, held = covered_memory()
    assert memory.as_of(entry, None) == START + 10 * SECOND
    assert memory.as_of(entry, [held]) == START + 9 * SECOND


def test_after_a_gap_usage_is_as_old_as_what_was_known_before_it() -> None:
    memory, entry, held = covered_memory()
    covered, gaps = memory.watch.coverage, memory.watch.gaps
    memory.watch.hear("p", 9, at=START + 20 * SECOND)
    memory.note_gap(covered, gaps)
    assert memory.as_of(entry, [held]) == START + 9 * SECOND
    entry.note_read(START + 21 * SECOND, memory.watch.gaps)
    assert memory.as_of(entry, [held]) == START + 10 * SECOND


def test_a_change_that_was_heard_of_and_not_read_keeps_an_answer_as_old_as_before_it() -> None:
    memory, entry, _ = covered_memory()
    memory.note_change("c")
    changes = entry.changes
    memory.control.hear(START + 20 * SECOND)
    assert memory.as_of(entry, None) == START + 10 * SECOND
    # Another one while the first is being read.
    memory.note_change("c")
    entry.note_control(changes, covered=START + 15 * SECOND)
    assert memory.as_of(entry, None) == START + 15 * SECOND
    entry.note_control(entry.changes, covered=START + 15 * SECOND)
    assert memory.as_of(entry, None) == START + 20 * SECOND
    # Notices were lost: everybody may have changed.
    memory.suspect_all()
    memory.control.hear(START + 30 * SECOND)
    assert memory.as_of(entry, None) == START + 20 * SECOND


def test_a_window_that_was_never_read_makes_an_answer_as_old_as_the_last_reading() -> None:
    memory, entry, _ = covered_memory()
    assert memory.as_of(entry, [HeldWindow(None, None)]) == START


def test_what_the_owner_was_asked_is_known_without_any_event() -> None:
    memory = Memory(max_customers=2)
    entry = memory.hold("c")
    entry.install_unknown()
    assert memory.as_of(entry, None) is None
    entry.owner_time = START
    assert memory.as_of(entry, None) == START
