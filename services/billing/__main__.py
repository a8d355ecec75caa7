"""``python -m billing serve | migrate``."""

from billing.settings import BillingSettings
from billing.wiring import wire
from kit.service import main

if __name__ == "__main__":
    main("billing", BillingSettings, wire)
