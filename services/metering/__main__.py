"""``python -m metering serve | migrate | rebuild``."""

import gc

from kit.command_line import main
from metering.settings import MeteringSettings

# A batch of events makes thousands of values, none of them in a circle: by default the collector looks through all of
# them again and again, for an eighth of what ingest costs.
GARBAGE_THRESHOLDS = (50_000, 20, 50)

if __name__ == "__main__":
    gc.set_threshold(*GARBAGE_THRESHOLDS)
    main("metering", MeteringSettings, further=("rebuild",))
