"""Billing's tables."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    Sequence,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from kit.outbox import outbox_tables

metadata = MetaData()

# Every change takes its revision here: revisions grow over the whole of billing. Its high bits are the epoch, which an
# operator raises after restoring a backup.
revision = Sequence("revision", metadata=metadata)


def _id(name: str = "id", *rest: object, primary_key: bool = False, nullable: bool = False) -> Column[str]:
    # Ids compare by their bytes, so that lists and Python agree on their order.
    column: Column[str] = Column(name, Text(collation="C"), *rest, primary_key=primary_key, nullable=nullable)  # type: ignore[arg-type]  # foreign keys.
    return column


def _time(name: str, *, nullable: bool = False) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=nullable)


test_clock = Table(
    "test_clock",
    metadata,
    _id(primary_key=True),
    Column("display_name", Text, nullable=False),
    _time("initial_time"),
    _time("time"),
    Column("state", Text, nullable=False),
    _time("target_time", nullable=True),
    # The revision at which the last advance began: what is greater on the clock's subscriptions was changed by it.
    Column("advance_revision", BigInteger, nullable=False),
    Column("revision", BigInteger, nullable=False),
)

customer = Table(
    "customer",
    metadata,
    _id(primary_key=True),
    Column("display_name", Text, nullable=False),
    Column("email", Text, nullable=False),
    Column("currency", Text, nullable=False),
    _id("test_clock_id", ForeignKey("test_clock.id"), nullable=True),
    Column("revision", BigInteger, nullable=False),
    _time("create_time"),
    Index("customer_of_test_clock", "test_clock_id", "id"),
)

# Published versions as the catalog sent them: they never change and are kept for ever.
plan_version = Table(
    "plan_version",
    metadata,
    _id("plan_id", primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("content", LargeBinary, nullable=False),
)

subscription = Table(
    "subscription",
    metadata,
    _id(primary_key=True),
    _id("customer_id", ForeignKey("customer.id")),
    _id("product_id"),
    _id("plan_id"),
    Column("plan_version", Integer, nullable=False),
    # The customer's, which is fixed: so that the due subscriptions of a clock are found by one index.
    _id("test_clock_id", nullable=True),
    Column("state", Text, nullable=False),
    Column("billing_period", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("time_zone", Text, nullable=False),
    _time("start_time"),
    Column("period_number", Integer, nullable=False),
    _time("period_start"),
    _time("period_end"),
    # Feature id → quantity, an exact decimal as text.
    Column("commitments", JSONB, nullable=False),
    _time("cancel_time", nullable=True),
    _time("end_time", nullable=True),
    Column("revision", BigInteger, nullable=False),
    _time("create_time"),
    # A renewal worker has taken it until then; a hint that spares double work, never what keeps a renewal single.
    _time("lease_time", nullable=True),
    ForeignKeyConstraint(["plan_id", "plan_version"], ["plan_version.plan_id", "plan_version.version"]),
    Index("one_live_subscription", "customer_id", "product_id", unique=True, postgresql_where=text("state = 'ACTIVE'")),
    Index("due_subscription", "test_clock_id", "period_end", "id", postgresql_where=text("state = 'ACTIVE'")),
    Index("subscription_of_customer", "customer_id", "id"),
    Index(
        "subscription_of_test_clock",
        "test_clock_id",
        "revision",
        postgresql_where=text("test_clock_id IS NOT NULL"),
    ),
)

# Usage-based charges whose trackers metering has not confirmed yet.
tracker_registration = Table(
    "tracker_registration",
    metadata,
    _id("subscription_id", ForeignKey("subscription.id"), primary_key=True),
)

# A trigger refuses every later change but payment.
invoice = Table(
    "invoice",
    metadata,
    _id(primary_key=True),
    Column("number", BigInteger, nullable=False, unique=True),
    _id("customer_id", ForeignKey("customer.id")),
    _id("subscription_id", ForeignKey("subscription.id")),
    Column("period_number", Integer, nullable=False),
    Column("reason", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("total", Numeric, nullable=False),
    Column("credit_applied", Numeric, nullable=False),
    Column("credit_granted", Numeric, nullable=False),
    Column("amount_due", Numeric, nullable=False),
    _time("finalize_time"),
    _time("paid_time", nullable=True),
    Column("revision", BigInteger, nullable=False),
    # Whoever renews, and however often: one renewal of a period, and one end.
    Index(
        "one_renewal",
        "subscription_id",
        "period_number",
        unique=True,
        postgresql_where=text("reason IN ('RENEWAL', 'FINAL')"),
    ),
    Index("invoice_of_customer", "customer_id", "number"),
    Index("invoice_of_subscription", "subscription_id", "number"),
)

# A trigger refuses every change, and lines added later.
invoice_line = Table(
    "invoice_line",
    metadata,
    _id("invoice_id", ForeignKey("invoice.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    _id("subscription_id"),
    Column("period_number", Integer, nullable=False),
    # The invoice's, for the order of a period's lines.
    Column("number", BigInteger, nullable=False),
    Column("type", Text, nullable=False),
    _id("charge_id"),
    _id("feature_id"),
    Column("description", Text, nullable=False),
    Column("quantity", Numeric, nullable=False),
    Column("previous_quantity", Numeric, nullable=True),
    _time("period_start"),
    _time("period_end"),
    Column("currency", Text, nullable=False),
    Column("amount", Numeric, nullable=False),
    # [[description, quantity, unit price, amount], …], the numbers exact decimals as text.
    Column("derivation", JSONB, nullable=False),
    Column("charged_microseconds", BigInteger, nullable=True),
    Column("period_microseconds", BigInteger, nullable=True),
    Column("usage_revision", BigInteger, nullable=True),
    Index("account_of_period", "subscription_id", "period_number", "number", "position"),
)

# The one row that numbers are taken from, last in the transaction: a sequence would leave gaps where one rolls back.
invoice_counter = Table(
    "invoice_counter",
    metadata,
    Column("one", Boolean, CheckConstraint("one"), primary_key=True),
    Column("last", BigInteger, nullable=False),
)

credit_balance = Table(
    "credit_balance",
    metadata,
    _id("customer_id", ForeignKey("customer.id"), primary_key=True),
    Column("currency", Text, primary_key=True),
    Column("amount", Numeric, CheckConstraint("amount >= 0", name="credit_is_never_negative"), nullable=False),
)

# Every credit granted (above zero) and applied (below), each with its invoice; their sum is the balance.
credit_entry = Table(
    "credit_entry",
    metadata,
    _id("invoice_id", ForeignKey("invoice.id"), primary_key=True),
    _id("customer_id"),
    Column("currency", Text, nullable=False),
    Column("amount", Numeric, nullable=False),
    Index("credit_of_customer", "customer_id", "currency"),
)

# First outcomes of requests with a `request_id`. They are never forgotten: a forgotten id could charge twice.
request = Table(
    "request",
    metadata,
    Column("id", Text(collation="C"), primary_key=True),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("response", LargeBinary, nullable=False),
)

outbox, outbox_refused = outbox_tables(metadata)
