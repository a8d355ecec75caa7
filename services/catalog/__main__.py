"""``python -m catalog serve | migrate``."""

from catalog.settings import CatalogSettings
from catalog.wiring import wire
from kit.service import main

if __name__ == "__main__":
    main("catalog", CatalogSettings, wire)
