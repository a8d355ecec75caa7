"""The reporter beside a metering service that comes and goes, forgets to answer, and refuses: every event counts once or is told of."""

import asyncio
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message

from kernel.errors import ErrorKind, FieldViolation, TollkeeperError, invalid
from tests.integration.client.fakes import Fake
from tollkeeper.client import (
    Event,
    ReporterClosedError,
    ReporterFullError,
    Retries,
    Tollkeeper,
    UsageReporter,
    WhenFull,
)
from tollkeeper.client import TollkeeperError as ClientError
from tollkeeper.metering.v1.event_service_pb2 import ReportEventsRequest, ReportEventsResponse

QUICK = Retries(first_pause=0.002, greatest_pause=0.01)
NEVER = 3_600.0


class Meter:
    """Counts events once by their keys, and refuses those of the customer `bad`."""

    def __init__(self, fake: Fake) -> None:
        self.counted: Counter[str] = Counter()
        self.sizes: list[int] = []
        self.instead: list[grpc.StatusCode | TollkeeperError] = []
        self.forgotten = 0
        self.keys: set[tuple[str, str]] = set()
        fake.answers["ReportEvents"] = self.answer

    def answer(self, request: ReportEventsRequest) -> Message | TollkeeperError | grpc.StatusCode:
        """As metering answers."""
        if self.instead:
            return self.instead.pop(0)
        bad = [number for number, event in enumerate(request.events) if event.customer_id == "bad"]
        if bad:
            return invalid(*(FieldViolation(f"events[{number}].timestamp", "must be a time") for number in bad))
        new = 0
        for event in request.events:
            key = (event.customer_id, event.idempotency_key)
            if key not in self.keys:
                self.keys.add(key)
                self.counted[event.event_name] += 1
                new += 1
        self.sizes.append(len(request.events))
        if self.forgotten:
            self.forgotten -= 1
            return grpc.StatusCode.UNAVAILABLE
        return ReportEventsResponse(new_count=new, duplicate_count=len(request.events) - new, token=f"tk1_{new}")


@pytest.fixture
def meter(fake: Fake) -> Meter:
    """What the fake counts."""
    return Meter(fake)


MakeReporter = Callable[..., UsageReporter]


@pytest.fixture
def make(fake: Fake) -> Iterator[MakeReporter]:
    """Makes reporters to the fake."""
    with ExitStack() as stack:

        def made(**how: Any) -> UsageReporter:
            reporter = UsageReporter(fake.address, **{"retries": QUICK, "flush_seconds": NEVER, **how})
            stack.callback(reporter.close, 5)
            return reporter

        yield made


def event(number: int = 0, customer_id: str = "acme", **dimensions: Any) -> Event:
    """Something that happened."""
    return Event("departed", customer_id, {"number": number, **dimensions})


def test_events_are_sent_when_a_batch_is_full(meter: Meter, make: MakeReporter, fake: Fake) -> None:
    reporter = make(flush_events=100)
    for number in range(250):
        reporter.report(event(number))
    assert reporter.flush(10)
    assert meter.sizes == [100, 100, 50]
    statistics = reporter.statistics
    assert (statistics.sent, statistics.waiting, statistics.waiting_bytes, statistics.batches) == (250, 0, 0, 3)
    sent = fake.asked["ReportEvents"][0].events[7]
    assert sent.dimensions["number"].decimal_value == "7"
    assert len(sent.idempotency_key) == 32
    assert abs(sent.timestamp.ToDatetime(UTC) - datetime.now(UTC)).total_seconds() < 10


def test_an_event_that_waits_is_sent_in_time(meter: Meter, make: MakeReporter) -> None:
    reporter = make(flush_seconds=0.02)
    reporter.report(event())
    # Without any flush: its being settled is all that is waited for.
    with reporter._queue._moved:
        assert reporter._queue._moved.wait_for(lambda: meter.counted["departed"] == 1, 10)


