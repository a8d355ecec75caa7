"""Single flight and gathering: who shares what, who waits how long, and whose fault is whose."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal

import grpc
import pytest

from entitlements.clients.metering import MAX_BATCH, MeteringClient
from entitlements.commands import gather as gathering
from entitlements.commands.gather_reports import GatherReports
from entitlements.commands.shared_runs import SharedRuns
from entitlements.domain.request import Behavior, Enforcement, Outcome, Report, ResolvedReport, Verdict
from entitlements.domain.usage import Tracker
from kernel.errors import ErrorKind, TollkeeperError
from kit import deadline
from kit.errors import RemoteRefusal
from tests.unit.entitlements.build import window


class Work:
    """Work that a test lets end."""

    def __init__(self) -> None:
        self.begun = 0
        self.gates: list[asyncio.Future[None]] = []

    async def __call__(self) -> int:
        """The number of the run."""
        self.begun += 1
        number = self.begun
        gate: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.gates.append(gate)
        await gate
        return number


async def turns() -> None:
    """Lets every task that can run do so."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_who_joins_shares_the_run_and_who_wants_a_fresh_one_waits_for_the_next() -> None:
    runs: SharedRuns[int] = SharedRuns()
    work = Work()
    first = [asyncio.create_task(runs.joined("k", work)) for _ in range(3)]
    await turns()
    later = [asyncio.create_task(runs.fresh("k", work)) for _ in range(3)]
    joining = asyncio.create_task(runs.joined("k", work))
    await turns()
    assert work.begun == 1
    work.gates[0].set_result(None)
    await turns()
    assert work.begun == 2
    work.gates[1].set_result(None)
    assert await asyncio.gather(*first, joining) == [1, 1, 1, 1]
    assert await asyncio.gather(*later) == [2, 2, 2]
    assert (runs._running, runs._waiting) == ({}, {})


async def test_keys_do_not_wait_for_each_other() -> None:
    runs: SharedRuns[int] = SharedRuns()
    work = Work()
    both = [asyncio.create_task(runs.fresh(key, work)) for key in "ab"]
    await turns()
    assert work.begun == 2
    for gate in work.gates:
        gate.set_result(None)
    await asyncio.gather(*both)


