"""``python -m metering serve | migrate``."""

import gc

from kit.service import main
from metering.settings import MeteringSettings
from metering.wiring import wire

if __name__ == "__main__":
    # A batch makes tens of thousands of objects without a cycle among them: by default the collector would look for cycles
    # a hundred times a batch, a quarter of the ingest's time.
    gc.set_threshold(50_000, 20, 100)
    main("metering", MeteringSettings, wire)