def test_batches_keep_the_contracts_bytes(meter: Meter, make: MakeReporter, fake: Fake) -> None:
    sizes = []
    answer = fake.answers["ReportEvents"]

    def weighed(request: ReportEventsRequest) -> Any:
        sizes.append(request.ByteSize())
        return answer(request)

    fake.answers["ReportEvents"] = weighed
    reporter = make(flush_events=5_000, flush_bytes=4 * 1024 * 1024)
    texts = {f"text-{number}": "x" * 1_000 for number in range(20)}
    for number in range(1_000):
        reporter.report(event(number, **texts))
    assert reporter.flush(30)
    assert meter.counted["departed"] == 1_000
    assert max(sizes) <= 4 * 1024 * 1024
    assert len(sizes) == 5


def test_while_the_service_is_away_events_wait(fake: Fake, meter: Meter, make: MakeReporter) -> None:
    fake.stop()
    reporter = make(flush_events=10)
    for number in range(95):
        reporter.report(event(number))
    assert not reporter.flush(0.2)
    assert reporter.statistics.waiting == 95
    fake.start()
    assert reporter.flush(10)
    assert meter.counted["departed"] == 95
    assert reporter.statistics.retries > 0


def test_a_lost_answer_counts_nothing_twice(meter: Meter, make: MakeReporter) -> None:
    meter.forgotten = 2
    reporter = make(flush_events=10)
    for number in range(30):
        reporter.report(event(number))
    assert reporter.flush(10)
    assert meter.counted["departed"] == 30
    assert (reporter.statistics.sent, reporter.statistics.duplicates) == (30, 10)


def test_a_bad_event_harms_no_other(meter: Meter, make: MakeReporter) -> None:
    refused: list[tuple[Event, ClientError]] = []
    reporter = make(on_error=lambda event, error: refused.append((event, error)))
    for number in range(100):
        reporter.report(event(number, "bad" if number % 9 == 4 else "acme"))
    assert reporter.flush(10)
    assert meter.counted["departed"] == 89
    assert meter.sizes == [89]
    assert [one.dimensions["number"] for one, _ in refused] == [Decimal(number) for number in range(4, 100, 9)]
    first = refused[0][1]
    assert [(violation.path, violation.message) for violation in first.violations] == [
        ("events[4].timestamp", "must be a time")
    ]
    assert (reporter.statistics.sent, reporter.statistics.refused, reporter.statistics.waiting) == (89, 11, 0)


def test_a_fault_that_names_no_event_is_searched_for(fake: Fake, meter: Meter, make: MakeReporter) -> None:
    answer = fake.answers["ReportEvents"]

    def poisoned(request: ReportEventsRequest) -> Any:
        if any(one.dimensions["number"].decimal_value == "13" for one in request.events):
            return TollkeeperError(ErrorKind.INTERNAL, "INTERNAL", "Something went wrong inside.")
        return answer(request)

    fake.answers["ReportEvents"] = poisoned
    refused: list[Event] = []
    reporter = make(on_error=lambda event, _: refused.append(event))
    for number in range(20):
        reporter.report(event(number))
    assert reporter.flush(10)
    assert meter.counted["departed"] == 19
    assert [one.dimensions["number"] for one in refused] == [13]


def test_a_wrong_address_loses_nothing(fake: Fake, meter: Meter, make: MakeReporter) -> None:
    meter.instead = [grpc.StatusCode.UNIMPLEMENTED, grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.INTERNAL]
    reporter = make()
    reporter.report(event())
    assert reporter.flush(10)
    assert (meter.counted["departed"], reporter.statistics.retries) == (1, 3)


