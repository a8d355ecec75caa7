"""`tollkeeper up` as its user meets it: lines, sentences, exit codes, and nothing left behind."""

import json
import os
import signal
import socket
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from cli import ports
from tests.integration.cli.conftest import FAKE, Survivors, wait_until

StartUp = Callable[..., "Up"]


class Up:
    """A running `tollkeeper up`, with services that do nothing in the place of ours."""

    def __init__(self, folder: Path, *options: str, **environment: str) -> None:
        tollkeeper = Path(sysconfig.get_path("scripts")) / "tollkeeper"
        self.process = subprocess.Popen(
            [sys.executable, str(tollkeeper), "up", "--data", str(folder / "data"), *options],
            env={**os.environ, "PYTHONPATH": str(folder / "fakes"), **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.lines: list[str] = []

    def read_until(self, text: str) -> str:
        """The line with that text."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)
            if text in line:
                return line
        pytest.fail(f"no {text!r} in {self.lines} {self.process.communicate()[1]}")

    def end(self, number: signal.Signals | None = None) -> tuple[int, str]:
        """The exit code and what it said on standard error."""
        if number is not None:
            self.process.send_signal(number)
        out, error = self.process.communicate()
        self.lines += out.splitlines(keepends=True)
        return self.process.returncode, error


@pytest.fixture
def start_up(folder: Path, survivors: Survivors) -> Iterator[StartUp]:
    for name in ("catalog", "metering", "entitlements", "billing"):
        package = folder / "fakes" / name
        package.mkdir(parents=True)
        (package / "__init__.py").touch()
        (package / "__main__.py").write_text(
            f"import runpy, sys\nsys.argv[0:1] = [{str(FAKE)!r}, {name!r}]\nrunpy.run_path(sys.argv[0], run_name='__main__')\n"
        )
    started: list[Up] = []

    def start(*options: str, **environment: str) -> Up:
        started.append(Up(folder, *options, **environment))
        return started[-1]

    yield start
    for up in started:
        up.process.kill()
        up.process.communicate()


def postgres_address(up: Up) -> str:
    return next(line for line in up.lines if line.startswith("postgres")).split()[2]


def count_migrations(address: str, service: str) -> int:
    with psycopg.connect(f"postgresql://tollkeeper@{address}/tollkeeper_{service}") as connection:
        return connection.execute("SELECT count(*) FROM migrations").fetchall()[0][0]  # type: ignore[no-any-return]


def test_up_comes_up_and_ctrl_c_takes_everything_down(start_up: StartUp, survivors: Survivors, folder: Path) -> None:
    base = ports.free_port()
    up = start_up("--port-base", str(base))
    up.read_until("Tollkeeper is up")
    words = [line.split() for line in up.lines if "healthy" in line]
    assert {name: address for name, _, address in words if name not in {"postgres", "nats"}} == {
        name: f"127.0.0.1:{base + index}"
        for index, name in enumerate(("catalog", "metering", "entitlements", "billing"))
    }

    # A second one is told of the first, which does not mind.
    code, error = start_up("--free-ports").end()
    in_use = f"Error: {folder}/data is in use by process {up.process.pid}. Stop that one first, or use another data folder.\n"
    assert (code, error) == (1, in_use)

    # What dies is shown and started again.
    record = json.loads((folder / "data" / "run" / "metering.json").read_text())
    os.kill(record["pid"], signal.SIGKILL)
    assert "SIGKILL; started again in 0.2 s" in up.read_until("metering       dead")
    up.read_until("metering       healthy")

    assert up.end(signal.SIGINT) == (0, "")
    assert survivors() == []
    assert [line.split()[0] for line in up.lines if "stopped" in line] == [
        *("entitlements", "billing", "metering", "catalog", "nats", "postgres")
    ]


def test_replicas_stand_side_by_side(start_up: StartUp, survivors: Survivors) -> None:
    base = ports.free_port()
    up = start_up("--port-base", str(base), "--replicas", "entitlements", "2")
    up.read_until("Tollkeeper is up")
    assert any(line.split()[:3] == ["entitlements-2", "healthy", f"127.0.0.1:{base + 4}"] for line in up.lines)
    assert up.end(signal.SIGINT) == (0, "")
    assert survivors() == []
    code, error = start_up("--port-base", "65532", "--replicas", "metering", "2").end()
    assert (code, "choose a smaller one" in error) == (2, True)


def test_the_next_up_finds_the_data_after_a_kill(start_up: StartUp, survivors: Survivors) -> None:
    first = start_up("--free-ports")
    first.read_until("Tollkeeper is up")
    assert count_migrations(postgres_address(first), "billing") == 1
    # Without its lifeline, so that everything is left for the next start.
    for process in survivors():
        if "cli.lifeline" in process.cmdline():
            process.kill()
    first.end(signal.SIGKILL)
    left = {process.pid for process in survivors()}
    assert len(left) >= 6

    second = start_up("--free-ports")
    second.read_until("Tollkeeper is up")
    assert sum("left by a killed run" in line for line in second.lines) == 4
    assert not left & {process.pid for process in survivors()}
    assert count_migrations(postgres_address(second), "billing") == 2

    # With its lifeline everything ends by itself.
    second.end(signal.SIGKILL)
    wait_until(lambda: survivors() == [])


def test_a_signal_during_the_start_takes_everything_down(start_up: StartUp, survivors: Survivors) -> None:
    up = start_up("--free-ports")
    up.read_until("nats")
    assert up.end(signal.SIGTERM) == (0, "")
    assert survivors() == []


def test_a_taken_port_is_a_sentence(start_up: StartUp, survivors: Survivors) -> None:
    base = ports.free_port()
    with socket.create_server((ports.LOOPBACK, base + 2)):
        code, error = start_up("--port-base", str(base)).end()
    assert code == 1
    assert error.startswith(f"Error: Port {base + 2}, meant for entitlements, is taken by process {os.getpid()} (")
    assert error.endswith("Stop that one, or choose other ports (tollkeeper up --port-base N or --free-ports).\n")
    assert survivors() == []


def test_what_cannot_run_is_a_sentence(start_up: StartUp, survivors: Survivors) -> None:
    code, error = start_up("--free-ports", FAKE_CATALOG="cannot migrate").end()
    assert code == 1
    assert error.startswith("Error: The migration of catalog failed (exit code 1)")
    assert error.splitlines()[-1] == '  column "price" does not exist'
    assert survivors() == []


def test_help_is_quick_and_complete() -> None:
    code = "import sys; from cli.main import main; main(['up', '--help'], standalone_mode=False); print('grpc' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    for word in (
        "--data",
        "TOLLKEEPER_DATA",
        "--port-base",
        "--free-ports",
        "TOLLKEEPER_POSTGRES_URL",
        "TOLLKEEPER_NATS_URL",
    ):
        assert word in done.stdout
    assert done.stdout.endswith("False\n")
