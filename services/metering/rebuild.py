"""``python -m metering rebuild``: compares windows with the raw events and measurements they count, and puts right what differs."""

import asyncio
import sys
import time
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import TypeVar

from kernel.errors import TollkeeperError
from kernel.ids import check_id
from kernel.period import Period, check_time
from kernel.quantity import format_decimal
from kit import broker
from kit.db import Database
from kit.settings import StartError
from metering.commands.announce_crossings import AnnounceCrossings
from metering.commands.publish_frames import PublishFrames
from metering.commands.rebuild import Publish, Rebuild
from metering.domain.rebuild import Progress, Scope, Wrong
from metering.settings import MeteringSettings

# The exit status of --dry-run where windows differ; 1 is what could not be done, and 2 what could not be understood.
DIFFERS = 3
# How often a line of progress is written.
LINE_SECONDS = 2.0
# One for looking, one for repairing; the service beside needs the rest.
POOL_SIZE = 2
# So long the broker is waited for, which tells replicas of what is repaired.
BROKER_SECONDS = 10

T = TypeVar("T")


def arguments(words: Sequence[str]) -> Namespace:
    """The words after the command. Ends the process with status 2, or 0 for --help."""
    parser = ArgumentParser(
        "python -m metering rebuild",
        description="Compares windows of usage with the raw events and measurements that they count, and puts right what differs. "
        "Safe beside running services.",
        epilog="Status 0: every window is right now. 1: it could not be done. 2: the command was not understood. "
        "3: with --dry-run, windows differ.",
    )
    parser.add_argument("--customer", type=_refused(_id), metavar="ID", help="only this customer")
    parser.add_argument("--feature", type=_refused(_id), metavar="ID", help="only this feature")
    parser.add_argument(
        "--start",
        type=_refused(_time),
        metavar="TIME",
        help="only windows that reach beyond this time: 2013-02-01 or 2013-02-01T05:00:00Z",
    )
    parser.add_argument("--end", type=_refused(_time), metavar="TIME", help="only windows that begin before this time")
    parser.add_argument("--dry-run", action="store_true", help="only say what differs")
    parsed = parser.parse_args(words)
    if parsed.start is not None and parsed.end is not None and parsed.end <= parsed.start:
        parser.error("--end must be after --start")
    return parsed


def run(settings: MeteringSettings, parsed: Namespace) -> int:
    """Rebuilds, and gives the exit status.

    Raises:
        StartError: The database or the broker is away.
    """
    try:
        return asyncio.run(_run(settings, parsed))
    except KeyboardInterrupt:
        raise StartError("interrupted; what was put right stays, and the same command goes on from there.") from None


async def _run(settings: MeteringSettings, parsed: Namespace) -> int:
    scope = Scope(parsed.customer or "", parsed.feature or "", parsed.start, parsed.end)
    repair = not parsed.dry_run
    teller = Teller(sys.stdout.write, sys.stderr.write)
    database = Database(settings.database_url, pool_size=POOL_SIZE)
    try:
        async with _publishing(settings.nats_url) if repair else _silent() as publish:
            progress = await Rebuild(database, publish, announce=AnnounceCrossings())(
                scope, repair=repair, watch=teller.watch
            )
    finally:
        await database.close()
    teller.conclude(progress, repaired=repair)
    return DIFFERS if progress.differing and not repair else 0


@asynccontextmanager
async def _publishing(nats_url: str) -> AsyncIterator[Publish]:
    """Tells replicas of entitlements what changes, as a serving process does."""
    try:
        async with asyncio.timeout(BROKER_SECONDS):
            nats = await broker.connect(nats_url, "metering-rebuild")
    except TimeoutError:
        raise StartError(
            "NATS cannot be reached, and replicas would not hear of what changes.\nCheck TOLLKEEPER_NATS_URL, or use --dry-run."
        ) from None
    frames = PublishFrames(nats)
    publishing = asyncio.create_task(frames.run())
    try:
        yield frames.changed
    finally:
        publishing.cancel()
        with suppress(asyncio.CancelledError):
            await publishing
        await nats.close()


@asynccontextmanager
async def _silent() -> AsyncIterator[Publish]:
    yield lambda _: None


class Teller:
    """Says how far it is, a line at a time, and lists what differs."""

    def __init__(self, out: Callable[[str], object], progress: Callable[[str], object]) -> None:
        """`out` takes what was found, `progress` how far it is."""
        self._out = out
        self._progress = progress
        self._listed = 0
        self._next = time.monotonic() + LINE_SECONDS

    async def watch(self, progress: Progress) -> None:
        """Called often; writes seldom."""
        self._list(progress)
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + LINE_SECONDS
            self._progress(
                f"{progress.series:,} of {progress.series_total:,} series; {progress.windows:,} windows compared, "
                f"{_differ(progress.differing)}\n"
            )

    def conclude(self, progress: Progress, *, repaired: bool) -> None:
        """The last words."""
        self._list(progress)
        if progress.differing > len(progress.listed):
            self._out(f"… and {progress.differing - len(progress.listed):,} more.\n")
        outcome = f", {progress.repaired:,} put right" if repaired and progress.differing else ""
        compared = f"{progress.series:,} series, {progress.windows:,} windows compared"
        self._out(f"{compared}: {_differ(progress.differing)}{outcome}.\n")
        if progress.left_alone:
            self._out(
                f"{progress.left_alone:,} windows begin before the raw events that are kept, and were left alone.\n"
            )

    def _list(self, progress: Progress) -> None:
        for wrong in progress.listed[self._listed :]:
            self._out(_line(wrong))
        self._listed = len(progress.listed)


def _differ(count: int) -> str:
    return "1 differs" if count == 1 else f"{count:,} differ"


def _line(wrong: Wrong) -> str:
    tracker, span = wrong.place
    customer_id, resource_id, feature_id = tracker.series
    whose = f"{customer_id}, {resource_id}" if resource_id else customer_id
    holds, right = format_decimal(wrong.value), format_decimal(wrong.right)
    said = (
        f"holds {holds} instead of {right}" if holds != right else f"holds {holds} rightly, but made of something else"
    )
    return f"{whose}, {feature_id}, {_when(span)}: {said}\n"


def _when(span: Period | None) -> str:
    return "all time" if span is None else f"{span.start:%Y-%m-%dT%H:%M:%SZ} to {span.end:%Y-%m-%dT%H:%M:%SZ}"


def _refused(read: Callable[[str], T]) -> Callable[[str], T]:
    """The same for argparse, which shows the sentence."""

    def convert(given: str) -> T:
        try:
            return read(given)
        except TollkeeperError as error:
            raise ArgumentTypeError("; ".join(violation.message for violation in error.violations)) from None
        except ValueError:
            raise ArgumentTypeError("must be a day or a time such as 2013-02-01 or 2013-02-01T05:00:00Z") from None

    return convert


def _id(given: str) -> str:
    return check_id(given, "id")


def _time(given: str) -> datetime:
    at = datetime.fromisoformat(given)
    return check_time(at if at.tzinfo is not None else at.replace(tzinfo=UTC), "time")
