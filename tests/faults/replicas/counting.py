"""Usage counted without Tollkeeper."""

from collections.abc import Iterable

from tests.faults.replicas.world import Airline
from tollkeeper.metering.v1.event_pb2 import Event


def counted(events: Iterable[Event], airline: Airline) -> dict[str, str]:
    """The metered usage of an airline."""
    own = {event.idempotency_key: event.dimensions for event in events if event.customer_id == airline.id}
    return {
        "departures": str(len(own)),
        "miles": str(int(sum(dimensions["distance"].number_value for dimensions in own.values()))),
        "aircraft": str(len({dimensions["tailnum"].string_value for dimensions in own.values()})),
    }
