"""The projection beside a service that the test speaks for: what arrives, what passes by itself, what is lost and found again."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from kit.proto import timestamp_to_proto
from tests.integration.client.fakes import Fake, Stream
from tests.integration.client.told import NOON, Clock, changes, gates, state, switch
from tollkeeper.client import Decision, EntitlementsProjection, Fallback, Reason, Retries, Tollkeeper
from tollkeeper.entitlements.v1 import entitlements_service_pb2 as pb
from tollkeeper.entitlements.v1.decision_pb2 import DECISION_REASON_CUSTOMER_UNKNOWN
from tollkeeper.entitlements.v1.entitlements_service_pb2 import WatchFailure
from tollkeeper.entitlements.v1.watched_entitlement_pb2 import WatchedEntitlement, WatchHeartbeat

QUICK = Retries(first_pause=0.005, greatest_pause=0.01)
MakeProjection = Callable[..., EntitlementsProjection]


@pytest.fixture
def clock() -> Clock:
    """What time it is."""
    return Clock()


@pytest.fixture
def make(fake: Fake, clock: Clock) -> Iterator[MakeProjection]:
    """Makes projections that are fed by the fake."""
    with ExitStack() as stack:

        def made(**how: object) -> EntitlementsProjection:
            projection = EntitlementsProjection(fake.address, clock=clock, retries=QUICK, **how)  # type: ignore[arg-type]  # as it takes them.
            stack.callback(projection.close)
            return projection

        yield made


class Seen:
    """Waits for what a projection answers, awakened by its listener."""

    def __init__(self) -> None:
        self._moved = threading.Condition()
        self.changes: list[tuple[str, tuple[str, ...]]] = []
        self.connections: list[bool] = []

    def on_change(self, customer_id: str, features: tuple[str, ...]) -> None:
        """As the projection calls it."""
        with self._moved:
            self.changes.append((customer_id, features))
            self._moved.notify_all()

    def on_connection(self, alive: bool) -> None:  # noqa: FBT001 - as the projection calls it.
        """As the projection calls it."""
        with self._moved:
            self.connections.append(alive)
            self._moved.notify_all()

    def until(self, is_true: Callable[[], bool]) -> None:
        """Waits until it is true; looked at again with everything that is heard, and every few milliseconds for heartbeats."""
        with self._moved:
            for _ in range(2_000):
                if is_true():
                    return
                self._moved.wait(0.005)
        pytest.fail("it never came true")


def known(projection: EntitlementsProjection, stream: Stream, *entitlements: WatchedEntitlement) -> None:
    """Tells the state of acme, and waits until it is there."""
    stream.tell(customer=state(*entitlements))
    assert projection.watch("acme", timeout=10)


def asked_for(stream: Stream) -> list[tuple[str, str]]:
    """The customers that the next request adds, with the versions that are known."""
    return [(added.customer_id, added.known_version) for added in stream.asked().add]


def test_the_first_check_watches_and_the_fallback_answers_until_the_state_is_there(
    fake: Fake, make: MakeProjection
) -> None:
    projection = make(fallbacks={"night-flights": Fallback(granted=True)})
    refused = projection.check("acme", "gates")
    assert (refused.granted, refused.reason, refused.is_fallback) == (False, Reason.NOT_KNOWN, True)
    assert projection.check("acme", "night-flights").granted
    assert projection.age("acme") is None
    stream = fake.opened()
    assert asked_for(stream) == [("acme", "")]
    known(projection, stream, gates(), switch())
    granted = projection.check("acme", "gates")
    assert (granted.reason, granted.limit, granted.usage, granted.remaining) == (
        Reason.WITHIN_LIMIT,
        Decimal(3),
        Decimal(2),
        Decimal(1),
    )
    assert granted.explanation == "2 of 3 gates are used; 1 more stays within the limit."
    assert granted.as_of == NOON
    assert projection.check("acme", "gates") is granted
    too_many = projection.check("acme", "gates", requested_usage=2)
    assert (too_many.granted, too_many.reason) == (False, Reason.LIMIT_EXCEEDED)
    assert projection.check("acme", "lounges").reason is Reason.FEATURE_NOT_INCLUDED
    assert projection.check("acme", "night-flights").reason is Reason.INCLUDED


def test_changes_are_in_the_next_check(fake: Fake, make: MakeProjection) -> None:
    seen = Seen()
    projection = make(on_change=seen.on_change, on_connection=seen.on_connection)
    projection.watch("acme")
    stream = fake.opened()
    known(projection, stream, gates(), switch())
    assert projection.check("acme", "gates").granted
    stream.tell(changes=changes(gates("3"), removed=("night-flights",)))
    seen.until(lambda: not projection.check("acme", "gates").granted)
    assert projection.check("acme", "night-flights").reason is Reason.FEATURE_NOT_INCLUDED
    assert seen.changes == [("acme", ("gates", "night-flights")), ("acme", ("gates", "night-flights"))]
    assert seen.connections == [True]


def test_a_customer_that_nobody_has_is_known_to_be_none(fake: Fake, make: MakeProjection) -> None:
    projection = make()
    projection.watch("nobody")
    fake.opened().tell(customer=state(customer_id="nobody", absent=DECISION_REASON_CUSTOMER_UNKNOWN))
    assert projection.watch("nobody", timeout=10)
    decision = projection.check("nobody", "gates")
    assert (decision.reason, decision.explanation) == (Reason.CUSTOMER_UNKNOWN, "No customer has the id nobody.")


def test_boundaries_pass_by_this_machines_clock(fake: Fake, make: MakeProjection, clock: Clock) -> None:
    projection = make()
    projection.watch("acme")
    reset, end = NOON + timedelta(seconds=10), NOON + timedelta(seconds=20)
    stream = fake.opened()
    known(projection, stream, gates("3", start=NOON - timedelta(days=1), end=reset), switch(end=end))
    clock.time = reset - timedelta(milliseconds=1)
    full = projection.check("acme", "gates")
    assert (full.granted, full.next_reset_time) == (False, reset)
    assert projection.check("acme", "night-flights").granted
    clock.time = reset
    anew = projection.check("acme", "gates")
    assert (anew.granted, anew.usage, anew.next_reset_time) == (True, Decimal(0), None)
    assert anew.usage_period is not None
    assert (anew.usage_period.start, anew.usage_period.end) == (reset, None)
    clock.time = end - timedelta(milliseconds=1)
    assert projection.check("acme", "night-flights").granted
    clock.time = end
    assert projection.check("acme", "night-flights").reason is Reason.FEATURE_NOT_INCLUDED


def test_when_everything_has_ended_there_is_no_subscription(fake: Fake, make: MakeProjection, clock: Clock) -> None:
    projection = make()
    projection.watch("acme")
    known(projection, fake.opened(), switch(end=NOON + timedelta(seconds=1)))
    clock.pass_by(seconds=1)
    for feature in ("night-flights", "gates"):
        assert projection.check("acme", feature).reason is Reason.NO_ACTIVE_SUBSCRIPTION


def test_by_a_test_clock_boundaries_pass_only_by_messages(fake: Fake, make: MakeProjection, clock: Clock) -> None:
    projection = make(fallback=Fallback(max_age=None))
    projection.watch("acme")
    new_year = datetime(2013, 1, 1, tzinfo=UTC)
    told = state(gates("3", start=new_year, end=new_year + timedelta(days=1)), test_clock=True)
    told.time.CopyFrom(timestamp_to_proto(new_year))
    fake.opened().tell(customer=told)
    assert projection.watch("acme", timeout=10)
    clock.pass_by(days=400)
    assert projection.check("acme", "gates").reason is Reason.LIMIT_EXCEEDED


def test_own_reports_are_in_the_next_check(fake: Fake, clock: Clock) -> None:
    with Tollkeeper(entitlements=fake.address) as tollkeeper, tollkeeper.projection() as projection:
        projection._clock = clock
        projection.watch("acme")
        stream = fake.opened()
        month = gates("2", start=NOON - timedelta(days=1), end=NOON + timedelta(days=1))
        known(projection, stream, month)
        assert projection.check("acme", "gates").granted
        period = month.holdings[0].usage_period
        fake.answers["ReportUsage"] = lambda _: pb.ReportUsageResponse(written=True, usage="3", usage_period=period)
        tollkeeper.entitlements.report_usage("acme", "gates", 1)
        full = projection.check("acme", "gates")
        assert (full.granted, full.usage) == (False, Decimal(3))

        # What the stream says of before does not undo it; what it says of later does.
        stream.tell(changes=changes(switch(), as_of=NOON - timedelta(seconds=1)))
        assert projection.watch("acme")
        Seen().until(lambda: projection.check("acme", "night-flights").granted)
        assert projection.check("acme", "gates").usage == Decimal(3)
        stream.tell(heartbeat=WatchHeartbeat(as_of=timestamp_to_proto(NOON + timedelta(seconds=1))))
        Seen().until(lambda: projection.check("acme", "gates").usage == Decimal(2))


def test_freshness_is_known_and_a_fallback_takes_over(fake: Fake, make: MakeProjection, clock: Clock) -> None:
    patient, generous = Fallback(max_age=None), Fallback(granted=True, max_age=timedelta(seconds=30))
    projection = make(fallback=Fallback(max_age=timedelta(minutes=1)), fallbacks={"a": generous, "b": patient})
    projection.watch("acme")
    stream = fake.opened()
    known(projection, stream, gates(), switch("a"), switch("b"))
    assert projection.age("acme") == timedelta(0)
    clock.pass_by(seconds=59)
    assert projection.age("acme") == timedelta(seconds=59)
    assert projection.check("acme", "gates").as_of == NOON
    assert projection.check("acme", "gates").granted
    assert projection.check("acme", "a").reason is Reason.TOO_OLD
    clock.pass_by(seconds=1)
    old = projection.check("acme", "gates")
    assert (old.granted, old.reason, old.as_of) == (False, Reason.TOO_OLD, NOON)
    assert projection.check("acme", "a").granted
    assert projection.check("acme", "b").reason is Reason.INCLUDED
    later = NOON + timedelta(seconds=60)
    stream.tell(heartbeat=WatchHeartbeat(as_of=timestamp_to_proto(later)))
    Seen().until(lambda: projection.check("acme", "gates").granted)
    assert projection.check("acme", "gates").as_of == later
    assert projection.age("acme") == timedelta(0)


def test_an_age_is_never_younger_than_the_news(fake: Fake, make: MakeProjection, clock: Clock) -> None:
    """The service's clock is ahead of this machine's: what it says of the future is as old as its arrival."""
    projection = make()
    projection.watch("acme")
    fake.opened().tell(customer=state(gates(), as_of=NOON + timedelta(hours=1)))
    assert projection.watch("acme", timeout=10)
    clock.pass_by(minutes=2)
    assert projection.age("acme") == timedelta(minutes=2)


def test_a_failing_customer_is_not_covered_by_heartbeats(fake: Fake, make: MakeProjection, clock: Clock) -> None:
    projection = make(on_change=None)
    projection.watch("acme", "other")
    stream = fake.opened()
    stream.tell(customer=state(customer_id="other"))
    known(projection, stream, gates())
    stream.tell(failure=WatchFailure(customer_id="acme", reason="DEPENDENCY_UNAVAILABLE"))
    clock.pass_by(seconds=10)
    stream.tell(heartbeat=WatchHeartbeat(as_of=timestamp_to_proto(clock.time)))
    Seen().until(lambda: projection.age("other") == timedelta(0))
    assert projection.age("acme") == timedelta(seconds=10)
    assert projection.check("acme", "gates").granted
    stream.tell(changes=changes(version="v1", as_of=clock.time))
    Seen().until(lambda: projection.age("acme") == timedelta(0))


def test_a_lost_stream_is_resumed_by_version(fake: Fake, make: MakeProjection, clock: Clock) -> None:
    seen = Seen()
    projection = make(on_connection=seen.on_connection)
    projection.watch("acme", "other")
    stream = fake.opened()
    stream.tell(customer=state(customer_id="other", version="o1"))
    known(projection, stream, gates())
    stream.tell(changes=changes(gates("3"), version="v2"))
    Seen().until(lambda: not projection.check("acme", "gates").granted)
    stream.end()
    second = fake.opened()
    assert sorted(asked_for(second)) == [("acme", "v2"), ("other", "o1")]
    assert projection.check("acme", "gates").reason is Reason.LIMIT_EXCEEDED

    # A heartbeat covers only those that this stream has spoken of.
    clock.pass_by(seconds=5)
    second.tell(changes=changes(customer_id="other", version="o1", as_of=NOON))
    second.tell(heartbeat=WatchHeartbeat(as_of=timestamp_to_proto(clock.time)))
    Seen().until(lambda: projection.age("other") == timedelta(0))
    assert projection.age("acme") == timedelta(seconds=5)
    second.tell(changes=changes(version="v2", as_of=clock.time))
    Seen().until(lambda: projection.age("acme") == timedelta(0))
    assert projection.check("acme", "gates").usage == Decimal(3)
    assert seen.connections[:3] == [True, False, True]


def test_it_goes_on_while_the_service_is_away(fake: Fake, make: MakeProjection) -> None:
    projection = make()
    projection.watch("acme")
    known(projection, fake.opened(), gates())
    fake.stop()
    Seen().until(lambda: not projection.connected)
    assert projection.check("acme", "gates").granted
    projection.check("new", "gates")
    fake.start()
    assert sorted(asked_for(fake.opened())) == [("acme", "v1"), ("new", "")]


def test_a_silent_stream_is_given_up(fake: Fake, make: MakeProjection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tollkeeper.client.projection.watch.SILENCE_SECONDS", 0.2)
    monkeypatch.setattr("tollkeeper.client.projection.watch._LOOK_SECONDS", 0.05)
    projection = make()
    projection.watch("acme")
    known(projection, fake.opened(), gates())
    assert asked_for(fake.opened()) == [("acme", "v1")]


def test_the_least_recently_used_go_first(fake: Fake, make: MakeProjection, clock: Clock) -> None:
    projection = make(max_customers=3)
    for customer_id in ("a", "b", "c"):
        projection.watch(customer_id)
    stream = fake.opened()
    for customer_id in ("a", "b", "c"):
        stream.tell(customer=state(gates(), customer_id=customer_id))
    assert projection.watch("a", "b", "c", timeout=10)
    clock.pass_by(seconds=2)
    assert projection.check("a", "gates").granted
    projection.check("d", "gates")
    assert projection.customer_count == 3
    assert projection.check("a", "gates").granted
    assert projection.check("c", "gates").granted
    added, removed = [], []
    while "d" not in added:
        request = stream.asked()
        added += [customer.customer_id for customer in request.add]
        removed += list(request.remove_customer_ids)
    assert removed == ["b"]
    # What was on the way for it is nobody's; asked about again, it is a stranger.
    stream.tell(changes=changes(gates("1"), customer_id="b"))
    assert projection.check("b", "gates").reason is Reason.NOT_KNOWN


def test_many_customers_are_asked_for_a_thousand_at_a_time(fake: Fake, make: MakeProjection) -> None:
    projection = make(customer_ids=[f"customer-{number}" for number in range(2_500)])
    projection.watch()
    stream = fake.opened()
    assert [len(stream.asked().add) for _ in range(3)] == [1_000, 1_000, 500]
    with pytest.raises(ValueError, match="holds 1 to 10,000 customers"):
        make(max_customers=10_001)


def test_what_is_no_id_is_nobody_and_ends_no_stream(fake: Fake, make: MakeProjection) -> None:
    projection = make(customer_ids=["", "acme"])
    for wrong in ("", "a b", "é", "x" * 129, "a\n"):
        assert projection.check(wrong, "gates").reason is Reason.CUSTOMER_UNKNOWN
        assert projection.watch(wrong)
    assert asked_for(fake.opened()) == [("acme", "")]
    assert projection.customer_count == 1


def test_a_request_is_an_exact_number_of_at_least_zero(fake: Fake, make: MakeProjection) -> None:
    projection = make()
    for wrong in (0.5, True, "1"):
        with pytest.raises(TypeError, match="a Decimal or an int"):
            projection.check("acme", "gates", requested_usage=wrong)  # type: ignore[arg-type]  # that is the point.
    for number in (-1, Decimal("NaN"), Decimal("Infinity")):
        with pytest.raises(ValueError, match="at least 0"):
            projection.check("acme", "gates", requested_usage=number)


FORKING = """
import os, sys
from datetime import timedelta
from tollkeeper.client import EntitlementsProjection, Fallback
projection = EntitlementsProjection(sys.argv[1], fallback=Fallback(max_age=None))
if not projection.watch("acme", timeout=10): sys.exit("never known")
if not projection.check("acme", "gates").granted: sys.exit("not granted")
child = os.fork()
if child:
    sys.exit(os.waitpid(child, 0)[1])
