"""The demo as a stranger runs it, and stops it: a script without a terminal, with a platform of its own.

That its story ends right, `tests/faults/test_demo_survives.py` shows.
"""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

# The promise is two minutes on an idle machine; here others run beside it.
_LIMIT_SECONDS = 180


@pytest.fixture
def folder() -> Iterator[Path]:
    """Where the demo makes its temporary folder: whatever runs from below it is the demo's."""
    with tempfile.TemporaryDirectory(prefix="demo-test-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def start(project_root: Path, folder: Path) -> "subprocess.Popen[str]":
    """The script as `make demo` runs it, in a session of its own."""
    return subprocess.Popen(
        [sys.executable, "examples/airlines/demo.py"],
        cwd=project_root,
        env={**os.environ, "TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def running_below(folder: Path) -> list[str]:
    """The command lines of all processes that were started for a platform in that folder."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            if process.environ().get("TMPDIR") == str(folder):
                found.append(" ".join(process.cmdline()))
    return found


@pytest.mark.timeout(_LIMIT_SECONDS)
@pytest.mark.parametrize(
    ("number", "status", "when"),
    [(signal.SIGINT, 130, "postgres "), (signal.SIGTERM, 143, "postgres ")],
    ids=["Ctrl-C", "SIGTERM"],
)
def test_stopping_the_demo_while_it_starts_leaves_nothing(
    project_root: Path, folder: Path, number: signal.Signals, *, status: int, when: str
) -> None:
    process = start(project_root, folder)
    assert process.stdout is not None
    for line in process.stdout:
        if when in line:
            break
    # To everybody who is in the foreground, as a terminal does.
    os.killpg(process.pid, number)
    rest, _ = process.communicate(timeout=60)
    assert process.returncode == status, rest
    assert "Traceback" not in rest
    assert running_below(folder) == []
    assert list(folder.iterdir()) == []
