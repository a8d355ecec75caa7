"""Raw events that are older than what is kept: found customer by customer, let go a bounded number at a time. Keys stay."""

from metering.store.line import Raw

# The index of customer and time finds them, skipping from customer to customer.
_NEXT = """
SELECT min(customer_id COLLATE "C") FROM (
    (SELECT customer_id FROM event WHERE customer_id > %(after)s AND timestamp_us < %(before)s ORDER BY customer_id LIMIT 1)
    UNION ALL
    (SELECT customer_id FROM retraction WHERE customer_id > %(after)s AND timestamp_us < %(before)s ORDER BY customer_id LIMIT 1)
) AS found
"""

# What somebody is about to retract is his.
_LET_GO = """
DELETE FROM event WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM event WHERE customer_id = %(customer)s AND timestamp_us < %(before)s
    ORDER BY timestamp_us LIMIT %(most)s FOR UPDATE SKIP LOCKED
))
"""

_LET_RETRACTED_GO = """
UPDATE retraction SET timestamp_us = NULL, event_name = NULL, resource_id = NULL, dimensions = NULL
WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM retraction WHERE customer_id = %(customer)s AND timestamp_us < %(before)s
    LIMIT %(most)s FOR UPDATE SKIP LOCKED
))
"""


async def next_customer(connection: Raw, *, after: str, before: int) -> str | None:
    """The next customer in the order of ids who has raw events, retracted ones too, from before this time."""
    cursor = await connection.execute(_NEXT, {"after": after, "before": before})
    row = await cursor.fetchone()
    return None if row is None else row[0]


async def let_go(connection: Raw, customer_id: str, *, before: int, most: int) -> int:
    """Lets the customer's oldest events go, and what retractions say of such; gives how many rows it was."""
    wanted = {"customer": customer_id, "before": before, "most": most}
    events = await connection.execute(_LET_GO, wanted)
    retracted = await connection.execute(_LET_RETRACTED_GO, wanted)
    return events.rowcount + retracted.rowcount
