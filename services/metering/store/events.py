"""Raw events in the store: each key is let in once."""

from collections.abc import Iterable, Sequence

from metering.domain.event_batch import EventBatch
from metering.store.line import Raw

# Made once for each connection of the ingest line; emptied by each commit.
STAGING = """
CREATE TEMPORARY TABLE staging (
    customer_id text COLLATE "C", idempotency_key text COLLATE "C", timestamp_us bigint, row integer
) ON COMMIT DELETE ROWS
"""

_STAGE = "COPY staging FROM STDIN"

# In the order in which they were staged.
_LET_IN = """
WITH fresh AS (
    INSERT INTO event_key (customer_id, idempotency_key, timestamp_us)
    SELECT customer_id, idempotency_key, timestamp_us FROM staging ORDER BY row
    ON CONFLICT DO NOTHING
    RETURNING customer_id, idempotency_key
)
SELECT row FROM staging s
WHERE NOT EXISTS (
    SELECT FROM fresh f WHERE f.customer_id = s.customer_id AND f.idempotency_key = s.idempotency_key
)
"""

_LET_ALL_IN = "COPY event_key (customer_id, idempotency_key, timestamp_us) FROM STDIN"

_STORE = "COPY event (customer_id, idempotency_key, timestamp_us, event_name, resource_id, dimensions) FROM STDIN"


class EventLines:
    """Events as COPY's text format takes them: parallel columns."""

    __slots__ = ("events", "keys", "times")

    def __init__(self, keys: list[str], times: list[int], events: list[str]) -> None:
        """`keys` are customer and idempotency key, equal where both are; `events` whole lines."""
        self.keys = keys
        self.times = times
        self.events = events

    def __len__(self) -> int:
        return len(self.keys)


def lines_of(batch: EventBatch) -> EventLines:
    """The events of a batch whose times are settled. Ids need no escaping."""
    keys = [
        f"{customer_id}\t{escaped(key)}"
        for customer_id, key in zip(batch.customer_ids, batch.idempotency_keys, strict=True)
    ]
    columns = zip(keys, batch.times, batch.event_names, batch.resource_ids, batch.dimension_texts, strict=True)
    events = [
        f"{key}\t{time}\t{name}\t{resource_id}\t{escaped(text)}\n" for key, time, name, resource_id, text in columns
    ]
    return EventLines(keys, batch.times, events)


def joined(several: Sequence[EventLines]) -> EventLines:
    """The events of several batches, one after the other."""
    if len(several) == 1:
        return several[0]
    return EventLines(
        [key for lines in several for key in lines.keys],
        [time for lines in several for time in lines.times],
        [event for lines in several for event in lines.events],
    )


def first_rows(lines: EventLines) -> list[int]:
    """The first event of each key, in the order in which keys are taken.

    It is the same everywhere: two transactions with the same keys in different orders would wait for each other.
    """
    keys = lines.keys
    first = {key: row for row, key in zip(range(len(keys) - 1, -1, -1), reversed(keys), strict=True)}
    return [first[key] for key in sorted(first)]


async def let_all_in(connection: Raw, lines: EventLines, rows: Iterable[int]) -> None:
    """Takes the keys of these events, in the order of `first_rows`; for half the price of `let_in`.

    Raises:
        psycopg.errors.UniqueViolation: One of the keys is used: nothing was taken.
    """
    keys, times = lines.keys, lines.times
    async with connection.cursor() as cursor, cursor.copy(_LET_ALL_IN) as copy:
        await copy.write("".join([f"{keys[row]}\t{times[row]}\n" for row in rows]).encode())


async def let_in(connection: Raw, lines: EventLines, rows: Sequence[int]) -> list[int]:
    """Takes those keys of these events, in the order of `first_rows`, that are free; gives the events that it let in."""
    keys, times = lines.keys, lines.times
    staged = "".join([f"{keys[row]}\t{times[row]}\t{place}\n" for place, row in enumerate(rows)])
    async with connection.cursor() as cursor:
        async with cursor.copy(_STAGE) as copy:
            await copy.write(staged.encode())
        await cursor.execute(_LET_IN, prepare=True)
        late = {place for (place,) in await cursor.fetchall()}
    return [row for place, row in enumerate(rows) if place not in late] if late else list(rows)


async def store(connection: Raw, lines: EventLines, rows: Iterable[int]) -> None:
    """Stores events that were let in; near each other what is of one customer."""
    events = lines.events
    async with connection.cursor() as cursor, cursor.copy(_STORE) as copy:
        await copy.write("".join([events[row] for row in rows]).encode())


def escaped(text: str) -> str:
    """The text as COPY's text format takes it."""
    if "\\" in text:
        text = text.replace("\\", "\\\\")
    if not text.isprintable():
        text = text.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
    return text
