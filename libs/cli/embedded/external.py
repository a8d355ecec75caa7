"""Servers that somebody else runs, in the place of the embedded ones."""

from collections.abc import Iterable
from dataclasses import dataclass

from cli.embedded import databases


@dataclass(frozen=True, slots=True)
class ExternalPostgres:
    """A server by its URL, such as `postgresql://user:password@host:5432?sslmode=require`."""

    server_url: str

    def url(self, database: str) -> str:
        """For SQLAlchemy."""
        return databases.database_url(self.server_url, database)

    def create_databases(self, names: Iterable[str]) -> None:
        """Those that exist are left as they are; the user of the URL must be allowed to create the others."""
        databases.create_databases(self.server_url, names)


@dataclass(frozen=True, slots=True)
class ExternalNats:
    """A server, or several separated by commas; JetStream and its `sync_interval` are their operator's."""

    url: str
