"""Ends our children when we die without a chance to.

`python -m cli.lifeline` waits at the other end of a pipe. However we die, kill -9 included, the kernel closes our end,
and it ends the children still announced, the newest first. It is one process for all children of this one. It saves
the next start from finding leftovers, and temporary folders, which have no next start, from servers that run for ever.
"""

import atexit
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress

import psutil

# Longer than a fast shutdown of PostgreSQL normally takes; what is cut off then recovers at its next start.
_GRACE_SECONDS = 10.0

_lock = threading.Lock()

# By our own pid: a forked copy of us has children of its own.
_watchers: dict[int, subprocess.Popen[bytes]] = {}


def watch(pid: int, stop_signal: signal.Signals) -> None:
    """From now on the child ends when we do: by `stop_signal`, then by SIGKILL."""
    _send(f"+ {pid} {stop_signal.value}\n")


def forget(pid: int) -> None:
    """The child has ended."""
    _send(f"- {pid}\n")


def _send(line: str) -> None:
    # The children are safe without it too, until we are killed: no rights to start it, or its own death, are no reason
    # to let them go. ValueError: at our very end the pipe is closed already.
    with _lock, suppress(OSError, ValueError):
        if os.getpid() not in _watchers:
            _watchers[os.getpid()] = _start_watcher()
        stdin = _watchers[os.getpid()].stdin
        if stdin is not None:
            stdin.write(line.encode())


def _start_watcher() -> subprocess.Popen[bytes]:
    watcher = subprocess.Popen(
        [sys.executable, "-P", "-m", "cli.lifeline"],
        bufsize=0,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        start_new_session=True,
    )
    atexit.register(_close, watcher, os.getpid())
    return watcher


def _close(watcher: subprocess.Popen[bytes], owner: int) -> None:
    if owner == os.getpid() and watcher.stdin is not None:
        watcher.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            watcher.wait(_GRACE_SECONDS)


def _watch_until_end() -> None:
    children: dict[int, tuple[psutil.Process, int]] = {}
    for line in sys.stdin:
        match line.split():
            case ["+", pid, stop_signal]:
                with suppress(psutil.NoSuchProcess):
                    children[int(pid)] = psutil.Process(int(pid)), int(stop_signal)
            case ["-", pid]:
                children.pop(int(pid), None)
    for process, stop_signal in reversed(children.values()):
        with suppress(psutil.NoSuchProcess):
            end(process, stop_signal, grace=_GRACE_SECONDS)


def end(process: psutil.Process, stop_signal: int, *, grace: float) -> None:
    """Ends exactly this process, which leads a session of its own, and what is left of its session.

    Raises:
        psutil.NoSuchProcess: It is gone; its pid may belong to another by now, which is left alone.
    """
    process.send_signal(stop_signal)
    if not _wait(process, grace):
        process.kill()
        _wait(process, grace)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _wait(process: psutil.Process, seconds: float) -> bool:
    # Not psutil's own wait: for somebody else's child it waits until the parent has noticed, and some first processes
    # of containers never do.
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if process.status() == psutil.STATUS_ZOMBIE or not process.is_running():
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.02)
    return False


if __name__ == "__main__":
    _watch_until_end()
