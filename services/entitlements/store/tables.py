"""The tables of entitlements: copies of owners' state, each row with its owner's revision, and what this service itself owns.

Ended subscriptions stay as rows, so that an old event cannot revive them.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Sequence,
    Table,
    Text,
    func,
)
from sqlalchemy.dialects.postgresql import JSONB

from kit.consumer import dead_letter_table
from kit.outbox import outbox_tables

metadata = MetaData()

_Id = Text(collation="C")

# Every change that decisions follow from takes its number here; see `store.changes`. Its high bits are the epoch, which an
# operator raises after restoring a backup.
revision = Sequence("revision", metadata=metadata)

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
    # Of an enum feature; empty for others.
    Column("values", JSONB, nullable=False),
    Column("shadow_mode", Boolean, nullable=False),
    Column("revision", BigInteger, nullable=False),
)

# Which version's entitlements reach the subscriptions of all older versions: moving it is all that a carried publish costs.
plan = Table(
    "plan",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("carried_version", Integer, nullable=False),
    Column("revision", BigInteger, nullable=False),
    # Our own number of when the version became this.
    Column("change", BigInteger, nullable=False),
)

# A published version never changes: the catalog's message is kept as it is, and needs no revision.
plan_version = Table(
    "plan_version",
    metadata,
    Column("plan_id", _Id, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("payload", LargeBinary, nullable=False),
)

# How far what a customer holds has come: its subscriptions as they are stored here, its grants and its revocations.
customer_change = Table(
    "customer_change",
    metadata,
    Column("customer_id", _Id, primary_key=True),
    Column("revision", BigInteger, nullable=False),
    # Whether it ever had a grant or a revocation: else loads need not look for any.
    Column("given", Boolean, nullable=False),
)

# Revoked and expired ones stay.
promotional_grant = Table(
    "promotional_grant",
    metadata,
    Column("customer_id", _Id, primary_key=True),
    Column("id", _Id, primary_key=True),
    Column("feature_id", _Id, nullable=False),
    Column("content", JSONB, nullable=False),
    Column("time_zone", Text, nullable=False),
    Column("start_time", DateTime(timezone=True), nullable=False),
    Column("expire_time", DateTime(timezone=True), nullable=True),
    Column("reason", Text, nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False),
    Column("revoke_time", DateTime(timezone=True), nullable=True),
    Column("revision", BigInteger, nullable=False),
    # Of the request that made it.
    Column("fingerprint", LargeBinary, nullable=False),
)

revocation = Table(
    "revocation",
    metadata,
    Column("customer_id", _Id, primary_key=True),
    Column("feature_id", _Id, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False),
    Column("revision", BigInteger, nullable=False),
)

# Which grant a request made.
request = Table(
    "request",
    metadata,
    Column("id", Text, primary_key=True),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("customer_id", _Id, nullable=False),
    Column("promotional_grant_id", _Id, nullable=False),
)

# Refusals that features in shadow mode were spared.
shadow_refusal = Table(
    "shadow_refusal",
    metadata,
    Column("day", Date, primary_key=True),
    Column("feature_id", _Id, primary_key=True),
    Column("reason", Text(collation="C"), primary_key=True),
    Column("count", BigInteger, nullable=False),
)

# Customers whose limits metering is to be told; a row is there until it was told of the change.
limits_due = Table(
    "limits_due",
    metadata,
    Column("customer_id", _Id, primary_key=True),
    Column("change", BigInteger, nullable=False),
    # Whoever tells takes the row by moving this on, so that it is done again if that process dies.
    Column("due_time", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Index("limits_due_by_time", "due_time"),
)

# What metering was told, so that a renewal that changes no limit costs it nothing, and what stands no longer is taken back.
limits_told = Table(
    "limits_told",
    metadata,
    Column("customer_id", _Id, primary_key=True),
    Column("change", BigInteger, nullable=False),
    Column("limits", JSONB, nullable=False),
)

# Plans whose carried version changed, and how far their customers were looked through for limits.
plan_sweep = Table(
    "plan_sweep",
    metadata,
    Column("plan_id", _Id, primary_key=True),
    Column("change", BigInteger, nullable=False),
    Column("after_customer_id", _Id, nullable=False),
)

outbox, outbox_refused = outbox_tables(metadata)

dead_letter = dead_letter_table(metadata)
