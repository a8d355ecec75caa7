"""Whatever the service does about batches, every event ends in exactly one way."""

import threading
from collections import Counter
from typing import cast

from hypothesis import given, settings
from hypothesis import strategies as st

from tollkeeper.client import InvalidRequestError, Retries, TollkeeperError, UnavailableError
from tollkeeper.client.errors import FieldViolation
from tollkeeper.client.metering import Metering, ReportedEvents
from tollkeeper.client.reporter.buffer import Buffer, Waiting
from tollkeeper.client.reporter.sender import Sender
from tollkeeper.metering.v1 import event_pb2
from tollkeeper.metering.v1.event_service_pb2 import ReportEventsRequest

GOOD, BAD, POISON = "good", "bad", "poison"
kinds = st.lists(st.sampled_from([GOOD, GOOD, GOOD, BAD, POISON]), min_size=1, max_size=40)


class Service:
    """Names bad events (at most so many at a time), fails over poison, and is away, or forgets to answer, as told."""

    def __init__(self, fates: list[str], named: int) -> None:
        self.fates = fates
        self.named = named
        self.counted: Counter[str] = Counter()

    def report_messages(self, request: ReportEventsRequest, *, timeout: float) -> ReportedEvents:
        """As metering's client."""
        assert timeout == 1
        fate = self.fates.pop() if self.fates else "answers"
        if fate == "away":
            raise UnavailableError("Away.", code="UNAVAILABLE")
        if fate == "surprises":
            raise ValueError("nobody thought of it")
        names = [event.event_name for event in request.events]
        if BAD in names:
            wrong = [FieldViolation(f"events[{index}].x", "") for index, name in enumerate(names) if name == BAD]
            raise InvalidRequestError("Wrong.", code="INVALID_ARGUMENT", violations=tuple(wrong[: self.named]))
        if POISON in names:
            raise TollkeeperError("Wrong inside.", code="INTERNAL")
        for event in request.events:
            self.counted[event.idempotency_key] += 1
        if fate == "forgets":
            raise UnavailableError("Away.", code="UNAVAILABLE")
        return ReportedEvents(len(names), 0, "")


class Outcomes:
    """What became of each event."""

    def __init__(self) -> None:
        self.sent_keys: list[str] = []
        self.refused_keys: list[str] = []
        self.retries = 0

    def sent(self, events: list[Waiting], reported: ReportedEvents) -> None:
        """As the sender tells."""
        assert reported.new_count == len(events)
        self.sent_keys += [event.message.idempotency_key for event in events]

    def refused(self, event: Waiting, error: TollkeeperError) -> None:
        """As the sender tells."""
        assert all(violation.path for violation in error.violations)
        self.refused_keys.append(event.message.idempotency_key)

    def retried(self) -> None:
        """As the sender tells."""
        self.retries += 1


def waiting(number: int, kind: str) -> Waiting:
    """An event of a kind."""
    return Waiting(event_pb2.Event(event_name=kind, idempotency_key=str(number)), since=0)


@settings(max_examples=200)
@given(kinds, st.lists(st.sampled_from(["away", "forgets", "answers", "surprises"]), max_size=6), st.integers(1, 3))
def test_every_event_is_sent_or_refused_once(batch: list[str], fates: list[str], named: int) -> None:
    service, outcomes = Service(fates.copy(), named), Outcomes()
    sender = Sender(
        cast(Metering, service),
        outcomes,  # type: ignore[arg-type]  # it hears of lists.
        timeout=1,
        retries=Retries(first_pause=0.0, greatest_pause=0.0),
        stop=threading.Event(),
    )
    left = sender.send([waiting(number, kind) for number, kind in enumerate(batch)])
    assert not left
    assert sorted(outcomes.sent_keys + outcomes.refused_keys, key=int) == [str(number) for number in range(len(batch))]
    good = [str(number) for number, kind in enumerate(batch) if kind == GOOD]
    if "surprises" not in fates:
        assert outcomes.sent_keys == good
    assert set(outcomes.sent_keys) <= set(good)
    assert set(outcomes.sent_keys) <= set(service.counted)


@given(kinds)
def test_one_that_is_stopped_gives_back_what_is_open(batch: list[str]) -> None:
    stop, outcomes = threading.Event(), Outcomes()
    stop.set()
    sender = Sender(
        cast(Metering, Service([], 1)),
        outcomes,  # type: ignore[arg-type]  # it hears of lists.
        timeout=1,
        retries=Retries(),
        stop=stop,
    )
    events = [waiting(number, kind) for number, kind in enumerate(batch)]
    assert sender.send(events) == events
    assert not outcomes.sent_keys


@given(st.lists(st.integers(0, 60), max_size=60), st.integers(1, 10), st.integers(20, 200))
def test_batches_are_the_events_in_order_and_within_their_bounds(sizes: list[int], events: int, size: int) -> None:
    buffer = Buffer(10_000, 10**9)
    put = [Waiting(event_pb2.Event(event_name="x" * each), since=0) for each in sizes]
    for event in put:
        buffer.add(event)
    taken: list[Waiting] = []
    while batch := buffer.take(events, size):
        assert len(batch) <= events
        assert len(batch) == 1 or sum(event.size for event in batch) <= size
        taken += batch
        assert buffer.count == len(put) - len(taken) + len(batch)
        buffer.settle(batch)
    assert taken == put
    assert (buffer.count, buffer.size) == (0, 0)


@given(st.lists(st.integers(0, 300), min_size=1, max_size=50))
def test_a_batch_is_as_large_as_its_events_say_or_smaller(sizes: list[int]) -> None:
    events = [event_pb2.Event(event_name="x" * each) for each in sizes]
    whole = ReportEventsRequest(events=events).ByteSize()
    assert whole <= sum(Waiting(event, since=0).size for event in events)
