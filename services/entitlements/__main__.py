"""``python -m entitlements serve | migrate``."""

from entitlements.settings import EntitlementsSettings
from entitlements.wiring import wire
from kit.service import main

if __name__ == "__main__":
    main("entitlements", EntitlementsSettings, wire)
