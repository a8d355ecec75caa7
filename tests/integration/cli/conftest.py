"""Folders that PostgreSQL's account can reach, services that do nothing, and a search for survivors."""

import os
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from cli.data_folder import temporary_folder
from cli.service import ServiceSpec

FAKE = Path(__file__).with_name("fake_service.py")

# Every process below a test inherits it, across sessions and accounts.
_MARK = "TOLLKEEPER_TEST_MARK"

Survivors = Callable[[], list[psutil.Process]]


@pytest.fixture
def folder() -> Iterator[Path]:
    """Unlike `tmp_path`, which is below a folder of mode 0700."""
    path = temporary_folder()
    yield path
    for location in path.rglob("location"):
        shutil.rmtree(location.read_text().strip())
    shutil.rmtree(path)


def fake(name: str) -> ServiceSpec:
    """A service that is only healthy."""
    return ServiceSpec(name, (sys.executable, "-P", str(FAKE), name))


@pytest.fixture
def survivors(monkeypatch: pytest.MonkeyPatch) -> Iterator[Survivors]:
    """Finds the processes that the test started and that still live; those are killed at its end."""
    mark = uuid.uuid4().hex
    monkeypatch.setenv(_MARK, mark)

    def find() -> list[psutil.Process]:
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.environ().get(_MARK) == mark and not has_ended(process) and not _is_our_lifeline(process):
                    found.append(process)
        return found

    yield find
    for process in find():
        with suppress(psutil.NoSuchProcess):
            process.kill()


def _is_our_lifeline(process: psutil.Process) -> bool:
    return process.ppid() == os.getpid() and "cli.lifeline" in process.cmdline()


def has_ended(process: psutil.Process) -> bool:
    """Whether nothing of it runs; the machine's first process may be slow to bury it."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE or not process.is_running()
    except psutil.NoSuchProcess:
        return True


def wait_until(condition: Callable[[], bool], seconds: float = 15) -> None:
    """For what happens outside of this process and announces itself to nobody here."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


StartOwner = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start_owner(survivors: Survivors) -> Iterator[StartOwner]:
    """Runs Python code in a process of its own, whose output is read line by line."""
    owners: list[subprocess.Popen[str]] = []

    def start(code: str, *arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", code, *arguments]
        owners.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        return owners[-1]

    yield start
    for owner in owners:
        owner.kill()
        owner.communicate()
