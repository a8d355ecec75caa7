"""Real PostgreSQL and NATS for every test that asks: one server of each a worker, one database a test."""

import itertools
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

os.environ.setdefault("GRPC_VERBOSITY", "NONE")

import psycopg
import pytest
from hypothesis import settings

from cli.embedded.nats import EmbeddedNats
from cli.embedded.postgres import EmbeddedPostgres
from kit import migrate
from kit.broker import Broker, connect
from kit.db import Database

# The same examples in every run: a law that fails must fail for everybody.
settings.register_profile("tollkeeper", derandomize=True, deadline=None)
settings.load_profile("tollkeeper")

MakeDatabase = Callable[[str], str]


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL server that forgets everything with the machine: nothing here kills it."""
    with EmbeddedPostgres(durable=False) as server:
        yield server


@pytest.fixture(scope="session")
def nats_server() -> Iterator[EmbeddedNats]:
    """A NATS server with JetStream."""
    with EmbeddedNats() as server:
        yield server


@pytest.fixture(scope="session")
def migrated(postgres: EmbeddedPostgres) -> Callable[[str], str]:
    """Gives the name of a service's migrated, empty database: the template of its tests' databases."""
    made: dict[str, str] = {}

    def template(service: str) -> str:
        if service not in made:
            name = f"template_{service}"
            postgres.create_databases([name])
            migrate.upgrade(service, postgres.url(name))
            made[service] = name
        return made[service]

    return template


_numbers = itertools.count(1)


@pytest.fixture
def make_database(postgres: EmbeddedPostgres, migrated: Callable[[str], str]) -> Iterator[MakeDatabase]:
    """Makes a migrated database of a service for this test alone, and gives its URL."""
    names: list[str] = []

    def make(service: str) -> str:
        name = f"test_{service}_{next(_numbers)}"
        _administer(postgres, f'CREATE DATABASE "{name}" TEMPLATE "{migrated(service)}"')
        names.append(name)
        return postgres.url(name)

    yield make
    for name in names:
        _administer(postgres, f'DROP DATABASE "{name}" WITH (FORCE)')


def _administer(postgres: EmbeddedPostgres, statement: str) -> None:
    url = postgres.url("postgres").replace("+psycopg", "")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)


@pytest.fixture
async def resources() -> AsyncIterator[AsyncExitStack]:
    """Closes what a test opened, newest first."""
    async with AsyncExitStack() as stack:
        yield stack


@pytest.fixture
async def open_database(make_database: MakeDatabase, resources: AsyncExitStack) -> Callable[[str], Database]:
    """Opens a migrated database of a service for this test alone."""

    def opened(service: str) -> Database:
        database = Database(make_database(service))
        resources.push_async_callback(database.close)
        return database

    return opened


@pytest.fixture
async def broker(nats_server: EmbeddedNats, resources: AsyncExitStack) -> Broker:
    """A connection to NATS, whose streams are empty."""
    connected = await connect(nats_server.url, "test")
    resources.push_async_callback(connected.close)
    for stream in await connected.jetstream.streams_info():
        await connected.jetstream.delete_stream(stream.config.name or "")
    return connected


@pytest.fixture(scope="session")
def project_root() -> Path:
    """The root of the checkout."""
    return Path(__file__).resolve().parent.parent
