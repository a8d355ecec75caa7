"""The tables of entitlements.

Every row is a copy of an owner's state and carries the owner's revision: entitlements changes nothing of its own, so it has
no sequence of revisions. Ended subscriptions stay as rows, so that an old event cannot revive them.
"""

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Index, Integer, LargeBinary, MetaData, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from kit.consumer import dead_letter_table

metadata = MetaData()

_Id = Text(collation="C")

customer = Table(
    "customer",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("test_clock_id", _Id, nullable=False),
    Column("revision", BigInteger, nullable=False),
    # Whether all its subscriptions are known here: since its birth, or since its owner was asked for all of them. A stream
    # keeps a month; a customer first heard of by a later event may have subscriptions that are older than the stream.
    Column("complete", Boolean, nullable=False),
)

test_clock = Table(
    "test_clock",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("time", DateTime(timezone=True), nullable=False),
    Column("revision", BigInteger, nullable=False),
)

subscription = Table(
    "subscription",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("customer_id", _Id, nullable=False),
    Column("time_zone", Text, nullable=False),
    Column("start_time", DateTime(timezone=True), nullable=False),
    # From when to when it gives access; no start: it gives none, no end: until further notice.
    Column("access_start", DateTime(timezone=True), nullable=True),
    Column("access_end", DateTime(timezone=True), nullable=True),
    Column("end_time", DateTime(timezone=True), nullable=True),
    # What it holds, and what it will hold from `scheduled_time` on: plan, billing period, anchor, commitments and add-ons.
    Column("terms", JSONB, nullable=False),
    Column("scheduled_time", DateTime(timezone=True), nullable=True),
    Column("scheduled_terms", JSONB(none_as_null=True), nullable=True),
    # What the customer's clock showed at least when billing wrote it.
    Column("seen_time", DateTime(timezone=True), nullable=False),
    Column("revision", BigInteger, nullable=False),
    Index("subscription_by_customer", "customer_id", "id"),
)

feature = Table(
    "feature",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("type", Text, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("usage_source", Text, nullable=True),
    Column("unit_singular", Text, nullable=False),
    Column("unit_plural", Text, nullable=False),
    Column("revision", BigInteger, nullable=False),
)

# Which version's entitlements reach the subscriptions of all older versions: moving it is all that a carried publish costs.
plan = Table(
    "plan",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("carried_version", Integer, nullable=False),
    Column("revision", BigInteger, nullable=False),
)

# A published version never changes: the catalog's message is kept as it is, and needs no revision.
plan_version = Table(
    "plan_version",
    metadata,
    Column("plan_id", _Id, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("payload", LargeBinary, nullable=False),
)

dead_letter = dead_letter_table(metadata)