async def test_a_fault_reaches_all_who_share_the_run_and_nobody_else() -> None:
    runs: SharedRuns[int] = SharedRuns()

    async def fails() -> int:
        raise LookupError

    outcomes = await asyncio.gather(*(runs.fresh("k", fails) for _ in range(3)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [LookupError] * 3

    async def works() -> int:
        return 7

    assert await runs.fresh("k", works) == 7


async def test_one_callers_short_deadline_does_not_end_the_run_of_the_others() -> None:
    runs: SharedRuns[int] = SharedRuns()
    work = Work()

    async def ask(seconds: float | None) -> int:
        deadline.start(seconds)
        return await runs.joined("k", work)

    hasty = asyncio.create_task(ask(0.01))
    await turns()
    patient = asyncio.create_task(ask(None))
    with pytest.raises(TollkeeperError) as late:
        await hasty
    assert late.value.kind is ErrorKind.UNAVAILABLE
    work.gates[0].set_result(None)
    assert await patient == 1


def resolved(number: int) -> ResolvedReport:
    """A report with a key of its own."""
    report = Report("c", "", "f", Decimal(1), Behavior.DELTA, Enforcement.RECORD, f"key-{number}", None)
    return ResolvedReport(report, datetime(2026, 1, 1, tzinfo=UTC), None, None)


class Metering(MeteringClient):
    """Metering, a fake, because what travels together and what fails must be a test's to say."""

    def __init__(self, answer: Callable[[Sequence[ResolvedReport]], Awaitable[None]]) -> None:
        self.batches: list[int] = []
        self.registered: list[Tracker] = []
        self._answer = answer

    async def report(self, reports: Sequence[ResolvedReport]) -> Sequence[Outcome]:
        """Everything is written."""
        self.batches.append(len(reports))
        await self._answer(reports)
        return [
            Outcome(Verdict.WRITTEN, window("f", report.report.idempotency_key.removeprefix("key-"), 1), Decimal(0))
            for report in reports
        ]

    async def register(self, trackers: Sequence[Tracker]) -> None:
        """Remembers them."""
        self.registered += trackers


async def gathered(gather: GatherReports, count: int) -> list[Outcome | BaseException]:
    """The outcomes of so many reports that are sent at once."""
    sending = asyncio.create_task(gather.run())
    try:
        return await asyncio.gather(*(gather(resolved(number)) for number in range(count)), return_exceptions=True)
    finally:
        sending.cancel()


async def test_what_waits_travels_together_at_most_a_thousand_at_a_time() -> None:
    async def answer(reports: Sequence[ResolvedReport]) -> None:
        await asyncio.sleep(0)

    metering = Metering(answer)
    outcomes = await gathered(GatherReports(metering), 2_500)
    assert metering.batches == [MAX_BATCH, MAX_BATCH, 500]
    assert [outcome.window.value for outcome in outcomes if isinstance(outcome, Outcome)] == list(range(2_500))


async def test_a_batch_that_is_refused_whole_is_sent_one_by_one() -> None:
    async def answer(reports: Sequence[ResolvedReport]) -> None:
        if any(report.report.idempotency_key == "key-1" for report in reports):
            raise RemoteRefusal(grpc.StatusCode.FAILED_PRECONDITION, "SOMETHING", "No.", {})

    metering = Metering(answer)
    outcomes = await gathered(GatherReports(metering), 3)
    assert metering.batches == [3, 1, 1, 1]
    assert [type(outcome) for outcome in outcomes] == [Outcome, RemoteRefusal, Outcome]


async def test_a_tracker_that_metering_lost_is_registered_again() -> None:
    refusals = [RemoteRefusal(grpc.StatusCode.NOT_FOUND, "TRACKER_NOT_FOUND", "No such tracker.", {})]

    async def answer(reports: Sequence[ResolvedReport]) -> None:
        if refusals:
            raise refusals.pop()

    metering = Metering(answer)
    (outcome,) = await gathered(GatherReports(metering), 1)
    assert isinstance(outcome, Outcome)
    assert metering.registered == [Tracker("c", "f", None)]


async def test_metering_away_tells_every_caller_to_repeat_with_the_same_key() -> None:
    async def answer(reports: Sequence[ResolvedReport]) -> None:
        raise TollkeeperError(ErrorKind.UNAVAILABLE, "DEPENDENCY_UNAVAILABLE", "Away.")

    for outcome in await gathered(GatherReports(Metering(answer)), 3):
        assert isinstance(outcome, TollkeeperError)
        assert outcome.kind is ErrorKind.UNAVAILABLE
        assert "same idempotency key" in outcome.message


async def test_a_caller_that_waits_no_longer_does_not_fail_the_others() -> None:
    go = asyncio.Event()

    async def answer(reports: Sequence[ResolvedReport]) -> None:
        await go.wait()

    metering = Metering(answer)
    gather = GatherReports(metering)
    sending = asyncio.create_task(gather.run())

    async def hasty() -> Outcome:
        deadline.start(0.01)
        return await gather(resolved(1))

    patient = asyncio.create_task(gather(resolved(0)))
    with pytest.raises(TollkeeperError) as late:
        await hasty()
    assert late.value.kind is ErrorKind.DEADLINE_EXCEEDED
    assert "same idempotency key" in late.value.message
    # One that left before its report did is not sent at all.
    with pytest.raises(TollkeeperError):
        await hasty()
    go.set()
    assert (await patient).verdict is Verdict.WRITTEN
    await turns()
    assert sum(metering.batches) <= 2
    sending.cancel()


async def test_too_many_that_wait_are_told_to_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "MAX_WAITING", 2)

    async def answer(reports: Sequence[ResolvedReport]) -> None: ...

    gather = GatherReports(Metering(answer))
    waiting = [asyncio.create_task(gather(resolved(number))) for number in range(2)]
    await turns()
    with pytest.raises(TollkeeperError) as refused:
        await gather(resolved(3))
    assert refused.value.reason == "OVERLOADED"
    for task in waiting:
        task.cancel()
