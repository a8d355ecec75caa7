"""An answer that is given again is the one that would be made anew, whatever happened in between."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

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
from entitlements.messages.shown import decision_to_bytes
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


class RandomWorld:
    """One customer to whom things happen."""

    def __init__(self, memory: Memory | None = None, customer_id: str = "c") -> None:
        self.memory = memory or Memory(max_customers=2)
        self.entry = self.memory.hold(customer_id)
        self.now: datetime = START
        self.revision = 0
        self.gates, self.end, self.second = 1, 5, False
        self.scheduled: Scheduled | None = None
        self.install()

    def install(self) -> None:
        """Makes what was agreed what decides."""
        ends = START + self.end * DAY
        gates = {"gates": str(self.gates)}
        held = subscription(commitments=gates, access_end=ends, scheduled=self.scheduled, seen=START - DAY)
        more = [subscription("sub-2", plan_id="other")] if self.second else []
        install(self.entry, offered([held, *more], PLAN, LATER, OTHER))

    def step(self, what: str, one: int, other: int) -> None:
        """Something happens."""
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
                self.memory.describe([replace(FEATURES["gates"], unit_plural=f"doors-{one}", revision=one)])

    def read(self, tracker: HeldTracker, start: datetime, usage: int) -> None:
        """A window is read."""
        is_endless = tracker.recurrence is None
        read = window(
            tracker.feature_id,
            str(usage),
            self.revision,
            start=None if is_endless else start,
            end=None if is_endless else start + DAY,
        )
        tracker.take_read(read, proven=[self.revision], at=self.now)


def shown(world: RandomWorld, feature_id: str) -> bytes:
    """The answer to a bare check as it would be made anew; from now on it may be given again."""
    feature = FEATURES[feature_id]
    decision = world.entry.decide(feature_id, feature, requested=ONE, values=(), now=world.now)
    answer = decision_to_bytes(decision)
    world.memory.remember(world.entry, feature_id, shown=answer, now=world.now)
    return answer


@given(steps)
def test_what_is_given_again_is_what_would_be_made_anew(happens: list[tuple[str, int, int]]) -> None:
    world = RandomWorld()
    for step in happens:
        world.step(*step)
        for feature_id in FEATURES:
            held = world.entry.features.get(feature_id)
            again = None if held is None else held.prepared
            if held is not None and again is not None and again.holds(held.feature, world.now):
                assert again.shown == shown(world, feature_id)
            else:
                shown(world, feature_id)


@given(steps)
def test_most_answers_are_given_again(happens: list[tuple[str, int, int]]) -> None:
    world = RandomWorld()
    for step in happens:
        world.step(*step)
    for feature_id in FEATURES:
        shown(world, feature_id)
        held = world.entry.features.get(feature_id)
        if held is None or len(held.live(world.now)) != 1:
            continue
        windows = [tracker.at(world.now) for tracker in held.trackers()]
        if all(window is None or window.is_known for window in windows):
            assert held.prepared is not None
            assert held.prepared.holds(held.feature, world.now)
