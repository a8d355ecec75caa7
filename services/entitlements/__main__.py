"""``python -m entitlements serve | migrate``."""

from entitlements.settings import EntitlementsSettings
from kit.command_line import main

if __name__ == "__main__":
    main("entitlements", EntitlementsSettings)
