"""Metering's tables. The large ones are keyed by customer first, so that they can be spread over machines by customer."""

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    Sequence,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from kit.consumer import dead_letter_table
from kit.outbox import outbox_tables

metadata = MetaData()


def _id(name: str, *, primary_key: bool = False) -> Column[str]:
    # Bytes in their order: the order of locks is the same everywhere, and comparing is cheap.
    return Column(name, Text(collation="C"), primary_key=primary_key, nullable=False)


# Every change of usage takes its revision here, after it has locked its series: so the revisions of a series only grow.
# Its high bits are the epoch, which an operator raises after restoring a backup.
revision = Sequence("revision", metadata=metadata)

# One row: the version of the set of meters. See `store.features`.
meter_set = Table(
    "meter_set",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("version", BigInteger, nullable=False),
)

# What the catalog's features mean here.
feature = Table(
    "feature",
    metadata,
    _id("id", primary_key=True),
    Column("source", Text, nullable=False),
    # A `tollkeeper.catalog.v1.Meter`, for features metered by events.
    Column("meter", LargeBinary),
    # The shares of a limit, in percent, whose crossing is announced.
    Column("thresholds", ARRAY(Integer), nullable=False),
    Column("revision", BigInteger, nullable=False),
)

# Which clock each of billing's customers lives by; empty: real time.
customer = Table(
    "customer",
    metadata,
    _id("id", primary_key=True),
    _id("test_clock_id"),
    Column("revision", BigInteger, nullable=False),
)

test_clock = Table(
    "test_clock",
    metadata,
    _id("id", primary_key=True),
    Column("time", DateTime(timezone=True), nullable=False),
    Column("revision", BigInteger, nullable=False),
)

# Which keys are used, for ever. Beside `event`, so that raw events can be let go while their keys stay.
event_key = Table(
    "event_key",
    metadata,
    _id("customer_id", primary_key=True),
    _id("idempotency_key", primary_key=True),
    # Of its event, which is found by it; null for a key that was retracted before its event came.
    Column("timestamp_us", BigInteger),
)

# Raw events that count: a retracted one is moved to `retraction`. Without a key of its own: `event_key` has let each in
# only once. One index serves lists, ranges and meters alike, because each further one costs ingest a tenth.
event = Table(
    "event",
    metadata,
    _id("customer_id"),
    # Microseconds since 1970: COPY reads a number four times as fast as a date, and periods are found by comparing numbers.
    Column("timestamp_us", BigInteger, nullable=False),
    _id("event_name"),
    _id("idempotency_key"),
    _id("resource_id"),
    Column("dimensions", JSONB, nullable=False),
    Index("event_by_time", "customer_id", "timestamp_us"),
)

# Events that were taken back, and keys that were used up before their events came.
retraction = Table(
    "retraction",
    metadata,
    _id("customer_id", primary_key=True),
    _id("idempotency_key", primary_key=True),
    Column("retract_time", DateTime(timezone=True), nullable=False),
    Column("reason", Text, nullable=False),
    # The event as it counted; null where it had not come, or once the retention of raw events let it go.
    Column("timestamp_us", BigInteger),
    Column("event_name", Text(collation="C")),
    Column("resource_id", Text(collation="C")),
    Column("dimensions", JSONB),
    Index("retraction_by_time", "customer_id", "retract_time", "idempotency_key"),
)

# At most one row: raw events from before it may have been let go. See `store.horizon`.
horizon = Table(
    "horizon",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("timestamp_us", BigInteger, nullable=False),
)

# Whoever changes the usage of a series first locks its row, many in the order of their keys.
series = Table(
    "series",
    metadata,
    _id("customer_id", primary_key=True),
    _id("resource_id", primary_key=True),
    Column("feature_id", Text(collation="C"), ForeignKey("feature.id"), primary_key=True),
    # The newest revision of an entitlement that a ceiling was shown with.
    Column("limit_revision", BigInteger, nullable=False, server_default="0"),
    # How many trackers count it: who remembers that many knows them all, for none is ever taken away.
    Column("tracker_count", Integer, nullable=False, server_default="0"),
    # Of the customer as a whole: how many reservations are open, and a time before which none of them lapses.
    Column("open_reservations", Integer, nullable=False, server_default="0"),
    Column("next_lapse", DateTime(timezone=True)),
    # Another number with each change of the limits over its trackers: who remembers them by it knows them. 0: there are none.
    Column("limits_version", BigInteger, nullable=False, server_default="0"),
    Index("series_by_next_lapse", "next_lapse", postgresql_where=text("next_lapse IS NOT NULL")),
)

tracker = Table(
    "tracker",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    _id("customer_id"),
    _id("resource_id"),
    _id("feature_id"),
    # Empty for the one endless period; anchor and zone then mean nothing (1970, empty).
    Column("interval", Text, nullable=False),
    Column("anchor", DateTime(timezone=True), nullable=False),
    Column("time_zone", Text, nullable=False),
    ForeignKeyConstraint(
        ["customer_id", "resource_id", "feature_id"],
        ["series.customer_id", "series.resource_id", "series.feature_id"],
    ),
    UniqueConstraint("customer_id", "resource_id", "feature_id", "interval", "anchor", "time_zone"),
)

