"""One of our services as a child."""

import os
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cli.child_process import ChildProcess
from cli.errors import ChildDiedError, PlatformError
from cli.health import await_serving

# Services drain within ten seconds; the rest is for a busy machine.
_STOP_SECONDS = 15.0

# A service is healthy when it has caught up for the first time, which after a long absence takes a while.
_START_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class ServiceSpec:
    """What to run.

    Attributes:
        name: Names its database, its log and its variable `TOLLKEEPER_<NAME>_ADDRESS`.
        command: Gets `migrate` or `serve` as its last argument.
    """

    name: str
    command: tuple[str, ...]


def _module(name: str) -> ServiceSpec:
    # -P: a folder of the same name in the current directory is not the service.
    return ServiceSpec(name, (sys.executable, "-P", "-m", name))


CATALOG = _module("catalog")
METERING = _module("metering")
ENTITLEMENTS = _module("entitlements")
BILLING = _module("billing")

# In the order of their ports.
SERVICES = (CATALOG, METERING, ENTITLEMENTS, BILLING)


class Service:
    """Migrates its database at the first start, then serves; serves only at the next ones."""

    def __init__(
        self,
        spec: ServiceSpec,
        address: str,
        *,
        folder: Path,
        prepare: Callable[[], None],
        environment: Callable[[], Mapping[str, str]],
        name: str = "",
    ) -> None:
        """`prepare` runs once before the migration; `environment` is asked at each start; `name` tells replicas apart."""
        self.name = name or spec.name
        self.address = address
        self._command = spec.command
        self._prepare = prepare
        self._environment = environment
        self._migrated = False
        self.process = ChildProcess(
            self.name,
            record=folder / "run" / f"{self.name}.json",
            log=folder / "logs" / f"{self.name}.log",
            stop_signal=signal.SIGTERM,
            grace=_STOP_SECONDS,
        )

    def start(self) -> None:
        """Returns when the service is healthy.

        Raises:
            ChildDiedError: It died first.
            PlatformError: Its migration failed, or it is not healthy in time.
        """
        # Logs are read while they are written.
        environment = {**os.environ, "PYTHONUNBUFFERED": "1", **self._environment()}
        if not self._migrated:
            self._prepare()
            self._migrate(environment)
            self._migrated = True
        self.process.spawn([*self._command, "serve"], environment)
        await_serving(self.process, self.address, _START_SECONDS)

    def stop(self) -> None:
        """Lets it drain."""
        self.process.stop()

    def _migrate(self, environment: Mapping[str, str]) -> None:
        self.process.spawn([*self._command, "migrate"], environment)
        # Without a limit: a large table takes as long as it takes, and Ctrl-C ends it.
        code = self.process.wait()
        if code:
            # A migration that was killed has said nothing about the next one.
            error = ChildDiedError if code < 0 else PlatformError
            raise error(
                f"The migration of {self.name} failed ({self.process.describe_end()}); its database is as it was. "
                f"{self.process.last_lines()}"
            )
