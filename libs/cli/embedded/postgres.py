"""PostgreSQL as our own child."""

import os
import shutil
import signal
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from cli import ports
from cli.child_process import ChildProcess
from cli.data_folder import FolderLock, temporary_folder
from cli.embedded import databases, postgres_place
from cli.embedded.postgres_memory import machine_settings
from cli.errors import ChildDiedError, PlatformError

_USER = "tollkeeper"

# Four services with pools of 10 by default, their connections for leadership and notifications, some more processes
# of a service in tests of scale, and psql.
_MAX_CONNECTIONS = 200

# A fast shutdown writes the cache to disk: 4 GB at 150 MB/s. Then SIGKILL, which costs a recovery and loses nothing.
_STOP_SECONDS = 30.0

# After a kill the log is replayed before the server is ready: 16 GB at 60 MB/s.
_START_SECONDS = 300.0

# Backends of a killed server notice within milliseconds, one in the middle of a long write later; until then the
# new one refuses to start.
_OLD_BACKENDS_SECONDS = 5.0

_INITDB = ("-U", _USER, "--auth=trust", "--encoding=UTF8", "--no-instructions")
# PostgreSQL's own collation: byte order, the same on every machine, and no update of the C library changes it.
_LOCALE = ("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")

_NOT_DURABLE = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    # CREATE and DROP DATABASE, which tests do all the time, search the whole cache: with 4 GB they take four times as
    # long.
    "shared_buffers": "128MB",
}


class EmbeddedPostgres:
    """A server over the data in a folder, on the loopback only, that trusts whoever reaches it.

    Data written under one start are found by the next. The folder is locked while the server runs; what an owner
    killed by SIGKILL left running is ended first. As a context manager it is ready inside the block and gone after it.

    Attributes:
        port: The same at every start of this object; chosen at the first one if none was given.
        data_dir: PostgreSQL's own; after `start` the true one, which for root may lie elsewhere (`postgres_place`).
        process: For a supervisor to wait on.
    """

    name = "postgres"

    def __init__(
        self, data_dir: Path | None = None, port: int | None = None, *, durable: bool = True, log: Path | None = None
    ) -> None:
        """Without a folder it takes a temporary one, deleted by `stop`.

        With `durable=False` commits are lost when server or machine are killed: for tests that do neither.
        """
        self._temporary = data_dir is None
        self.port = port or ports.free_port()
        self._may_change_port = port is None
        self._folder = temporary_folder() if data_dir is None else data_dir.absolute()
        self.data_dir = self._folder / "data"
        self._durable = durable
        self._lock = FolderLock(self._folder)
        self.process = ChildProcess(
            self.name,
            record=self._folder / "process.json",
            log=log or self._folder / "postgres.log",
            # SIGTERM would wait for every client.
            stop_signal=signal.SIGINT,
            grace=_STOP_SECONDS,
        )

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    @property
    def address(self) -> str:
        return f"{ports.LOOPBACK}:{self.port}"

    def url(self, database: str) -> str:
        """For SQLAlchemy."""
        return f"postgresql+psycopg://{_USER}@{self.address}/{database}"

    def create_databases(self, names: Iterable[str]) -> None:
        """Those that exist are left as they are."""
        databases.create_databases(self.url("postgres"), names)

    def start(self) -> None:
        """Returns when the server takes connections; makes its data first if there are none.

        Raises:
            ChildDiedError: It did not come up; the sentence shows what it said.
            PlatformError: It cannot run here.
        """
        self._lock.acquire()
        try:
            self.process.end_leftover()
            place = postgres_place.settle(self._folder)
            self.data_dir = place.data
            if not place.data.exists():
                self._make_data(place)
            self._start_server(place)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Breaks off what clients do, writes everything down, ends. Harmless when it does not run."""
        self.process.stop()
        self._lock.release()
        if self._temporary:
            self.delete()

    def delete(self) -> None:
        """Deletes the data of the stopped server, wherever they lie."""
        postgres_place.delete(self._folder)

    def _make_data(self, place: postgres_place.Place) -> None:
        # Under another name until they are complete: a killed initdb leaves something that looks like data.
        new = place.data.with_name("data.new")
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(mode=0o700)
        if place.account is not None:
            os.chown(new, place.account.uid, place.account.gid)
        self._spawn(place, [str(place.binaries / "initdb"), "-D", str(new), *_INITDB, *_LOCALE, *self._sync_options()])
        if self.process.wait() != 0:
            raise PlatformError(
                f"PostgreSQL's data could not be made ({self.process.describe_end()}). {self.process.last_lines()}"
            )
        new.rename(place.data)

    def _sync_options(self) -> Sequence[str]:
        return () if self._durable else ("--no-sync",)

    def _start_server(self, place: postgres_place.Place) -> None:
        patience = time.monotonic() + _OLD_BACKENDS_SECONDS
        while True:
            self._spawn(place, self._command(place))
            if self._await_ready(place.data):
                # From now on clients know the port.
                self._may_change_port = False
                return
            said = self.process.last_lines()
            if "pre-existing shared memory block" in said and time.monotonic() < patience:
                time.sleep(0.05)
            elif self._may_change_port and "Address already in use" in said and time.monotonic() < patience:
                self.port = ports.free_port()
            else:
                raise ChildDiedError(f"PostgreSQL did not start ({self.process.describe_end()}). {said}")

    def _command(self, place: postgres_place.Place) -> list[str]:
        memory = machine_settings(place.data).as_options()
        settings = {
            "max_connections": str(_MAX_CONNECTIONS),
            "timezone": "UTC",
            "log_timezone": "UTC",
            **memory,
            **({} if self._durable else _NOT_DURABLE),
        }
        options = [option for name, value in settings.items() for option in ("-c", f"{name}={value}")]
        server = str(place.binaries / "postgres")
        # No socket file: its path may be longer than the kernel takes.
        return [server, "-D", str(place.data), "-h", ports.LOOPBACK, "-p", str(self.port), "-k", "", *options]

    def _spawn(self, place: postgres_place.Place, command: Sequence[str]) -> None:
        # PGDATA, PGPORT, PGOPTIONS, … of the user are meant for another server.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        # The sentences we look for above are in English.
        environment["LC_ALL"] = "C"
        self.process.spawn(command, environment, account=place.account, cwd="/")

    def _await_ready(self, data: Path) -> bool:
        """As pg_ctl does: a connection could reach somebody else's server on the same port."""
        deadline = time.monotonic() + _START_SECONDS
        while self.process.wait(0.01) is None:
            if self._says_ready(data / "postmaster.pid"):
                return True
            if time.monotonic() > deadline:
                raise PlatformError(
                    f"PostgreSQL is not ready after {_START_SECONDS:.0f} s. {self.process.last_lines()}"
                )
        return False

    def _says_ready(self, pid_file: Path) -> bool:
        try:
            lines = pid_file.read_text().splitlines()
        except FileNotFoundError:
            return False
        # The first line is the pid, a killed server's until this one has written its own; the eighth the state.
        return len(lines) > 7 and lines[0] == str(self.process.pid) and lines[7].strip() == "ready"