# A period without a row has no usage. No foreign key: trackers are never taken away, and the check would cost ingest.
window = Table(
    "window",
    metadata,
    _id("customer_id", primary_key=True),
    Column("tracker_id", BigInteger, primary_key=True),
    # 1970 for the endless period, whose end is null.
    Column("period_start", DateTime(timezone=True), primary_key=True),
    Column("period_end", DateTime(timezone=True)),
    Column("value", Numeric, nullable=False),
    Column("revision", BigInteger, nullable=False),
    # What open reservations hold of the period. Changed under the lock of the series of the customer as a whole.
    Column("reserved", Numeric, nullable=False, server_default="0"),
)

# The values that a UNIQUE tracker has seen in a period; its window counts them.
unique_value = Table(
    "unique_value",
    metadata,
    _id("customer_id", primary_key=True),
    Column("tracker_id", BigInteger, primary_key=True),
    Column("period_start", DateTime(timezone=True), primary_key=True),
    # See `domain.value.distinct_key`.
    _id("value", primary_key=True),
)

# What the windows of MAX, MIN, AVG and LATEST are made of, beside their values; one without events has no row. Apart from
# `window`, so that counts and sums, which are most, pay nothing for it.
gathered = Table(
    "gathered",
    metadata,
    _id("customer_id", primary_key=True),
    Column("tracker_id", BigInteger, primary_key=True),
    Column("period_start", DateTime(timezone=True), primary_key=True),
    # See `domain.gathered.Gathered`.
    Column("number", Numeric, nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("timestamp_us", BigInteger, nullable=False),
    _id("idempotency_key"),
)

# Calculated usage as it was written, with the outcome that a repeated key is answered with.
measurement = Table(
    "measurement",
    metadata,
    _id("customer_id", primary_key=True),
    _id("idempotency_key", primary_key=True),
    _id("resource_id"),
    _id("feature_id"),
    Column("timestamp_us", BigInteger, nullable=False),
    Column("value", Numeric, nullable=False),
    Column("behavior", Text, nullable=False),
    Column("delta", Numeric, nullable=False),
    # The window after the decision, and its value before.
    Column("tracker_id", BigInteger, nullable=False),
    Column("period_start", DateTime(timezone=True), nullable=False),
    Column("period_end", DateTime(timezone=True)),
    Column("previous_value", Numeric, nullable=False),
    Column("window_value", Numeric, nullable=False),
    # What reservations held of that window beside its value; null: nothing.
    Column("window_reserved", Numeric),
    Column("revision", BigInteger, nullable=False),
    # The feature first: else the planner may take this index for looking up a key, and read all of a customer's reports.
    Index("measurement_by_time", "feature_id", "customer_id", "timestamp_us"),
)

# Usage that is held for a while. Its key, and the outcome that this is answered with, stand in a measurement, whose change is
# zero until the reservation is committed. A row stays for a day after its end, and its measurement with it, or for ever if committed.
reservation = Table(
    "reservation",
    metadata,
    _id("customer_id", primary_key=True),
    _id("id", primary_key=True),
    _id("idempotency_key"),
    _id("resource_id"),
    _id("feature_id"),
    Column("timestamp_us", BigInteger, nullable=False),
    Column("value", Numeric, nullable=False),
    # Real time, by the database's clock.
    Column("expire_time", DateTime(timezone=True), nullable=False),
    # Empty while it is open; else how it ended.
    Column("end_state", Text, nullable=False, server_default=""),
    Column("end_time", DateTime(timezone=True)),
    Column("committed_value", Numeric),
    UniqueConstraint("customer_id", "idempotency_key"),
    Index("reservation_open", "customer_id", "feature_id", "expire_time", postgresql_where=text("end_time IS NULL")),
    Index("reservation_ended", "end_time", postgresql_where=text("end_time IS NOT NULL")),
)

# What limits stand over trackers, for announcing that a share of one is reached. Changed under the lock of the series.
tracker_limit = Table(
    "tracker_limit",
    metadata,
    Column("tracker_id", BigInteger, primary_key=True, autoincrement=False),
    _id("customer_id"),
    # The clock of the customer; empty: real time.
    _id("test_clock_id"),
    Column("entitlement_revision", BigInteger, nullable=False),
    # Limit, start and end of each, in the customer's time.
    Column("spans", JSONB, nullable=False),
    # When, in the customer's time, another limit stands than now; null: never.
    Column("next_time", DateTime(timezone=True)),
    Index(
        "tracker_limit_by_next_time",
        "test_clock_id",
        "next_time",
        postgresql_where=text("next_time IS NOT NULL"),
    ),
)

# Which shares were announced: once in a period, whatever becomes of the usage.
crossed_threshold = Table(
    "crossed_threshold",
    metadata,
    _id("customer_id", primary_key=True),
    Column("tracker_id", BigInteger, primary_key=True),
    Column("period_start", DateTime(timezone=True), primary_key=True),
    Column("percent", Integer, primary_key=True),
)

outbox, outbox_refused = outbox_tables(metadata)

dead_letter = dead_letter_table(metadata)