def test_a_full_reporter_raises_at_once_or_after_a_while(fake: Fake, make: MakeReporter) -> None:
    fake.stop()
    for when_full in (WhenFull.RAISE, WhenFull.BLOCK):
        reporter = make(max_events=3, when_full=when_full, block_seconds=0.01, on_error=lambda *_: None)
        for _ in range(3):
            reporter.report(event())
        with pytest.raises(ReporterFullError, match="There is no room"):
            reporter.report(event())
        assert reporter.statistics.waiting == 3
        reporter.close(0)
    small = make(max_bytes=200, when_full=WhenFull.RAISE, on_error=lambda *_: None)
    small.report(event())
    with pytest.raises(ReporterFullError):
        small.report(event(text="x" * 200))
    small.close(0)


def test_a_blocked_report_goes_on_when_there_is_room(fake: Fake, meter: Meter, make: MakeReporter) -> None:
    fake.stop()
    reporter = make(max_events=10, flush_events=10, block_seconds=20)
    for number in range(10):
        reporter.report(event(number))
    blocked = threading.Thread(target=reporter.report, args=(event(10),))
    blocked.start()
    fake.start()
    blocked.join(15)
    assert not blocked.is_alive()
    assert reporter.flush(10)
    assert meter.counted["departed"] == 11


def test_the_oldest_make_room_and_each_is_told(fake: Fake, meter: Meter, make: MakeReporter) -> None:
    dropped: list[tuple[Event, ClientError]] = []
    reporter = make(max_events=5, when_full=WhenFull.DROP_OLDEST, on_error=lambda *told: dropped.append(told))
    for number in range(12):
        reporter.report(event(number))
    assert reporter.flush(10)
    assert [one.dimensions["number"] for one, _ in dropped] == list(range(7))
    assert all(isinstance(error, ReporterFullError) for _, error in dropped)
    assert meter.counted["departed"] == 5
    assert (reporter.statistics.dropped, reporter.statistics.sent) == (7, 5)


def test_what_cannot_fit_in_drops_nothing(fake: Fake, make: MakeReporter) -> None:
    fake.stop()
    dropped: list[Event] = []
    reporter = make(max_bytes=500, when_full=WhenFull.DROP_OLDEST, on_error=lambda event, _: dropped.append(event))
    reporter.report(event())
    with pytest.raises(ReporterFullError):
        reporter.report(event(text="x" * 600))
    assert not dropped
    assert reporter.statistics.waiting == 1
    reporter.close(0)


async def test_a_flush_waits_for_what_is_under_way_whatever_is_dropped(
    fake: Fake, meter: Meter, make: MakeReporter
) -> None:
    answer, under_way, go_on = fake.answers["ReportEvents"], threading.Event(), threading.Event()

    def slow(request: ReportEventsRequest) -> Any:
        under_way.set()
        go_on.wait(10)
        return answer(request)

    fake.answers["ReportEvents"] = slow
    reporter = make(max_events=4, flush_events=2, when_full=WhenFull.DROP_OLDEST, on_error=lambda *_: None)
    reporter.report(event(0))
    reporter.report(event(1))
    assert under_way.wait(10)
    flushing = asyncio.create_task(reporter.flush_async(20))
    for number in range(2, 20):
        reporter.report(event(number))
    assert reporter.statistics.dropped == 16
    assert not reporter.flush(0.01)
    assert not flushing.done()
    go_on.set()
    assert await flushing
    assert reporter.flush(10)
    assert meter.counted["departed"] == 4


def test_what_is_not_taken_before_the_end_is_told(fake: Fake, make: MakeReporter) -> None:
    fake.stop()
    lost: list[tuple[Event, ClientError]] = []
    reporter = make(flush_events=4, on_error=lambda *told: lost.append(told))
    for number in range(10):
        reporter.report(event(number))
    reporter.close(0.05)
    assert sorted(int(one.dimensions["number"]) for one, _ in lost) == list(range(10))
    assert {error.code for _, error in lost} == {"UNAVAILABLE"}
    assert (reporter.statistics.lost, reporter.statistics.waiting) == (10, 0)
    with pytest.raises(ReporterClosedError):
        reporter.report(event())
    reporter.close()
    assert reporter.statistics.lost == 10


