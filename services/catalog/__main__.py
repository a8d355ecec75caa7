"""``python -m catalog serve | migrate``."""

from catalog.settings import CatalogSettings
from kit.command_line import main

if __name__ == "__main__":
    main("catalog", CatalogSettings)
