"""``python -m metering serve | migrate``."""

from kit.command_line import main
from metering.settings import MeteringSettings

if __name__ == "__main__":
    main("metering", MeteringSettings)
