"""Reports that wait travel to metering together, and commit together."""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Final

from entitlements.clients.metering import MAX_BATCH, MeteringClient
from entitlements.clients.refusals import unwell
from entitlements.domain.request import Outcome, ResolvedReport
from entitlements.domain.usage import Tracker
from kernel.errors import ErrorKind, TollkeeperError
from kit import deadline
from kit.errors import RemoteRefusal

# Reports that wait: a hundred times what travels together; whoever comes then is told to come back.
MAX_WAITING: Final = 20_000

_Waiting = tuple[ResolvedReport, "asyncio.Future[Outcome]"]


class GatherReports:
    """Sends what arrived while the call before was under way. Each caller waits on its own deadline."""

    def __init__(self, metering: MeteringClient) -> None:
        self._metering = metering
        self._waiting: deque[_Waiting] = deque()
        self._wake = asyncio.Event()

    async def __call__(self, report: ResolvedReport) -> Outcome:
        """What became of the report.

        Raises:
            TollkeeperError: `DEADLINE_EXCEEDED` or `DEPENDENCY_UNAVAILABLE`: the report may have been written or not, and is to
                be repeated with the same key; `OVERLOADED`: it was not.
        """
        if len(self._waiting) >= MAX_WAITING:
            message = "Too many reports wait for metering. Retry with backoff."
            raise TollkeeperError(ErrorKind.RESOURCE_EXHAUSTED, "OVERLOADED", message)
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting.append((report, future))
        self._wake.set()
        try:
            async with asyncio.timeout(deadline.remaining()):
                return await future
        except TimeoutError:
            message = (
                "Metering did not answer in time: the report may have been written or not. "
                "Repeat it with the same idempotency key."
            )
            raise TollkeeperError(ErrorKind.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED", message) from None

    async def run(self) -> None:
        """Sends until canceled."""
        deadline.start(None)
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                # A caller that left before its report did is not sent.
                batch = [self._waiting.popleft() for _ in range(min(MAX_BATCH, len(self._waiting)))]
                batch = [waiting for waiting in batch if not waiting[1].done()]
                if batch:
                    await self._send(batch)

    async def _send(self, batch: Sequence[_Waiting]) -> None:
        try:
            outcomes = await self._metering.report([report for report, _ in batch])
        except RemoteRefusal as refusal:
            await self._send_one_by_one(batch, refusal)
        except Exception as error:  # noqa: BLE001 - whatever it is, its callers must hear of it.
            for _, future in batch:
                _fail(future, _unknown(error))
        else:
            for (_, future), outcome in zip(batch, outcomes, strict=True):
                if not future.done():
                    future.set_result(outcome)

    async def _send_one_by_one(self, batch: Sequence[_Waiting], refusal: RemoteRefusal) -> None:
        # Refused whole: one report's fault is not another's.
        if len(batch) > 1:
            for waiting in batch:
                await self._send([waiting])
            return
        (report, future), *_ = batch
        if refusal.reason != "TRACKER_NOT_FOUND":
            _fail(future, unwell() if refusal.code.name in {"INTERNAL", "UNKNOWN", "ABORTED"} else refusal)
            return
        try:
            # It was registered when the subscription was stored; metering was set back since.
            series = report.report
            await self._metering.register([Tracker(series.customer_id, series.feature_id, report.recurrence)])
            (outcome,) = await self._metering.report([report])
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller must hear of it.
            _fail(future, _unknown(error))
        else:
            if not future.done():
                future.set_result(outcome)


def _fail(future: "asyncio.Future[Outcome]", error: Exception) -> None:
    if not future.done():
        future.set_exception(error)


def _unknown(error: Exception) -> Exception:
    if not isinstance(error, TollkeeperError):
        return error
    message = (
        "Metering cannot be reached: the report may have been written or not. Repeat it with the same idempotency key."
    )
    return TollkeeperError(ErrorKind.UNAVAILABLE, "DEPENDENCY_UNAVAILABLE", message)
