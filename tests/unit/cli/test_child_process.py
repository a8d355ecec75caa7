"""Children end when they shall, and only they."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from cli.child_process import ChildProcess, end_leftover, rotate

StartChild = Callable[[str], ChildProcess]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[StartChild]:
    """Starts a shell script as a child that gets 0.3 seconds to end."""
    child = ChildProcess(
        "script", record=tmp_path / "script.json", log=tmp_path / "script.log", stop_signal=signal.SIGTERM, grace=0.3
    )

    def spawn(script: str) -> ChildProcess:
        child.spawn(["sh", "-c", script], os.environ)
        return child

    yield spawn
    child.kill()


def _await(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_child_ends_by_its_signal(start: StartChild) -> None:
    child = start("exec sleep 60")
    child.stop()
    assert (child.pid, child.describe_end()) == (None, "SIGTERM")


def test_a_child_that_will_not_end_is_killed_after_its_grace(start: StartChild) -> None:
    child = start("trap '' TERM; echo deaf; while true; do sleep 0.1; done")
    _await(lambda: "deaf" in child.last_lines())
    child.stop()
    assert child.describe_end() == "SIGKILL"


def test_what_a_dead_child_leaves_of_its_session_is_killed(start: StartChild) -> None:
    child = start("sleep 60 & echo worker $!; kill -9 $$")
    assert child.wait(5) == -signal.SIGKILL
    worker = int(child.last_lines().split("worker ")[1])
    _await(lambda: not psutil.pid_exists(worker) or psutil.Process(worker).status() == psutil.STATUS_ZOMBIE)


def test_the_last_lines_are_those_of_the_last_life(start: StartChild) -> None:
    start("echo first; exit 1").wait(5)
    child = start("seq 1000; echo second; exit 3")
    child.wait(5)
    lines = child.last_lines().splitlines()
    assert "first" not in child.last_lines()
    assert (lines[0], lines[-1], len(lines)) == (f"Its last lines, from {child.log}:", "  second", 21)
    assert child.describe_end() == "exit code 3"


def test_a_record_stands_while_the_child_runs(start: StartChild, tmp_path: Path) -> None:
    child = start("exec sleep 60")
    assert json.loads((tmp_path / "script.json").read_text())["pid"] == child.pid
    child.stop()
    assert not (tmp_path / "script.json").exists()


def test_a_child_that_cannot_be_recorded_is_not_left(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    child = ChildProcess(
        "script", record=tmp_path / "file" / "r", log=tmp_path / "log", stop_signal=signal.SIGTERM, grace=1
    )
    before = {process.pid for process in psutil.Process().children()}
    with pytest.raises(OSError, match="file"):
        child.spawn(["sleep", "60"], os.environ)
    after = {process.pid for process in psutil.Process().children() if process.name() == "sleep"}
    assert not after - before


def test_a_leftover_is_ended(start: StartChild, tmp_path: Path) -> None:
    child = start("exec sleep 60")
    assert end_leftover(tmp_path / "script.json", signal.SIGTERM, grace=5)
    assert child.wait(5) == -signal.SIGTERM


def test_another_process_with_the_pid_of_a_leftover_is_left_alone(start: StartChild, tmp_path: Path) -> None:
    child = start("exec sleep 60")
    record = tmp_path / "script.json"
    left = json.loads(record.read_text())
    for other in ({**left, "started": left["started"] - 60}, {**left, "boot": "another"}):
        record.write_text(json.dumps(other))
        assert not end_leftover(record, signal.SIGTERM, grace=5)
        assert not record.exists()
    assert child.pid is not None


@pytest.mark.parametrize("text", ["", "{", "{}", '{"pid": 0}'])
def test_a_broken_record_is_no_leftover(text: str, tmp_path: Path) -> None:
    (tmp_path / "record").write_text(text)
    assert not end_leftover(tmp_path / "record", signal.SIGTERM, grace=5)


def test_a_leftover_that_nobody_reaps_is_not_waited_for(start: StartChild, tmp_path: Path) -> None:
    child = start("exec sleep 60")
    record = (tmp_path / "script.json").read_text()
    assert child.pid is not None
    zombie = subprocess.Popen(["true"])
    _await(lambda: psutil.Process(zombie.pid).status() == psutil.STATUS_ZOMBIE)
    started = psutil.Process(zombie.pid).create_time() - psutil.boot_time()
    (tmp_path / "zombie.json").write_text(json.dumps({**json.loads(record), "pid": zombie.pid, "started": started}))
    began = time.monotonic()
    end_leftover(tmp_path / "zombie.json", signal.SIGTERM, grace=30)
    assert time.monotonic() - began < 5
    zombie.wait()


def test_one_log_of_the_past_is_kept(tmp_path: Path) -> None:
    log = tmp_path / "catalog.log"
    rotate(log)
    for text in ("oldest", "older"):
        log.write_text(text)
        rotate(log)
    assert [path.name for path in tmp_path.iterdir()] == ["catalog.log.1"]
    assert (tmp_path / "catalog.log.1").read_text() == "older"
