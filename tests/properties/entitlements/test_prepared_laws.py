"""An answer that is given again is the one that would be made anew, whatever happened in between."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from entitlements.domain.decision import Decision
from entitlements.domain.entry import Entry
from entitlements.domain.memory import Memory
from entitlements.domain.plan import (
    BooleanGrant,
    CommittedGrant,
    EnumGrant,
    MeteredGrant,
    NumericGrant,
    Reset,
    ResetInterval,
)
from entitlements.domain.subscription import Scheduled
from entitlements.domain.usage import HeldTracker
from tests.unit.entitlements.build import FEATURES, START, install, offered, plan, subscription, terms, window

DAY = timedelta(days=1)
DAILY = Reset(ResetInterval.DAY)
PLAN = plan(
    {
        "calls": MeteredGrant(Decimal(5), soft=False, reset=DAILY),
        "miles": MeteredGrant(Decimal(5), soft=True, reset=DAILY),
        "gates": CommittedGrant(Decimal(1), None),
        "nights": BooleanGrant(),
        "airports": EnumGrant(("JFK",)),
        "history": NumericGrant(Decimal(30)),
    }
)
OTHER = plan({"calls": MeteredGrant(Decimal(2), soft=False, reset=None)}, "other")
ONE = Decimal(1)

BILLED = Reset(ResetInterval.BILLING_PERIOD)
LATER = plan(
    {
        "calls": MeteredGrant(Decimal(3), soft=False, reset=DAILY),
        "miles": MeteredGrant(Decimal(5), soft=True, reset=BILLED),
        "gates": CommittedGrant(Decimal(2), None),
    },
    version=2,
)

# What may happen: a window changes, time jumps, the commitment changes, a second subscription comes or goes, words change, a
# change of plan is scheduled for a day, or none.
steps = st.lists(
    st.one_of(
        st.tuples(st.just("window"), st.integers(0, 4), st.integers(0, 8)),
        st.tuples(st.just("jump"), st.integers(0, 4), st.just(0)),
        st.tuples(st.just("commit"), st.integers(1, 4), st.integers(0, 5)),
        st.tuples(st.just("second"), st.integers(0, 1), st.just(0)),
        st.tuples(st.just("schedule"), st.integers(0, 4), st.integers(0, 4)),
        st.tuples(st.just("describe"), st.integers(1, 9), st.just(0)),
        st.tuples(st.just("read"), st.integers(0, 4), st.integers(0, 8)),
    ),
    max_size=25,
)


class _World:
    def __init__(self) -> None:
        self.memory = Memory(max_customers=2)
        self.entry = self.memory.hold("c")
        self.now: datetime = START
        self.revision = 0
        self.gates, self.end, self.second = 1, 5, False
        self.scheduled: Scheduled | None = None
        self.install()

    def install(self) -> None:
        ends = START + self.end * DAY
        gates = {"gates": str(self.gates)}
        held = subscription(commitments=gates, access_end=ends, scheduled=self.scheduled, seen=START - DAY)
        more = [subscription("sub-2", plan_id="other")] if self.second else []
        install(self.entry, offered([held, *more], PLAN, LATER, OTHER))

    def step(self, what: str, one: int, other: int) -> None:
        self.revision += 1
        start = START + one * DAY
        match what:
            case "window":
                for name in ("calls", "miles"):
                    self.entry.apply(window(name, str(other), self.revision, start=start, end=start + DAY))
                self.entry.apply(window("gates", str(other), self.revision))
            case "read":
                for tracker in self.entry.trackers():
                    self.read(tracker, start, other)
            case "jump":
                self.now = start
            case "commit":
                self.gates, self.end = one, other
                self.install()
            case "schedule":
                # On day 0 nothing; from then on in periods that begin on the other day.
                anchored = terms(version=2, anchor=START + other * DAY)
                self.scheduled = Scheduled(start, anchored) if one else None
                self.install()
            case "second":
                self.second = bool(one)
                self.install()
            case _:
                self.memory.describe(replace(FEATURES["gates"], unit_plural=f"doors-{one}", revision=one))

    def read(self, tracker: HeldTracker, start: datetime, usage: int) -> None:
        is_endless = tracker.tracker.recurrence is None
        read = window(
            tracker.tracker.feature_id,
            str(usage),
            self.revision,
            start=None if is_endless else start,
            end=None if is_endless else start + DAY,
        )
        tracker.take_read(read, proven=[self.revision], at=self.now)


def decided(entry: Entry, feature_id: str, now: datetime) -> Decision:
    """Without what is only remembered."""
    decision = entry.decide(feature_id, FEATURES[feature_id], requested=ONE, values=(), now=now)
    return replace(decision, as_of=None, message=None)


@given(steps)
def test_what_is_given_again_is_what_would_be_made_anew(happens: list[tuple[str, int, int]]) -> None:
    world = _World()
    for step in happens:
        world.step(*step)
        for feature_id in FEATURES:
            again = decided(world.entry, feature_id, world.now)
            held = world.entry.features.get(feature_id)
            if held is not None:
                held.prepared = None
            assert again == decided(world.entry, feature_id, world.now)
