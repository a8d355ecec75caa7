"""A batch of raw events, kept in columns: a thousand objects cost more than a thousand counts."""

from dataclasses import dataclass, field
from typing import Final

from metering.domain.meter import Dimensions

# The contract's bounds. A batch is what one transaction of the caller is worth; larger ones only make its memory grow.
MAX_EVENTS: Final = 5_000
MAX_KEY_LENGTH: Final = 256
MAX_DIMENSIONS: Final = 64
MAX_NAME_LENGTH: Final = 128
# A number, so that the column has one type; before 1970 there are no events.
UNSETTLED: Final = -1


@dataclass(slots=True)
class EventBatch:
    """Well-formed events in the caller's order; the columns are equally long.

    Attributes:
        times: Microseconds since 1970; `UNSETTLED` where the caller gave none, until it is settled.
        dimensions: What meters read.
        dimension_texts: The same as a JSON object, as it is stored; numbers exact.
    """

    customer_ids: list[str] = field(default_factory=list)
    event_names: list[str] = field(default_factory=list)
    idempotency_keys: list[str] = field(default_factory=list)
    resource_ids: list[str] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    dimensions: list[Dimensions] = field(default_factory=list)
    dimension_texts: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.customer_ids)
