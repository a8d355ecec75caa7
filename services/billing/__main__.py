"""``python -m billing serve | migrate``."""

from billing.settings import BillingSettings
from kit.command_line import main

if __name__ == "__main__":
    main("billing", BillingSettings)
