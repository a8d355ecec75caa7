"""Run by Alembic through `kit.migrate`."""

from entitlements.store.tables import metadata
from kit.migrate import run_environment

run_environment(metadata)
