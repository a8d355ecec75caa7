"""A raw event as it is read back, and which events are asked for."""

from dataclasses import dataclass
from datetime import datetime

from metering.domain.meter import Dimensions


@dataclass(frozen=True, slots=True)
class Event:
    """Something a customer did, as a fact."""

    event_name: str
    customer_id: str
    idempotency_key: str
    resource_id: str
    time: datetime
    dimensions: Dimensions


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events are asked for.

    Attributes:
        event_name: Empty: of every name.
        start: At or after; None: from the first.
        end: Before; None: to the last.
    """

    customer_id: str
    event_name: str
    start: datetime | None
    end: datetime | None
