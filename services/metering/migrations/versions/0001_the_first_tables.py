"""The first tables"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE SEQUENCE revision")
    op.create_table(
        "customer",
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        sa.Column("test_clock_id", sa.Text(collation="C"), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "dead_letter",
        sa.Column("consumer", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("faults", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("update_time", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("consumer", "event_id"),
    )
    op.create_table(
        "event",
        sa.Column("customer_id", sa.Text(collation="C"), nullable=False),
        sa.Column("timestamp_us", sa.BigInteger(), nullable=False),
        sa.Column("event_name", sa.Text(collation="C"), nullable=False),
        sa.Column("idempotency_key", sa.Text(collation="C"), nullable=False),
        sa.Column("resource_id", sa.Text(collation="C"), nullable=False),
        sa.Column("dimensions", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    )
    op.create_index("event_by_time", "event", ["customer_id", "timestamp_us"], unique=False)
    op.create_table(
        "event_key",
        sa.Column("customer_id", sa.Text(collation="C"), nullable=False),
        sa.Column("idempotency_key", sa.Text(collation="C"), nullable=False),
        sa.Column("timestamp_us", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("customer_id", "idempotency_key"),
    )
    op.create_table(
        "retraction",
        sa.Column("customer_id", sa.Text(collation="C"), nullable=False),
        sa.Column("idempotency_key", sa.Text(collation="C"), nullable=False),
        sa.Column("retract_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("timestamp_us", sa.BigInteger(), nullable=True),
        sa.Column("event_name", sa.Text(collation="C"), nullable=True),
        sa.Column("resource_id", sa.Text(collation="C"), nullable=True),
        sa.Column("dimensions", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.PrimaryKeyConstraint("customer_id", "idempotency_key"),
    )
    op.create_index(
        "retraction_by_time", "retraction", ["customer_id", "retract_time", "idempotency_key"], unique=False
    )
    op.create_table(
        "horizon",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("timestamp_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "feature",
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("meter", sa.LargeBinary(), nullable=True),
        sa.Column("thresholds", sa.ARRAY(sa.Integer()), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "gathered",
        sa.Column("customer_id", sa.Text(collation="C"), nullable=False),
        sa.Column("tracker_id", sa.BigInteger(), nullable=False),
        sa.Column("period_start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("number", sa.Numeric(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("timestamp_us", sa.BigInteger(), nullable=False),
        sa.Column("idempotency_key", sa.Text(collation="C"), nullable=False),
        sa.PrimaryKeyConstraint("customer_id", "tracker_id", "period_start"),
    )
    op.create_table(
        "measurement",
        sa.Column("customer_id", sa.Text(collation="C"), nullable=False),
        sa.Column("idempotency_key", sa.Text(collation="C"), nullable=False),
        sa.Column("resource_id", sa.Text(collation="C"), nullable=False),
        sa.Column("feature_id", sa.Text(collation="C"), nullable=False),
        sa.Column("timestamp_us", sa.BigInteger(), nullable=False),
        sa.Column("value", sa.Numeric(), nullable=False),
        sa.Column("behavior", sa.Text(), nullable=False),
        sa.Column("delta", sa.Numeric(), nullable=False),
        sa.Column("tracker_id", sa.BigInteger(), nullable=False),
        sa.Column("period_start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("period_end", sa.DateTime(timezone=True), nullable=True),
        sa.Column("previous_value", sa.Numeric(), nullable=False),
        sa.Column("window_value", sa.Numeric(), nullable=False),
        sa.Column("window_reserved", sa.Numeric(), nullable=True),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("customer_id", "idempotency_key"),
    )
    op.create_index("measurement_by_time", "measurement", ["feature_id", "customer_id", "timestamp_us"], unique=False)
    op.create_table(
        "meter_set",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "test_clock",
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        sa.Column("time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "unique_value",
        sa.Column("customer_id", sa.Text(collation="C"), nullable=False),
        sa.Column("tracker_id", sa.BigInteger(), nullable=False),
        sa.Column("period_start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("value", sa.Text(collation="C"), nullable=False),
        sa.PrimaryKeyConstraint("customer_id", "tracker_id", "period_start", "value"),
    )
    op.create_table(
        "window",
        sa.Column("customer_id", sa.Text(collation="C"), nullable=False),
        sa.Column("tracker_id", sa.BigInteger(), nullable=False),
        sa.Column("period_start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("period_end", sa.DateTime(timezone=True), nullable=True),
        sa.Column("value", sa.Numeric(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("reserved", sa.Numeric(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("customer_id", "tracker_id", "period_start"),
    )
    op.create_table(
        "series",
        sa.Column("customer_id", sa.Text(collation="C"), nullable=False),
        sa.Column("resource_id", sa.Text(collation="C"), nullable=False),
        sa.Column("feature_id", sa.Text(collation="C"), nullable=False),
        sa.Column("limit_revision", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("tracker_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("open_reservations", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_lapse", sa.DateTime(timezone=True), nullable=True),
        sa.Column("limits_version", sa.BigInteger(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["feature_id"], ["feature.id"]),
        sa.PrimaryKeyConstraint("customer_id", "resource_id", "feature_id"),
    )
    op.create_index(
        "series_by_next_lapse",
        "series",
        ["next_lapse"],
        unique=False,
        postgresql_where=sa.text("next_lapse IS NOT NULL"),
    )
    op.create_table(
        "reservation",
        sa.Column("customer_id", sa.Text(collation="C"), nullable=False),
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        sa.Column("idempotency_key", sa.Text(collation="C"), nullable=False),
        sa.Column("resource_id", sa.Text(collation="C"), nullable=False),
        sa.Column("feature_id", sa.Text(collation="C"), nullable=False),
        sa.Column("timestamp_us", sa.BigInteger(), nullable=False),
        sa.Column("value", sa.Numeric(), nullable=False),
        sa.Column("expire_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("end_state", sa.Text(), server_default="", nullable=False),
        sa.Column("end_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("committed_value", sa.Numeric(), nullable=True),
        sa.PrimaryKeyConstraint("customer_id", "id"),
        sa.UniqueConstraint("customer_id", "idempotency_key"),
    )
    op.create_index(
        "reservation_open",
        "reservation",
        ["customer_id", "feature_id", "expire_time"],
        unique=False,
        postgresql_where=sa.text("end_time IS NULL"),
    )
    op.create_index(
        "reservation_ended",
        "reservation",
        ["end_time"],
        unique=False,
        postgresql_where=sa.text("end_time IS NOT NULL"),
    )
    op.create_table(
        "tracker",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("customer_id", sa.Text(collation="C"), nullable=False),
        sa.Column("resource_id", sa.Text(collation="C"), nullable=False),
        sa.Column("feature_id", sa.Text(collation="C"), nullable=False),
        sa.Column("interval", sa.Text(), nullable=False),
        sa.Column("anchor", sa.DateTime(timezone=True), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id", "resource_id", "feature_id"],
            ["series.customer_id", "series.resource_id", "series.feature_id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("customer_id", "resource_id", "feature_id", "interval", "anchor", "time_zone"),
    )
    op.create_table(
        "tracker_limit",
        sa.Column("tracker_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("customer_id", sa.Text(collation="C"), nullable=False),
        sa.Column("test_clock_id", sa.Text(collation="C"), nullable=False),
        sa.Column("entitlement_revision", sa.BigInteger(), nullable=False),
        sa.Column("spans", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("next_time", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("tracker_id"),
    )
    op.create_index(
        "tracker_limit_by_next_time",
        "tracker_limit",
        ["test_clock_id", "next_time"],
        unique=False,
        postgresql_where=sa.text("next_time IS NOT NULL"),
    )
    op.create_table(
        "crossed_threshold",
        sa.Column("customer_id", sa.Text(collation="C"), nullable=False),
        sa.Column("tracker_id", sa.BigInteger(), nullable=False),
        sa.Column("period_start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("percent", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("customer_id", "tracker_id", "period_start", "percent"),
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "outbox_refused",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.execute("INSERT INTO meter_set (id, version) VALUES (1, 0)")