def test_a_callback_that_fails_stops_nothing(meter: Meter, make: MakeReporter) -> None:
    def fails(*_: object) -> None:
        raise ZeroDivisionError

    reporter = make(on_error=fails)
    reporter.report(event(0, "bad"))
    reporter.report(event(1))
    assert reporter.flush(10)
    assert meter.counted["departed"] == 1


def test_what_is_no_event_is_refused_where_it_is_handed_over(make: MakeReporter) -> None:
    reporter = make()
    with pytest.raises(TypeError, match="a dimension is text, a truth value or a number"):
        reporter.report(event(0, wrong=object()))
    with pytest.raises(ValueError, match="needs its time zone"):
        reporter.report(Event("departed", "acme", timestamp=datetime(2026, 1, 1)))  # noqa: DTZ001 - that is the point.
    assert reporter.statistics.waiting == 0
    for wrong in ({"flush_events": 5_001}, {"flush_bytes": 5_000_000}, {"max_events": 0}):
        with pytest.raises(ValueError, match=r"a batch has|there must be room"):
            make(**wrong)


def test_many_threads_hand_over(meter: Meter, make: MakeReporter) -> None:
    reporter = make(flush_events=64, max_events=200, block_seconds=30)

    def work() -> None:
        for number in range(200):
            reporter.report(event(number))

    workers = [threading.Thread(target=work) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert reporter.flush(20)
    assert meter.counted["departed"] == 1_600
    assert len(meter.keys) == 1_600


async def test_other_tasks_go_on_while_one_waits_for_room(fake: Fake, meter: Meter) -> None:
    await asyncio.to_thread(fake.stop)
    async with UsageReporter(fake.address, retries=QUICK, max_events=5, flush_events=5, block_seconds=30) as reporter:
        tasks = [asyncio.create_task(reporter.report_async(event(number))) for number in range(20)]
        done, waiting = await asyncio.wait(tasks, timeout=0.05)
        assert (len(done), len(waiting)) == (5, 15)
        await asyncio.to_thread(fake.start)
        await asyncio.gather(*tasks)
        assert await reporter.flush_async(10)
    assert meter.counted["departed"] == 20


def test_later_answers_include_what_was_sent(fake: Fake, meter: Meter) -> None:
    with Tollkeeper(entitlements=fake.address, metering=fake.address) as tollkeeper:
        with tollkeeper.reporter() as reporter:
            reporter.report(event())
        tollkeeper.entitlements.check("acme", "departures")
        tollkeeper.entitlements.check("other", "departures")
    mine, other = fake.asked["CheckEntitlement"]
    assert list(mine.consistency.at_least_as_fresh.tokens) == ["tk1_1"]
    assert other.consistency.WhichOneof("requirement") is None


PROGRAM = """
import os, sys
from tollkeeper.client import Event, UsageReporter
reporter = UsageReporter(sys.argv[1], flush_seconds=3600)
for number in range(5):
    reporter.report(Event("before", "acme"))
"""
FORKING = """
child = os.fork()
if child:
    reporter.report(Event("parent", "acme"))
    assert os.waitpid(child, 0)[1] == 0
else:
    assert reporter.statistics.waiting == 0
    reporter.report(Event("child", "acme"))
    reporter.close()
    os._exit(0 if reporter.statistics.sent == 1 else 1)
"""


@pytest.mark.parametrize(("more", "counted"), [("", {"before": 5}), (FORKING, {"before": 5, "parent": 1, "child": 1})])
def test_the_end_of_the_process_and_a_fork_lose_nothing(
    fake: Fake, meter: Meter, more: str, counted: dict[str, int]
) -> None:
    program = [sys.executable, "-W", "error", "-c", PROGRAM + more, fake.address]
    environment = {**os.environ, "GRPC_ENABLE_FORK_SUPPORT": "1"}
    ended = subprocess.run(program, env=environment, timeout=60, capture_output=True, check=False, text=True)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert meter.counted == counted
