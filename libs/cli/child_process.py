"""A program run as our child: recorded, logged, and never outliving us unnoticed."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from cli import lifeline

# The start of a process is known to a hundredth of a second, but the kernel's time of boot, from which psutil counts,
# moves by up to a second with the clock. A pid does not come round again so soon.
_SAME_START_SECONDS = 1.5

# What a reader wants of a dead child's log: enough for a traceback, not a screenful of requests.
_LAST_LINES = 20
_LAST_BYTES = 16_384


# Gives root's rights away, then becomes the program. `subprocess` would do it between fork and exec, and a process that
# uses gRPC must not fork: of 400 such children 129 died by a segmentation fault. Without an account it does not fork.
_BECOME = "import os, sys; os.setgroups([]); os.setgid(int(sys.argv[2])); os.setuid(int(sys.argv[1])); os.execv(sys.argv[3], sys.argv[3:])"


@dataclass(frozen=True, slots=True)
class Account:
    """Whom a child runs as; only root can give one."""

    name: str
    uid: int
    gid: int

    def run_as(self, command: Sequence[str]) -> list[str]:
        """The command that runs this one as the account."""
        # Looked up before: once the rights are gone, Python itself may be out of reach.
        program = shutil.which(command[0]) or command[0]
        return [sys.executable, "-I", "-S", "-c", _BECOME, str(self.uid), str(self.gid), program, *command[1:]]


@dataclass(slots=True)
class _Living:
    popen: subprocess.Popen[bytes]
    log_start: int
    exited: threading.Event = field(default_factory=threading.Event)


class ChildProcess:
    """One program, at most one process of it at a time.

    The process leads its own session: Ctrl-C reaches it only through us, in our order. Its pid and start time stand in
    `record` while it may be running, so that the next start finds what a killed parent left.
    """

    def __init__(self, name: str, *, record: Path, log: Path, stop_signal: signal.Signals, grace: float) -> None:
        self.name = name
        self.log = log
        self._record = record
        self._stop_signal = stop_signal
        self._grace = grace
        self._living: _Living | None = None

    @property
    def pid(self) -> int | None:
        """None when no process runs."""
        living = self._living
        return None if living is None or living.exited.is_set() else living.popen.pid

    def spawn(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        *,
        account: Account | None = None,
        cwd: str | None = None,
    ) -> None:
        """Starts the process; its output is appended to the log."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as output:
            log_start = output.tell()
            popen = subprocess.Popen(
                account.run_as(command) if account else command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env=environment,
                cwd=cwd,
            )
        lifeline.watch(popen.pid, self._stop_signal)
        try:
            self._write_record(popen.pid)
        except BaseException:
            # Nobody would ever find it again.
            popen.kill()
            popen.wait()
            lifeline.forget(popen.pid)
            raise
        self._living = _Living(popen, log_start)
        threading.Thread(target=self._reap, args=(self._living,), name=f"reap {self.name}", daemon=True).start()

    def wait(self, timeout: float | None = None) -> int | None:
        """The exit code, negative for a signal; None if the process still runs after `timeout` seconds."""
        living = self._living
        if living is None or not living.exited.wait(timeout):
            return None
        return living.popen.returncode

    def stop(self) -> None:
        """Ends the process as it likes to be ended, and after its grace as it does not."""
        living = self._living
        if living is None or living.exited.is_set():
            return
        living.popen.send_signal(self._stop_signal)
        if not living.exited.wait(self._grace):
            self.kill()

    def kill(self) -> None:
        """SIGKILL to the process and its session; returns when it is gone."""
        living = self._living
        if living is None or living.exited.is_set():
            return
        with suppress(ProcessLookupError):
            os.killpg(living.popen.pid, signal.SIGKILL)
        # Only a process stuck in the kernel survives that; waiting longer would not help it.
        living.exited.wait(5)

    def end_leftover(self) -> bool:
        """Ends the process that an owner killed before us left running, and no other; says whether there was one."""
        return end_leftover(self._record, self._stop_signal, grace=self._grace)

    def last_lines(self) -> str:
        """The end of what the current or last process wrote, indented; says where the rest is."""
        start = self._living.log_start if self._living else 0
        try:
            with self.log.open("rb") as log:
                log.seek(max(start, log.seek(0, os.SEEK_END) - _LAST_BYTES))
                lines = log.read().decode(errors="replace").splitlines()[-_LAST_LINES:]
        except FileNotFoundError:
            return f"Its log {self.log} was deleted."
        return "\n".join([f"Its last lines, from {self.log}:", *(f"  {line}" for line in lines or ["(nothing)"])])

    def describe_end(self) -> str:
        """How it ended: `exit code 1`, `SIGKILL`."""
        code = self.wait(0)
        if code is None:
            return "still running"
        return f"exit code {code}" if code >= 0 else signal.Signals(-code).name

    def _write_record(self, pid: int) -> None:
        self._record.parent.mkdir(parents=True, exist_ok=True)
        new = self._record.with_suffix(".new")
        new.write_text(json.dumps({"pid": pid, "started": _started(psutil.Process(pid)), "boot": _boot_id()}))
        new.replace(self._record)

    def _reap(self, living: _Living) -> None:
        living.popen.wait()
        # Workers that it forked hold its port. Its pid stays theirs, as the name of their group, until they are gone.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(living.popen.pid, signal.SIGKILL)
        lifeline.forget(living.popen.pid)
        self._record.unlink(missing_ok=True)
        living.exited.set()


def end_leftover(record: Path, stop_signal: signal.Signals, *, grace: float) -> bool:
    """Ends the process of a record, if it is still that process; says whether it was."""
    try:
        left = json.loads(record.read_text())
        process = psutil.Process(left["pid"])
        same: bool = left["boot"] == _boot_id() and abs(left["started"] - _started(process)) < _SAME_START_SECONDS
        if same:
            lifeline.end(process, stop_signal, grace=grace)
    except (OSError, ValueError, KeyError, psutil.NoSuchProcess):
        same = False
    record.unlink(missing_ok=True)
    return same


def _started(process: psutil.Process) -> float:
    """Seconds from the machine's boot to the start of the process: unlike the time of day, nobody sets it."""
    return process.create_time() - psutil.boot_time()


def _boot_id() -> str:
    """After a reboot the same pids come round at the same seconds, and belong to others."""
    with suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return ""


def rotate(log: Path) -> None:
    """Keeps the log of the last run beside the new one, and no older: logs do not grow from run to run."""
    with suppress(FileNotFoundError):
        log.replace(log.with_name(f"{log.name}.1"))
