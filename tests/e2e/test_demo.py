"""The demo as a stranger runs it: a script without a terminal, with a platform of its own."""

import os
import signal
import subprocess
import sys
import tempfile
import time
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
def test_the_demo_tells_its_story_and_every_count_is_equal(project_root: Path, folder: Path) -> None:
    started = time.monotonic()
    output, _ = start(project_root, folder).communicate(timeout=_LIMIT_SECONDS)
    print(output, f"{time.monotonic() - started:.1f} s")
    assert "All 16 carriers" in output
    # The carriers that commit to 20 gates, and the line of United's first invoice.
    assert output.count("$298.00") >= 5
    # Half of January for five more gates.
    assert "$25.00" in output
    assert "LIMIT_EXCEEDED" in output
    # What anybody can check with a calculator: 25 gates for February, and 185 blocks of 25 departures in January.
    assert "$348.00" in output
    assert "$925.00" in output
    assert "$1,273.00" in output
    assert running_below(folder) == []
    assert list(folder.iterdir()) == []


@pytest.mark.timeout(_LIMIT_SECONDS)
@pytest.mark.parametrize(
    ("number", "status", "when"),
    [(signal.SIGINT, 130, "occupies its gates"), (signal.SIGTERM, 143, "postgres ")],
    ids=["Ctrl-C in the middle", "SIGTERM while it starts"],
)
def test_stopping_the_demo_leaves_nothing(
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
