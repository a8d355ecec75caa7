"""The embedded PostgreSQL, on its good days and its bad ones."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, LiteralString

import psutil
import psycopg
import pytest

import cli
from cli import ports
from cli.child_process import Account
from cli.data_folder import temporary_folder
from cli.embedded import postgres_place
from cli.embedded.databases import create_databases, database_url
from cli.embedded.postgres import EmbeddedPostgres
from cli.errors import ChildDiedError, PlatformError
from tests.integration.cli.conftest import StartOwner, Survivors, has_ended, wait_until

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="root alone has the rights")

OWNER = """
import signal
import sys
from pathlib import Path
from cli.embedded.postgres import EmbeddedPostgres

server = EmbeddedPostgres(Path(sys.argv[1]))
server.start()
server.create_databases(["kept"])
print(server.process.pid, flush=True)
signal.pause()
"""

# The interpreter itself may be out of nobody's reach: root becomes nobody when everything is loaded.
AS_NOBODY = """
import os
import sys
from pathlib import Path
from cli.embedded.postgres import EmbeddedPostgres

os.setgroups([])
os.setgid(65534)
os.setuid(65534)
with EmbeddedPostgres(Path(sys.argv[1]), durable=False) as server:
    print(server.data_dir.owner(), server.data_dir)
"""


def run(server: EmbeddedPostgres, statement: LiteralString, database: str = "postgres") -> list[tuple[Any, ...]]:
    url = server.url(database).replace("+psycopg", "")
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


@pytest.fixture(scope="module")
def data() -> Iterator[Path]:
    """A folder in which one test after the other runs its server: making new data takes the longest."""
    path = temporary_folder() / "pg"
    yield path
    postgres_place.delete(path)
    path.parent.rmdir()


def test_data_are_found_again_on_the_same_port(data: Path) -> None:
    with EmbeddedPostgres(data) as server:
        server.create_databases(["kept"])
        run(server, "CREATE TABLE facts AS SELECT 1 AS fact", "kept")
    assert server.process.pid is None
    before = server.port
    with server:
        assert run(server, "SELECT fact FROM facts", "kept") == [(1,)]
        assert server.port == before


def test_the_server_is_durable_ample_and_on_the_loopback_only(data: Path) -> None:
    with EmbeddedPostgres(data) as server:
        settings = dict(run(server, "SELECT name, setting FROM pg_settings"))
        assert int(str(settings["shared_buffers"])) * 8192 >= 128 * 1024**2
        names = ("fsync", "synchronous_commit", "full_page_writes", "max_connections", "listen_addresses")
        assert [settings[name] for name in names] == ["on", "on", "on", "200", "127.0.0.1"]
        assert settings["unix_socket_directories"] == ""
        assert settings["TimeZone"] == "UTC"
        assert server.process.pid is not None
        process = psutil.Process(server.process.pid)
        assert {socket.laddr.ip for socket in process.net_connections("inet")} == {"127.0.0.1"}
        assert (os.getsid(process.pid), process.cwd()) == (process.pid, str(server.data_dir))
        # Text is ordered by its code points, whatever the machine's language.
        assert run(server, "SELECT 'a' < 'B', upper('ß') = 'SS' OR upper('ä') = 'Ä'") == [(False, True)]


def test_a_server_for_tests_trades_durability_and_leaves_no_folder() -> None:
    server = EmbeddedPostgres(durable=False)
    with server:
        settings = dict(run(server, "SELECT name, setting FROM pg_settings"))
        assert [settings[name] for name in ("fsync", "synchronous_commit", "full_page_writes")] == ["off"] * 3
        data = server.data_dir
        assert data.exists()
    assert not data.parent.exists()


def test_databases_are_made_once(data: Path) -> None:
    with EmbeddedPostgres(data, durable=False) as server:
        server.create_databases(["alpha", "beta"])
        run(server, "CREATE TABLE facts ()", "alpha")
        server.create_databases(["alpha", "beta", "Mixed-Case"])
        run(server, "SELECT FROM facts", "alpha")
        run(server, "SELECT", "Mixed-Case")


def test_databases_made_at_the_same_moment_are_made_once(data: Path) -> None:
    names = [f"d{number}" for number in range(8)]
    with EmbeddedPostgres(data, durable=False) as postgres, ThreadPoolExecutor(4) as replicas:
        # Nobody minds who was first.
        for made in [replicas.submit(postgres.create_databases, names) for _ in range(4)]:
            made.result()
        with psycopg.connect(postgres.url("postgres").replace("+psycopg", "")) as connection:
            found = connection.execute("SELECT datname FROM pg_database WHERE datname LIKE 'd_' ORDER BY 1").fetchall()
        assert [name for (name,) in found] == names


def test_a_taken_port_is_a_sentence(data: Path) -> None:
    with socket.create_server((ports.LOOPBACK, 0)) as other:
        server = EmbeddedPostgres(data, other.getsockname()[1], durable=False)
        with pytest.raises(ChildDiedError, match=r"PostgreSQL did not start(.|\n)*Address already in use"):
            server.start()
        assert server.process.pid is None


def test_a_port_taken_since_it_was_chosen_is_exchanged(data: Path) -> None:
    server = EmbeddedPostgres(data, durable=False)
    with socket.create_server((ports.LOOPBACK, server.port)) as other, server:
        assert server.port != other.getsockname()[1]
        run(server, "SELECT")


def test_a_folder_in_use_is_a_sentence(data: Path) -> None:
    with EmbeddedPostgres(data, durable=False) as server:
        with pytest.raises(PlatformError, match=f"in use by process {os.getpid()}"):
            EmbeddedPostgres(data, durable=False).start()
        run(server, "SELECT")


def test_an_interrupted_initdb_is_begun_anew(folder: Path) -> None:
    (folder / "pg" / "data.new").mkdir(parents=True)
    (folder / "pg" / "data.new" / "PG_VERSION").write_text("18\n")
    with EmbeddedPostgres(folder / "pg", durable=False) as server:
        run(server, "SELECT")


def test_a_killed_server_is_started_again_with_its_data(data: Path) -> None:
    with EmbeddedPostgres(data) as server:
        run(server, "CREATE TABLE sure AS SELECT 1 AS fact")
        for _ in range(3):
            server.process.kill()
            server.start()
            assert run(server, "SELECT fact FROM sure") == [(1,)]


def test_what_a_killed_owner_left_is_ended_by_the_next(
    folder: Path, start_owner: StartOwner, survivors: Survivors
) -> None:
    owner = start_owner(OWNER, str(folder / "pg"))
    assert owner.stdout is not None
    left = psutil.Process(int(owner.stdout.readline()))
    # The lifeline would end it too; here the next start has to.
    for process in survivors():
        if "cli.lifeline" in process.cmdline():
            process.kill()
    owner.kill()
    owner.wait()
    assert left.is_running()
    with EmbeddedPostgres(folder / "pg") as server:
        assert has_ended(left)
        run(server, "SELECT", "kept")


def test_what_a_killed_owner_left_ends_by_itself(folder: Path, start_owner: StartOwner) -> None:
    owner = start_owner(OWNER, str(folder / "pg"))
    assert owner.stdout is not None
    left = psutil.Process(int(owner.stdout.readline()))
    owner.kill()
    wait_until(lambda: has_ended(left))
    log = (folder / "pg" / "postgres.log").read_text()
    assert "received fast shutdown request" in log
    assert "database system is shut down" in log


@root_only
def test_data_and_binaries_go_elsewhere_where_the_account_cannot_reach(folder: Path) -> None:
    folder.chmod(0o700)
    with EmbeddedPostgres(folder / "pg", durable=False) as server:
        elsewhere = server.data_dir.parent
        assert elsewhere.parent == Path("/var/tmp")  # noqa: S108 - where the server put itself
        run(server, "CREATE TABLE facts AS SELECT 1 AS fact")
    assert folder.stat().st_mode & 0o777 == 0o700
    with EmbeddedPostgres(folder / "pg", durable=False) as server:
        assert run(server, "SELECT fact FROM facts") == [(1,)]
        assert server.data_dir.parent == elsewhere
    server.delete()
    assert not elsewhere.exists()
    assert not (folder / "pg").exists()


@root_only
def test_binaries_out_of_reach_are_copied(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.embedded.postgres_place._may", lambda _account, *command: command[0] == "test")
    (folder / "pg").mkdir()
    previous = os.umask(0o077)
    try:
        with EmbeddedPostgres(folder / "pg", durable=False) as server:
            assert server.process.pid is not None
            executable = psutil.Process(server.process.pid).exe()
            assert executable.startswith("/var/tmp/tollkeeper-")  # noqa: S108
            assert server.data_dir.is_relative_to(folder)
    finally:
        os.umask(previous)
    server.delete()
    assert not Path(executable).exists()


@root_only
def test_data_that_came_out_of_reach_are_not_begun_anew(folder: Path) -> None:
    with EmbeddedPostgres(folder / "pg", durable=False):
        pass
    folder.chmod(0o700)
    with pytest.raises(PlatformError, match="cannot reach its data"):
        EmbeddedPostgres(folder / "pg", durable=False).start()


@root_only
def test_data_lost_elsewhere_are_not_begun_anew(folder: Path) -> None:
    (folder / "pg").mkdir()
    (folder / "pg" / "location").write_text("/var/tmp/tollkeeper-which-is-gone\n")  # noqa: S108
    with pytest.raises(PlatformError, match=r"is gone\. Bring it back, or delete"):
        EmbeddedPostgres(folder / "pg", durable=False).start()
    (folder / "pg" / "location").unlink()


@root_only
def test_an_unprivileged_user_runs_it_as_himself(folder: Path) -> None:
    nobody = Account("nobody", 65534, 65534)
    if subprocess.run(nobody.run_as(["test", "-r", str(Path(cli.__file__))]), cwd="/", check=False).returncode:
        pytest.skip("the checkout lies in a private folder, which nobody but its owner can enter")
    (folder / "his").mkdir()
    os.chown(folder / "his", 65534, 65534)
    done = subprocess.run(
        [sys.executable, "-c", AS_NOBODY, str(folder / "his" / "pg")],
        stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == f"nobody {folder}/his/pg/data\n"
    # And root, who comes after him, lets him have it.
    with EmbeddedPostgres(folder / "his" / "pg", durable=False) as server:
        assert server.data_dir.owner() == "nobody"


def test_a_server_that_does_not_answer_is_a_sentence_without_the_password() -> None:
    with pytest.raises(PlatformError, match="did not make the databases") as caught:
        create_databases(f"postgresql://me:secret@127.0.0.1:{ports.free_port()}", ["any"])
    assert "secret" not in str(caught.value)


def test_urls_of_databases_keep_the_options() -> None:
    url = database_url("postgres://me:p%40ss@db.example:6432/x?sslmode=require", "tollkeeper_catalog")
    assert url == "postgresql+psycopg://me:p%40ss@db.example:6432/tollkeeper_catalog?sslmode=require"


def test_stop_does_not_wait_for_clients(data: Path) -> None:
    server = EmbeddedPostgres(data, durable=False)
    with server:
        client = psycopg.connect(server.url("postgres").replace("+psycopg", ""))
    assert server.process.wait(0) == 0
    with pytest.raises(psycopg.OperationalError):
        client.execute("SELECT 1")
    client.close()
