"""``python -m catalog serve | migrate``."""

from kit.service import main

from catalog.settings import CatalogSettings
from catalog.wiring import wire

if __name__ == "__main__":
    main("catalog", CatalogSettings, wire)
