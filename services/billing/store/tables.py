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
    Column("country", Text, nullable=False),
    Column("collection_method", Text, nullable=False),
    # The provider's names; empty for none.
    Column("payment_method_id", Text, nullable=False),
    Column("provider_customer_id", Text, nullable=False),
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
    _id("resource_id"),
    # The customer's, which is fixed: so that the due subscriptions of a clock are found by one index.
    _id("test_clock_id", nullable=True),
    Column("state", Text, nullable=False),
    # What it holds; `held_before` is [[start time, holding], …] of the current period, `scheduled` a holding.
    _id("plan_id"),
    Column("plan_version", Integer, nullable=False),
    Column("billing_period", Text, nullable=False),
    # Feature id → quantity, an exact decimal as text.
    Column("commitments", JSONB, nullable=False),
    # Add-on id → quantity.
    Column("add_ons", JSONB, nullable=False),
    _time("held_since"),
    Column("held_before", JSONB, nullable=False),
    Column("scheduled", JSONB(none_as_null=True), nullable=True),
    Column("currency", Text, nullable=False),
    Column("country", Text, nullable=False),
    Column("time_zone", Text, nullable=False),
    _time("start_time"),
    _time("anchor_time"),
    Column("anchor_number", Integer, nullable=False),
    Column("period_number", Integer, nullable=False),
    _time("period_start"),
    _time("period_end"),
    Column("first_charged", Integer, nullable=False),
    _time("trial_end", nullable=True),
    Column("trial_end_behavior", Text, nullable=True),
    _time("cancel_time", nullable=True),
    Column("cancel_prorate", Boolean, nullable=False),
    _time("end_time", nullable=True),
    Column("coupons", JSONB, nullable=False),
    Column("opens_unpaid", Boolean, nullable=False),
    # The columns of the subscription as it will be, its invoice and the time; while it is there, no boundary is crossed.
    Column("pending", JSONB(none_as_null=True), nullable=True),
    _time("pending_since", nullable=True),
    # When something happens to it by itself next; null where nothing does.
    _time("boundary_time", nullable=True),
    Column("revision", BigInteger, nullable=False),
    _time("create_time"),
    # A renewal worker has taken it until then; a hint that spares double work, never what keeps a renewal single.
    _time("lease_time", nullable=True),
    ForeignKeyConstraint(["plan_id", "plan_version"], ["plan_version.plan_id", "plan_version.version"]),
    Index(
        "one_live_subscription",
        "customer_id",
        "product_id",
        "resource_id",
        unique=True,
        postgresql_where=text("end_time IS NULL"),
    ),
    Index(
        "due_subscription",
        "test_clock_id",
        "boundary_time",
        "id",
        postgresql_where=text("boundary_time IS NOT NULL"),
    ),
    Index("subscription_of_customer", "customer_id", "id"),
    Index("subscription_of_plan", "plan_id", "id", postgresql_where=text("end_time IS NULL")),
    Index(
        "unpaid_subscription",
        "test_clock_id",
        "pending_since",
        postgresql_where=text("state = 'PENDING_PAYMENT'"),
    ),
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

