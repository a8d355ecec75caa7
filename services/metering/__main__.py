"""``python -m metering serve | migrate``."""

from kit.service import main
from metering.settings import MeteringSettings
from metering.wiring import wire

if __name__ == "__main__":
    main("metering", MeteringSettings, wire)
