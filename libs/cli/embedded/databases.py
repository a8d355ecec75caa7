"""Databases on a server, embedded or not."""

from collections.abc import Iterable
from contextlib import suppress

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from cli.errors import PlatformError


def database_url(server: str, database: str) -> str:
    """The server's URL with that database in it, for SQLAlchemy; options such as `?sslmode=require` stay."""
    url = make_url(server).set(drivername="postgresql+psycopg", database=database)
    return url.render_as_string(hide_password=False)


def create_databases(server: str, names: Iterable[str]) -> None:
    """Creates those that are missing, through the server's database `postgres`.

    Raises:
        PlatformError: The server does not answer, or forbids it; the sentence does not show the password.
    """
    url = make_url(server).set(drivername="postgresql", database="postgres")
    try:
        with psycopg.connect(
            url.render_as_string(hide_password=False), autocommit=True, connect_timeout=10
        ) as connection:
            for name in names:
                found = connection.execute("SELECT FROM pg_database WHERE datname = %s", [name])
                if not found.rowcount:
                    # A replica's start may make it at the same moment: who comes second hears of the name or of its index.
                    with suppress(psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
                        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    except psycopg.Error as error:
        raise PlatformError(
            f"PostgreSQL at {url.host}:{url.port or 5432} did not make the databases: {error}"
        ) from error
