"""The rows of the ingest benchmark: sixteen customers, a month, three dimensions; made up, but of the size of real ones."""

from collections.abc import Iterator
from typing import NamedTuple

BATCH = 500
CUSTOMERS = 16
# 2013-01-01 in New York.
START = 1_357_016_400
MONTH = 31 * 86_400


class Row(NamedTuple):
    """One event."""

    customer_id: str
    key: str
    seconds: int
    miles: float
    tail: str
    origin: str


def rows(run: str, number: int) -> Iterator[Row]:
    """The events of one batch; keys differ by run and batch."""
    for index in range(number * BATCH, (number + 1) * BATCH):
        mixed = index * 2_654_435_761 % 2**32
        yield Row(
            customer_id=f"carrier-{mixed % CUSTOMERS}",
            key=f"{run}-{mixed % 9_000}-JFK-{index}",
            seconds=START + mixed % MONTH,
            miles=float(80 + mixed % 4_900),
            tail=f"N{mixed % 4_000:05d}",
            origin=("EWR", "JFK", "LGA")[mixed % 3],
        )
