"""A platform of services that do nothing: started in order, restarted when they die, stopped in order."""

import json
import os
import shutil
import socket
from pathlib import Path

import psycopg
import pytest

from cli import ports
from cli.errors import PlatformError
from cli.local_platform import Platform
from cli.service import BILLING, CATALOG
from cli.supervisor import Change, ChildState
from tests.integration.cli.conftest import Survivors, fake

CATALOG_AND_METERING = (fake("catalog"), fake("metering"))


def environment_of(platform: Platform, service: str) -> dict[str, str]:
    """As the service saw it."""
    log = (platform.data_dir / "logs" / f"{service}.log").read_text()
    seen: dict[str, str] = json.loads(log.splitlines()[0])
    return seen


def test_services_run_between_their_servers(folder: Path, survivors: Survivors) -> None:
    changes: list[Change] = []
    services = tuple(fake(name) for name in ("catalog", "metering", "entitlements", "billing"))
    with Platform(folder, services, durable=False, on_change=changes.append) as platform:
        seen = environment_of(platform, "billing")
        assert seen["TOLLKEEPER_DATABASE_URL"] == platform.postgres.url("tollkeeper_billing")
        assert seen["TOLLKEEPER_NATS_URL"] == platform.nats.url
        assert seen["TOLLKEEPER_LISTEN"] == seen["TOLLKEEPER_BILLING_ADDRESS"] == platform.addresses["billing"]
        assert seen["TOLLKEEPER_CATALOG_ADDRESS"] == platform.addresses["catalog"]
        for process in platform.processes.values():
            assert process.pid is not None
            assert os.getsid(process.pid) == process.pid
        healthy = [change.name for change in changes if change.state is ChildState.HEALTHY]
        assert set(healthy[:2]) == {"postgres", "nats"}
        assert set(healthy[2:]) == {"catalog", "metering", "entitlements", "billing"}
    stopped = [change.name for change in changes if change.state is ChildState.STOPPED]
    assert stopped == ["entitlements", "billing", "metering", "catalog", "nats", "postgres"]
    assert survivors() == []


def test_replicas_share_a_database_and_are_called_in_turn(folder: Path, survivors: Survivors) -> None:
    changes: list[Change] = []
    replicas = {"metering": 3}
    with Platform(folder, CATALOG_AND_METERING, replicas=replicas, durable=False, on_change=changes.append) as platform:
        names = ["metering", "metering-2", "metering-3"]
        assert platform.processes.keys() == {"postgres", "nats", "catalog", *names}
        seen = [environment_of(platform, name) for name in names]
        assert [each["TOLLKEEPER_LISTEN"] for each in seen] == [platform.addresses[name] for name in names]
        assert {each["TOLLKEEPER_DATABASE_URL"] for each in seen} == {platform.postgres.url("tollkeeper_metering")}
        everybody = f"ipv4:{','.join(platform.addresses[name] for name in names)}"
        assert environment_of(platform, "catalog")["TOLLKEEPER_METERING_ADDRESS"] == everybody
        assert seen[0]["TOLLKEEPER_CATALOG_ADDRESS"] == platform.addresses["catalog"]
        platform.kill("metering-2")
        platform.wait_healthy()
    stopped = [change.name for change in changes if change.state is ChildState.STOPPED]
    assert stopped == [*names, "catalog", "nats", "postgres"]
    assert survivors() == []


def test_a_temporary_platform_leaves_nothing(survivors: Survivors) -> None:
    with Platform(services=[fake("catalog")], durable=False) as platform:
        assert platform.data_dir.exists()
    assert not platform.data_dir.exists()
    assert survivors() == []


def test_the_dead_rise(folder: Path, survivors: Survivors) -> None:
    with Platform(folder, CATALOG_AND_METERING) as platform:
        before = {name: process.pid for name, process in platform.processes.items()}
        for name in before:
            platform.kill(name)
            assert platform.processes[name].pid is None
        platform.wait_healthy()
        # However often it is asked for.
        for _ in range(5):
            platform.kill("nats")
            platform.wait_healthy("nats")
        platform.wait_healthy()
        after = {name: process.pid for name, process in platform.processes.items()}
        assert all(after[name] not in {before[name], None} for name in before)
        with psycopg.connect(platform.postgres.url("tollkeeper_catalog").replace("+psycopg", "")) as connection:
            # It migrated once, and then only served.
            assert connection.execute("SELECT count(*) FROM migrations").fetchall() == [(1,)]
    assert survivors() == []


