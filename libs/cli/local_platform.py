"""The whole platform on this machine: behind `tollkeeper up`, the demo and the end-to-end tests."""

import shutil
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Self

from cli import ports
from cli.child_process import ChildProcess, end_leftover, rotate
from cli.data_folder import FolderLock, temporary_folder
from cli.embedded.external import ExternalNats, ExternalPostgres
from cli.embedded.nats import EmbeddedNats
from cli.embedded.postgres import EmbeddedPostgres
from cli.errors import PlatformError
from cli.service import SERVICES, Service, ServiceSpec
from cli.supervisor import Change, ChildState, Supervisor

# Who asks stops before who answers, and the servers last: what a service drains can still be written.
_STOP_ORDER = ("entitlements", "billing", "metering", "catalog", "nats", "postgres")

# What a killed run left gets less time than what we stop ourselves: nobody is told how long it takes.
_LEFTOVER_SECONDS = 5.0


class Platform:
    """Services with their PostgreSQL and NATS: started in their order, restarted when they die, stopped in their order.

    As a context manager everything is healthy inside the block, and nothing is left after it.

    Attributes:
        addresses: `host:port` of each service, known before it runs; of all four even if only some run. Further replicas
            of a service are called `metering-2`, `metering-3`, …, as they are in `processes`.
        processes: Of each child, `postgres` and `nats` among them; a `pid` of None means that it does not run now.
        postgres: `url(database)` for a look into a service's database, which is called `tollkeeper_<service>`.
        nats: `url`.
    """

    def __init__(
        self,
        data_dir: Path | None = None,
        services: Sequence[ServiceSpec] = SERVICES,
        *,
        replicas: Mapping[str, int] | None = None,
        port_base: int | None = None,
        postgres_url: str | None = None,
        nats_url: str | None = None,
        environment: Mapping[str, str] | None = None,
        durable: bool = True,
        on_change: Callable[[Change], None] = lambda _change: None,
    ) -> None:
        """Decides where everything will be; starts nothing.

        Args:
            data_dir: Found again by the next platform there; None is a temporary folder, deleted at the end.
            services: What to run.
            replicas: How many processes of a service stand side by side on its database; one of those not named. Whoever calls
                the service turns from one to the next.
            port_base: The port of the first service, the others follow, then the further replicas; None chooses free ports.
            postgres_url: A server's URL, used instead of the embedded one.
            nats_url: Likewise.
            environment: More variables for each service.
            durable: See `EmbeddedPostgres`.
            on_change: Called from several threads, with each change of each child; returns at once.
        """
        self._temporary = data_dir is None
        self.data_dir = temporary_folder() if data_dir is None else data_dir.absolute()
        self._lock = FolderLock(self.data_dir)
        self._on_change = on_change
        self._environment = dict(environment or {})
        self._supervisor = Supervisor(on_change)
        self._names = list(dict.fromkeys(spec.name for spec in (*SERVICES, *services)))
        further = {
            spec.name: [f"{spec.name}-{number}" for number in range(2, (replicas or {}).get(spec.name, 1) + 1)]
            for spec in services
        }
        self._replicas = {name: [name, *further.get(name, [])] for name in self._names}
        self.addresses = {
            name: f"{ports.LOOPBACK}:{ports.free_port() if port_base is None else port_base + index}"
            for index, name in enumerate([*self._names, *(name for names in further.values() for name in names)])
        }
        logs = self.data_dir / "logs"
        self.postgres = (
            EmbeddedPostgres(self.data_dir / "postgres", durable=durable, log=logs / "postgres.log")
            if postgres_url is None
            else ExternalPostgres(postgres_url)
        )
        self.nats = (
            EmbeddedNats(self.data_dir / "nats", log=logs / "nats.log") if nats_url is None else ExternalNats(nats_url)
        )
        self._servers = [
            server for server in (self.postgres, self.nats) if isinstance(server, EmbeddedPostgres | EmbeddedNats)
        ]
        self._services = [self._service(spec, name) for spec in services for name in self._replicas[spec.name]]
        self.processes: Mapping[str, ChildProcess] = {
            child.name: child.process for child in (*self._servers, *self._services)
        }

    def __enter__(self) -> Self:
        try:
            self.start()
            self.wait_healthy()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def start(self) -> None:
        """Ends what a killed run left, then begins; `on_change` and `wait_healthy` tell how it goes on.

        Raises:
            PlatformError: The data folder is in use, or a port taken; nothing was started.
        """
        self._lock.acquire()
        for record in (self.data_dir / "run").glob("*.json"):
            if end_leftover(record, signal.SIGTERM, grace=_LEFTOVER_SECONDS):
                self._on_change(Change(record.stem, ChildState.STOPPED, "left by a killed run"))
        for service in self._services:
            _check_port(service)
        for process in self.processes.values():
            rotate(process.log)
        for server in self._servers:
            self._supervisor.keep(server)
        for service in self._services:
            self._supervisor.keep(service, after=[server.name for server in self._servers])

    def stop(self) -> None:
        """Stops everything in order; harmless when nothing runs. A stopped platform is not started again."""
        rank = {
            name: index for index, service in enumerate(_STOP_ORDER) for name in self._replicas.get(service, [service])
        }
        self._supervisor.stop(sorted(self.processes, key=lambda name: rank.get(name, -1)))
        self._lock.release()
        if self._temporary:
            self._delete()

    def kill(self, name: str) -> None:
        """SIGKILL, as an accident would; it is dead when this returns, and started again. See `wait_healthy`.

        However often: the death does not count among the five in a minute after which a child is given up.
        """
        self._supervisor.kill(name)

    def away(self, name: str) -> AbstractContextManager[None]:
        """Inside the block that child is down and stays down; after it, it is started again."""
        return self._supervisor.away(name)

    def wait_healthy(self, *names: str, timeout: float = 60) -> None:
        """Returns when these, or by default all, are healthy at once.

        Raises:
            PlatformError: A child was given up, or `timeout` seconds are over.
        """
        self._supervisor.wait_healthy(names or tuple(self.processes), timeout)

    def _service(self, spec: ServiceSpec, name: str) -> Service:
        database = f"tollkeeper_{spec.name}"

        def prepare() -> None:
            self.postgres.create_databases([database])

        def environment() -> dict[str, str]:
            return {
                "TOLLKEEPER_DATABASE_URL": self.postgres.url(database),
                "TOLLKEEPER_NATS_URL": self.nats.url,
                "TOLLKEEPER_LISTEN": self.addresses[name],
                **{f"TOLLKEEPER_{service.upper()}_ADDRESS": self._address(service) for service in self._names},
                **self._environment,
            }

        address = self.addresses[name]
        return Service(spec, address, folder=self.data_dir, prepare=prepare, environment=environment, name=name)

    def _address(self, service: str) -> str:
        """Where its callers find it: one address, or the list of all replicas in gRPC's own words."""
        addresses = [self.addresses[name] for name in self._replicas[service]]
        return addresses[0] if len(addresses) == 1 else f"ipv4:{','.join(addresses)}"

    def _delete(self) -> None:
        if isinstance(self.postgres, EmbeddedPostgres):
            self.postgres.delete()
        shutil.rmtree(self.data_dir, ignore_errors=True)


def _check_port(service: Service) -> None:
    port = int(service.address.rpartition(":")[2])
    if not ports.is_free(port):
        raise PlatformError(
            f"Port {port}, meant for {service.name}, is taken by {ports.owner_of(port)}. "
            "Stop that one, or choose other ports (tollkeeper up --port-base N or --free-ports)."
        )