# Once it has its number, a trigger refuses every change but of its state and its payments.
invoice = Table(
    "invoice",
    metadata,
    _id(primary_key=True),
    # None on a draft.
    Column("number", BigInteger, nullable=True, unique=True),
    _id("customer_id", ForeignKey("customer.id")),
    # None on one made by hand.
    _id("subscription_id", ForeignKey("subscription.id"), nullable=True),
    # The customer's.
    _id("test_clock_id", nullable=True),
    Column("period_number", Integer, nullable=False),
    Column("reason", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("total", Numeric, nullable=False),
    Column("credit_applied", Numeric, nullable=False),
    Column("credit_granted", Numeric, nullable=False),
    Column("amount_due", Numeric, nullable=False),
    Column("amount_paid", Numeric, nullable=False),
    Column("amount_credited", Numeric, nullable=False),
    # The customer as it was: name, e-mail address, country.
    Column("bill_to", JSONB, nullable=False),
    _time("create_time"),
    _time("finalize_time", nullable=True),
    _time("paid_time", nullable=True),
    _time("close_time", nullable=True),
    # Of its payment, by the customer's clock.
    _time("next_attempt_time", nullable=True),
    _time("first_failure_time", nullable=True),
    Column("revision", BigInteger, nullable=False),
    CheckConstraint("amount_paid + amount_credited <= amount_due", name="paid_at_most_once"),
    # Whoever renews, and however often: one renewal of a period, and one end.
    Index(
        "one_renewal",
        "subscription_id",
        "period_number",
        unique=True,
        postgresql_where=text("reason IN ('RENEWAL', 'FINAL')"),
    ),
    Index(
        "due_invoice",
        "test_clock_id",
        "next_attempt_time",
        "id",
        postgresql_where=text("state = 'OPEN' AND next_attempt_time IS NOT NULL"),
    ),
    Index("draft_invoice", "customer_id", "id", postgresql_where=text("number IS NULL")),
    Index("invoice_of_customer", "customer_id", "number"),
    Index("invoice_of_subscription", "subscription_id", "number"),
)

# A trigger refuses every change, and lines added later, once the invoice has its number.
invoice_line = Table(
    "invoice_line",
    metadata,
    _id("invoice_id", ForeignKey("invoice.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    _id("subscription_id", nullable=True),
    Column("period_number", Integer, nullable=False),
    # The invoice's, for the order of a period's lines; None on a draft.
    Column("number", BigInteger, nullable=True),
    Column("type", Text, nullable=False),
    # The plan or add-on whose charge it is, the plan version in force, and what it was sold for. None on one written by hand.
    _id("source_id", nullable=True),
    _id("plan_id", nullable=True),
    Column("plan_version", Integer, nullable=True),
    Column("billing_period", Text, nullable=True),
    _id("charge_id"),
    _id("feature_id"),
    Column("description", Text, nullable=False),
    Column("quantity", Numeric, nullable=False),
    Column("previous_quantity", Numeric, nullable=True),
    _time("period_start"),
    _time("period_end"),
    Column("currency", Text, nullable=False),
    Column("subtotal", Numeric, nullable=False),
    # [[coupon id, description, amount], …], the amount an exact decimal as text.
    Column("discounts", JSONB, nullable=False),
    # The subtotal less its discounts: what it adds to the invoice's total.
    Column("amount", Numeric, nullable=False),
    # [[description, quantity, unit price, amount], …], the numbers exact decimals as text.
    Column("derivation", JSONB, nullable=False),
    Column("charged_microseconds", BigInteger, nullable=True),
    Column("period_microseconds", BigInteger, nullable=True),
    Column("usage_revision", BigInteger, nullable=True),
    Index("account_of_period", "subscription_id", "period_number", "number", "position"),
)

# The rows that numbers are taken from, last in the transaction: a sequence would leave gaps where one rolls back. One row for
# invoices, one for credit notes.
document_counter = Table(
    "document_counter",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("last", BigInteger, nullable=False),
)

# A trigger refuses every change.
credit_note = Table(
    "credit_note",
    metadata,
    _id(primary_key=True),
    Column("number", BigInteger, nullable=False, unique=True),
    _id("customer_id", ForeignKey("customer.id")),
    _id("invoice_id", ForeignKey("invoice.id")),
    Column("invoice_number", BigInteger, nullable=False),
    # [[line index, description, amount], …], the amount an exact decimal as text.
    Column("lines", JSONB, nullable=False),
    Column("currency", Text, nullable=False),
    Column("total", Numeric, nullable=False),
    Column("amount_off_remaining", Numeric, nullable=False),
    Column("credit_granted", Numeric, nullable=False),
    Column("description", Text, nullable=False),
    _time("create_time"),
    Column("revision", BigInteger, nullable=False),
    Index("credit_note_of_invoice", "invoice_id", "number"),
    Index("credit_note_of_customer", "customer_id", "number"),
)

# Attempts to collect an invoice. `made_time`, `first_ask_time` and `ask_time` are real time, the others the customer's.
payment_attempt = Table(
    "payment_attempt",
    metadata,
    _id(primary_key=True),
    _id("invoice_id", ForeignKey("invoice.id")),
    _id("customer_id", ForeignKey("customer.id")),
    _id("test_clock_id", nullable=True),
    Column("provider", Text, nullable=False),
    Column("provider_customer_id", Text, nullable=False),
    Column("payment_method_id", Text, nullable=False),
    Column("provider_payment_id", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("amount", Numeric, nullable=False),
    Column("failure_code", Text, nullable=False),
    Column("failure_message", Text, nullable=False),
    # Whether the retry schedule made it, and not a call.
    Column("scheduled", Boolean, nullable=False),
    _time("create_time"),
    _time("end_time", nullable=True),
    Column("revision", BigInteger, nullable=False),
    _time("made_time"),
    _time("first_ask_time", nullable=True),
    # When the provider is asked, or asked again; also the lease of who does it.
    _time("ask_time", nullable=True),
    Index("one_open_attempt", "invoice_id", unique=True, postgresql_where=text("state = 'OPEN'")),
    Index("open_attempt", "ask_time", "id", postgresql_where=text("state = 'OPEN'")),
    Index("open_attempt_of_test_clock", "test_clock_id", "id", postgresql_where=text("state = 'OPEN'")),
    Index("attempt_of_invoice", "invoice_id", "id"),
)

credit_balance = Table(
    "credit_balance",
    metadata,
    _id("customer_id", ForeignKey("customer.id"), primary_key=True),
    Column("currency", Text, primary_key=True),
    Column("amount", Numeric, CheckConstraint("amount >= 0", name="credit_is_never_negative"), nullable=False),
)

# Every credit granted (above zero) and used (below), each with what did it; their sum is the balance.
credit_entry = Table(
    "credit_entry",
    metadata,
    _id(primary_key=True),
    _id("customer_id", ForeignKey("customer.id")),
    _id("invoice_id", ForeignKey("invoice.id"), nullable=True),
    _id("credit_note_id", ForeignKey("credit_note.id"), nullable=True),
    Column("currency", Text, nullable=False),
    Column("amount", Numeric, nullable=False),
    Column("description", Text, nullable=False),
    _time("create_time"),
    # The revision of billing when it was written: the order of entries.
    Column("revision", BigInteger, nullable=False),
    Index("credit_of_customer", "customer_id", "revision", "id"),
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