def test_what_is_away_stays_away(folder: Path) -> None:
    changes: list[Change] = []
    with Platform(folder, CATALOG_AND_METERING, durable=False, on_change=changes.append) as platform:
        for _ in range(6):
            with platform.away("metering"):
                assert platform.processes["metering"].pid is None
                with pytest.raises(PlatformError, match=r"Not healthy after 0 s: metering\."):
                    platform.wait_healthy(timeout=0)
                platform.wait_healthy("catalog", "nats")
            platform.wait_healthy("metering")
    assert ChildState.DEAD not in {change.state for change in changes}


def test_a_service_that_dies_five_times_is_given_up(folder: Path, survivors: Survivors) -> None:
    changes: list[Change] = []
    platform = Platform(
        folder, CATALOG_AND_METERING, durable=False, environment={"FAKE_METERING": "dies"}, on_change=changes.append
    )
    with pytest.raises(PlatformError) as caught, platform:
        pass
    assert str(caught.value).startswith("metering died 5 times within a minute and is given up.")
    assert str(caught.value).endswith("\n  cannot read the future")
    deaths = [change.detail for change in changes if change.state is ChildState.DEAD]
    assert deaths == [f"exit code 1; started again in {delay} s" for delay in (0.2, 0.4, 0.8, 1.6)]
    assert survivors() == []


def test_a_data_folder_deleted_under_a_platform_is_a_sentence(folder: Path, survivors: Survivors) -> None:
    with Platform(folder / "data", [fake("catalog")], durable=False) as platform:
        locations = [Path(location.read_text().strip()) for location in (folder / "data").rglob("location")]
        shutil.rmtree(folder / "data")
        platform.kill("postgres")
        with pytest.raises(PlatformError, match="data/postgres was deleted while it was in use"):
            platform.wait_healthy()
    assert survivors() == []
    for location in locations:
        shutil.rmtree(location)


def test_a_failed_migration_stops_everything(folder: Path, survivors: Survivors) -> None:
    platform = Platform(
        folder, CATALOG_AND_METERING, durable=False, environment={"FAKE_METERING": "cannot migrate"}
    )  # fmt: skip
    with pytest.raises(PlatformError) as caught, platform:
        pass
    assert str(caught.value).startswith("The migration of metering failed (exit code 1)")
    assert str(caught.value).endswith('\n  column "price" does not exist')
    assert survivors() == []


def test_a_taken_port_is_a_sentence_before_anything_starts(folder: Path, survivors: Survivors) -> None:
    base = ports.free_port()
    with socket.create_server((ports.LOOPBACK, base + 1)):
        platform = Platform(folder, CATALOG_AND_METERING, port_base=base)
        with pytest.raises(
            PlatformError, match=f"Port {base + 1}, meant for metering, is taken by process {os.getpid()}"
        ):
            platform.start()
        platform.stop()
    assert survivors() == []


def test_servers_of_others_are_used_and_left(folder: Path, survivors: Survivors) -> None:
    with Platform(folder / "theirs", [], durable=False) as theirs:
        server = theirs.postgres.url("postgres")
        with Platform(folder / "ours", CATALOG_AND_METERING, postgres_url=server, nats_url=theirs.nats.url) as ours:
            assert ours.processes.keys() == {"catalog", "metering"}
            seen = environment_of(ours, "catalog")
            assert seen["TOLLKEEPER_DATABASE_URL"] == theirs.postgres.url("tollkeeper_catalog")
        theirs.wait_healthy(timeout=0)
    assert survivors() == []


def test_a_server_of_others_that_is_away_is_a_sentence(folder: Path) -> None:
    nowhere = f"postgresql://somebody@127.0.0.1:{ports.free_port()}"
    platform = Platform(folder, CATALOG_AND_METERING, postgres_url=nowhere, nats_url="nats://127.0.0.1:1")
    with pytest.raises(PlatformError, match=r"PostgreSQL at 127\.0\.0\.1:\d+ did not make the databases"), platform:
        pass


def test_the_real_services_are_python_modules() -> None:
    assert [CATALOG.command[1:], BILLING.command[1:]] == [("-P", "-m", "catalog"), ("-P", "-m", "billing")]
