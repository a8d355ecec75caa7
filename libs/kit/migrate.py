"""Alembic without an ini file: each service keeps its own history in its ``migrations`` package."""

from alembic import command, context
from alembic.config import Config
from sqlalchemy import MetaData, NullPool, create_engine, text

# Two migrations at once would race; the second waits for the first. Any constant serves.
_MIGRATION_LOCK = 7_401_000


def upgrade(service: str, url: str) -> None:
    """Brings the service's database to its newest schema; does nothing where it is there already."""
    config = Config()
    config.set_main_option("script_location", f"{service}:migrations")
    config.attributes["url"] = url
    command.upgrade(config, "head")


def run_environment(metadata: MetaData) -> None:
    """What every ``migrations/env.py`` does: run the pending revisions in one transaction, one process at a time."""
    engine = create_engine(context.config.attributes["url"], poolclass=NullPool)
    with engine.connect() as connection, connection.begin():
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
        context.configure(connection=connection, target_metadata=metadata, transactional_ddl=True)
        with context.begin_transaction():
            context.run_migrations()
