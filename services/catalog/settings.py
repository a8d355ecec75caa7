"""The catalog's settings."""

from kit.settings import ServiceSettings


class CatalogSettings(ServiceSettings):
    """What every service needs; the catalog asks nobody else."""
