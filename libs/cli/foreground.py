"""The platform in the foreground of a terminal, or of whatever reads its lines: until a signal or a failure."""

import os
import signal
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from queue import SimpleQueue

from rich.console import Console

from cli.embedded.postgres import EmbeddedPostgres
from cli.errors import PlatformError
from cli.local_platform import Platform
from cli.supervisor import Change, ChildState

Happening = Change | signal.Signals

# The states worth a line, and how it looks where there are colors.
_SHOWN = {
    ChildState.HEALTHY: "green",
    ChildState.DEAD: "yellow",
    ChildState.STOPPED: "dim",
}


def run(
    data: Path,
    port_base: int | None,
    *,
    replicas: Mapping[str, int],
    postgres_url: str | None,
    nats_url: str | None,
) -> None:
    """Returns after a signal, when everything is stopped.

    Raises:
        PlatformError: Something could not be started or kept running; everything else is stopped.
    """
    # Everything that happens comes through here, signals too: whatever is under way is neither interrupted nor missed.
    happenings: SimpleQueue[Happening] = SimpleQueue()
    platform = Platform(
        data,
        replicas=replicas,
        port_base=port_base,
        postgres_url=postgres_url,
        nats_url=nats_url,
        on_change=happenings.put,
    )
    _divert_signals(happenings.put)
    console = Console(highlight=False, markup=False, soft_wrap=True)
    try:
        platform.start()
        _watch(console, platform, happenings)
    finally:
        platform.stop()
        while not happenings.empty():
            # A signal among them asked for what has been done.
            if isinstance(happening := happenings.get(), Change):
                _show(console, happening)


def _watch(console: Console, platform: Platform, happenings: SimpleQueue[Happening]) -> None:
    """Shows what happens, until a signal; a failure is raised."""
    healthy: set[str] = set()
    while not isinstance(happening := happenings.get(), signal.Signals):
        if happening.state is ChildState.FAILED:
            raise PlatformError(happening.detail)
        _show(console, happening)
        if happening.state is ChildState.HEALTHY and happening.name not in healthy:
            healthy.add(happening.name)
            if healthy == platform.processes.keys():
                _show_all(console, platform)
    console.print(f"Stopping on {happening.name} …")


def _divert_signals(put: Callable[[signal.Signals], None]) -> None:
    # By way of a pipe and a thread. A handler in Python that arrives between the main thread's last look for signals
    # and its wait for the queue would be run only after that wait, which nothing else may ever end.
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # nohup and background jobs of a script ignore some of them on purpose.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda _number, _frame: None)

    def pump() -> None:
        while received := os.read(reader, 1):
            put(signal.Signals(received[0]))

    threading.Thread(target=pump, name="signals", daemon=True).start()


def _show(console: Console, change: Change) -> None:
    if change.state in _SHOWN:
        console.print(f"{change.name:<14} {change.state:<9} {change.detail}".rstrip(), style=_SHOWN[change.state])


def _show_all(console: Console, platform: Platform) -> None:
    console.print(f"\nTollkeeper is up; its data and logs are in {platform.data_dir}. Ctrl-C stops it.")
    match platform.postgres:
        case EmbeddedPostgres(data_dir=where) if not where.is_relative_to(platform.data_dir):
            console.print(f"PostgreSQL does not run as root, and keeps its data in {where}.")
