"""Raw events in the store: each key is let in once."""

from collections.abc import Iterable, Sequence

from metering.domain.event_batch import EventBatch
from metering.store.line import Raw

# Made once for each connection of the ingest line; emptied by each commit.
STAGING = """
CREATE TEMPORARY TABLE staging (customer_id text COLLATE "C", idempotency_key text COLLATE "C", row integer)
ON COMMIT DELETE ROWS
"""

_STAGE = "COPY staging FROM STDIN"

# In the order of their keys: two transactions with the same keys in different orders would wait for each other.
_LET_IN = """
WITH fresh AS (
    INSERT INTO event_key (customer_id, idempotency_key)
    SELECT customer_id, idempotency_key FROM staging ORDER BY customer_id, idempotency_key
    ON CONFLICT DO NOTHING
    RETURNING customer_id, idempotency_key
)
SELECT row FROM staging s
WHERE NOT EXISTS (
    SELECT FROM fresh f WHERE f.customer_id = s.customer_id AND f.idempotency_key = s.idempotency_key
)
"""

_STORE = "COPY event (customer_id, idempotency_key, timestamp_us, event_name, resource_id, dimensions) FROM STDIN"


async def let_in(connection: Raw, keys: Sequence[str], rows: Iterable[int]) -> frozenset[int]:
    """Takes the keys of these rows, which are all different; gives the rows that came too late."""
    lines = "".join([f"{keys[row]}\t{row}\n" for row in rows])
    async with connection.cursor() as cursor:
        async with cursor.copy(_STAGE) as copy:
            await copy.write(lines.encode())
        await cursor.execute(_LET_IN, prepare=True)
        return frozenset(row for (row,) in await cursor.fetchall())


async def store(connection: Raw, lines: Sequence[str]) -> None:
    """Stores events that were let in, as `copy_lines` wrote them."""
    async with connection.cursor() as cursor, cursor.copy(_STORE) as copy:
        await copy.write("".join(lines).encode())


def copy_keys(batch: EventBatch) -> list[str]:
    """Customer and idempotency key of each event as COPY's text format takes them; equal where both are."""
    keys = zip(batch.customer_ids, batch.idempotency_keys, strict=True)
    return [f"{customer_id}\t{escaped(key)}" for customer_id, key in keys]


def copy_lines(batch: EventBatch, keys: Sequence[str]) -> list[str]:
    """One line of COPY's text format for each event. Ids need no escaping."""
    columns = zip(keys, batch.times, batch.event_names, batch.resource_ids, batch.dimension_texts, strict=True)
    return [
        f"{key}\t{time}\t{name}\t{resource_id}\t{escaped(text)}\n" for key, time, name, resource_id, text in columns
    ]


def escaped(text: str) -> str:
    """The text as COPY's text format takes it."""
    if "\\" in text:
        text = text.replace("\\", "\\\\")
    if not text.isprintable():
        text = text.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
    return text