if not projection.check("acme", "gates").granted: os._exit(1)
os._exit(0 if projection.watch("child", timeout=10) else 2)
"""


def test_a_child_begins_with_what_its_parent_knew_and_a_stream_of_its_own(fake: Fake) -> None:
    environment = {**os.environ, "GRPC_ENABLE_FORK_SUPPORT": "1"}
    program = [sys.executable, "-W", "error", "-c", FORKING, fake.address]
    with subprocess.Popen(program, env=environment, stderr=subprocess.PIPE, text=True) as process:
        parent = fake.opened()
        assert asked_for(parent) == [("acme", "")]
        parent.tell(customer=state(gates()))
        child = fake.opened()
        asked = asked_for(child)
        asked += asked_for(child) if len(asked) == 1 else []
        assert asked == [("acme", "v1"), ("child", "")]
        child.tell(customer=state(gates(), customer_id="child"))
        _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (0, "")


def test_names_without_end_cost_no_memory(fake: Fake, make: MakeProjection) -> None:
    projection = make()
    projection.watch("acme")
    known(projection, fake.opened(), gates())
    for number in range(1_000):
        assert projection.check("acme", f"made-up-{number}").reason is Reason.FEATURE_NOT_INCLUDED
    projection.check("acme", "gates")
    assert {feature for answers in projection._answers.values() for feature in answers} == {"gates"}


async def test_checks_from_threads_and_tasks_while_states_change(fake: Fake, make: MakeProjection) -> None:
    """Every answer is of one state: never a usage of one and a limit of another."""
    projection = make()
    projection.watch("acme")
    stream = fake.opened()
    known(projection, stream, gates("0", limit="1"))
    stop, wrong = threading.Event(), list[Decision]()

    def look() -> None:
        while not stop.is_set():
            decision = projection.check("acme", "gates")
            if decision.usage is None or decision.limit != decision.usage + 1:
                wrong.append(decision)

    lookers = [threading.Thread(target=look) for _ in range(2)]
    for looker in lookers:
        looker.start()
    for number in range(1, 50):
        stream.tell(changes=changes(gates(str(number), limit=str(number + 1)), version=f"v{number}"))
    Seen().until(lambda: projection.check("acme", "gates").usage == 49)
    stop.set()
    for looker in lookers:
        looker.join()
    assert not wrong
    assert await projection.watch_async("acme", timeout=1)
    assert not await projection.watch_async("stranger", timeout=0.01)
