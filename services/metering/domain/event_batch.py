"""A batch of raw events, kept in columns: a thousand objects cost more than a thousand counts."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from metering.domain.meter import Dimensions

# The contract's bounds. A batch is what one transaction of the caller is worth; larger ones only make its memory grow.
MAX_EVENTS: Final = 5_000
MAX_KEY_LENGTH: Final = 256
MAX_DIMENSIONS: Final = 64
MAX_NAME_LENGTH: Final = 128


@dataclass(slots=True)
class EventBatch:
    """Well-formed events in the caller's order; the columns are equally long.

    Attributes:
        times: Microseconds since 1970; None where the caller gave none, until they are settled.
        dimensions: What meters read.
        dimension_texts: The same as a JSON object, as it is stored; numbers exact.
    """

    customer_ids: list[str] = field(default_factory=list)
    event_names: list[str] = field(default_factory=list)
    idempotency_keys: list[str] = field(default_factory=list)
    resource_ids: list[str] = field(default_factory=list)
    times: list[int | None] = field(default_factory=list)
    dimensions: list[Dimensions] = field(default_factory=list)
    dimension_texts: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.customer_ids)

    @property
    def settled_times(self) -> Sequence[int]:
        """The times, once each event has one.

        Raises:
            ValueError: One is missing.
        """
        if None in self.times:
            raise ValueError("a time is missing")
        return self.times  # type: ignore[return-value]  # just checked.
