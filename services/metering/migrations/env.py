"""Run by Alembic through `kit.migrate`."""

from kit.migrate import run_environment
from metering.store.tables import metadata

run_environment(metadata)
