"""Keeps children running: starts them in their order, restarts the dead, gives up on the hopeless."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Protocol

from cli.child_process import ChildProcess
from cli.errors import ChildDiedError, PlatformError
from cli.restarts import HOPELESS_DEATHS, Restarts


class ChildState(StrEnum):
    """Where a child is in its life."""

    WAITING = "waiting"  # for what it needs
    STARTING = "starting"
    HEALTHY = "healthy"
    DEAD = "dead"  # until its delay is over
    AWAY = "away"  # kept down on purpose
    FAILED = "failed"  # given up
    STOPPED = "stopped"


# States from which a child that is away is not started.
_DOWN = (ChildState.WAITING, ChildState.AWAY, ChildState.FAILED)


@dataclass(frozen=True, slots=True)
class Change:
    """A child came into a state; `detail` is empty, its address, how it died, or the sentence of a failure."""

    name: str
    state: ChildState
    detail: str = ""


class Supervised(Protocol):
    """What can be kept running."""

    @property
    def name(self) -> str: ...
    @property
    def address(self) -> str: ...
    @property
    def process(self) -> ChildProcess: ...

    def start(self) -> None:
        """Returns when the child is healthy; `ChildDiedError` is worth another attempt, `PlatformError` is not."""

    def stop(self) -> None:
        """Returns when it is gone."""


class Supervisor:
    """One thread for each child. What it reports comes from those threads: `on_change` returns at once."""

    def __init__(self, on_change: Callable[[Change], None]) -> None:
        self._on_change = on_change
        self._changed = threading.Condition()
        self._children: dict[str, tuple[Supervised, threading.Thread]] = {}
        self._states: dict[str, ChildState] = {}
        self._away: set[str] = set()
        self._killed: set[str] = set()
        self._stopping = False
        self._failure: str | None = None

    def keep(self, child: Supervised, *, after: Sequence[str] = ()) -> None:
        """From now on keeps the child running, and starts it only while the children named in `after` are healthy."""
        thread = threading.Thread(target=self._keep, args=(child, after), name=f"keep {child.name}", daemon=True)
        self._children[child.name] = child, thread
        self._states[child.name] = ChildState.WAITING
        thread.start()

    def wait_healthy(self, names: Sequence[str], timeout: float) -> None:
        """Returns when all of them are healthy at once.

        Raises:
            PlatformError: One child was given up, whichever it was, or `timeout` seconds are over.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._failure or self._stopping or not self._ailing(names), timeout)
            if self._failure is not None:
                raise PlatformError(self._failure)
            if ailing := self._ailing(names):
                raise PlatformError(f"Not healthy after {timeout:.0f} s: {', '.join(ailing)}.")

    def kill(self, name: str) -> None:
        """SIGKILL; returns when it is dead, so that `wait_healthy` then waits for the next life.

        The death does not bring the child nearer to being given up. Without a process nothing happens.
        """
        process = self._children[name][0].process
        with self._changed:
            if process.pid is not None:
                self._killed.add(name)
        process.kill()

    @contextmanager
    def away(self, name: str) -> Iterator[None]:
        """Keeps the child down inside the block; it counts as no death. After the block it is started again."""
        child = self._children[name][0]
        self._set_away(name, away=True)
        try:
            self._end_until(child, lambda: self._states[name] in _DOWN)
            yield
        finally:
            self._set_away(name, away=False)

    def stop(self, order: Sequence[str]) -> None:
        """Stops the children, one after the other; from now on none is started. Returns when all are gone."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        for child, thread in (self._children[name] for name in order if name in self._children):
            self._end_until(child, partial(_has_ended, thread))
            child.stop()
            self._report(child, ChildState.STOPPED)

    def _end_until(self, child: Supervised, done: Callable[[], bool]) -> None:
        # Again and again: its thread may be between two processes of it.
        while not done():
            child.process.stop()
            with self._changed:
                self._changed.wait_for(done, 0.02)

    def _set_away(self, name: str, *, away: bool) -> None:
        with self._changed:
            (self._away.add if away else self._away.discard)(name)
            self._changed.notify_all()

    def _ailing(self, names: Sequence[str]) -> list[str]:
        return [name for name in names if not self._is_healthy(name)]

    def _is_healthy(self, name: str) -> bool:
        # The second half is for the moment between a death and its thread's noticing it.
        return self._states.get(name) is ChildState.HEALTHY and self._children[name][0].process.pid is not None

    def _report(self, child: Supervised, state: ChildState, detail: str = "") -> None:
        with self._changed:
            self._states[child.name] = state
            if state is ChildState.FAILED and self._failure is None:
                self._failure = detail
            self._changed.notify_all()
        self._on_change(Change(child.name, state, detail))

    def _keep(self, child: Supervised, after: Sequence[str]) -> None:
        try:
            self._keep_until_hopeless(child, after)
        except PlatformError as error:
            if not self._stopping:
                self._report(child, ChildState.FAILED, str(error))
        except OSError as error:
            # The disk is full, a limit of processes or files reached.
            self._report(child, ChildState.FAILED, f"{child.name} cannot be kept running: {error}")
        except Exception as error:
            # A fault of ours must not leave a child unkept and everybody waiting.
            self._report(child, ChildState.FAILED, f"{child.name} cannot be kept running: {error!r}")
            raise

    def _keep_until_hopeless(self, child: Supervised, after: Sequence[str]) -> None:
        restarts = Restarts()
        while self._may_start(child, after):
            began = time.monotonic()
            why = self._live(child)
            if self._stopping:
                return
            if child.name in self._away:
                continue
            delay = self._delay(child, restarts, began)
            if delay is None:
                raise PlatformError(f"{child.name} died {HOPELESS_DEATHS} times within a minute and is given up. {why}")
            ended = child.process.describe_end()
            self._report(child, ChildState.DEAD, f"{ended}; started again in {delay:.1f} s")
            with self._changed:
                self._changed.wait_for(lambda: self._stopping or child.name in self._away, delay)

    def _delay(self, child: Supervised, restarts: Restarts, began: float) -> float | None:
        with self._changed:
            if child.name in self._killed:
                self._killed.remove(child.name)
                return restarts.after_kill()
        return restarts.after_death(began, time.monotonic())

    def _live(self, child: Supervised) -> str:
        """One life of the child, to its end; says why it ended."""
        self._report(child, ChildState.STARTING)
        try:
            child.start()
        except ChildDiedError as death:
            return str(death)
        self._report(child, ChildState.HEALTHY, child.address)
        child.process.wait()
        return f"The last time: {child.process.describe_end()}. {child.process.last_lines()}"

    def _may_start(self, child: Supervised, after: Sequence[str]) -> bool:
        """Waits for what the child needs; False when everything stops."""
        self._report(child, ChildState.AWAY if child.name in self._away else ChildState.WAITING)
        with self._changed:
            self._changed.wait_for(lambda: self._stopping or (child.name not in self._away and not self._ailing(after)))
            # Here and not later: who sees it waiting and sends it away may rely on its not being started.
            self._states[child.name] = ChildState.STARTING
        return not self._stopping


def _has_ended(thread: threading.Thread) -> bool:
    return not thread.is_alive()
