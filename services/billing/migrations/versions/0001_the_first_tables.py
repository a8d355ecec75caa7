"""The first tables"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# An issued invoice never changes: only its payment is recorded, once.
_GUARDS = (
    """
    CREATE FUNCTION keep_issued_invoice() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        paid invoice := OLD;
    BEGIN
        IF TG_OP = 'UPDATE' AND OLD.state = 'OPEN' AND NEW.state = 'PAID' AND NEW.paid_time IS NOT NULL THEN
            paid.state := NEW.state;
            paid.paid_time := NEW.paid_time;
            paid.revision := NEW.revision;
            IF paid = NEW THEN
                RETURN NEW;
            END IF;
        END IF;
        RAISE EXCEPTION 'invoice % is issued: only its payment may be recorded', OLD.id;
    END $$
    """,
    """
    CREATE FUNCTION keep_issued_lines() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'INSERT' THEN
            -- Lines come with their invoice: one that another transaction wrote is issued.
            IF EXISTS (SELECT FROM invoice WHERE id = NEW.invoice_id AND xmin = pg_current_xact_id()::xid) THEN
                RETURN NEW;
            END IF;
            RAISE EXCEPTION 'invoice % is issued: it takes no further lines', NEW.invoice_id;
        END IF;
        RAISE EXCEPTION 'invoice % is issued: its lines never change', OLD.invoice_id;
    END $$
    """,
    """
    CREATE FUNCTION keep_invoices() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'invoices are issued: they are never removed';
    END $$
    """,
    """
    CREATE TRIGGER issued_invoice BEFORE UPDATE OR DELETE ON invoice
    FOR EACH ROW EXECUTE FUNCTION keep_issued_invoice()
    """,
    """
    CREATE TRIGGER issued_line BEFORE INSERT OR UPDATE OR DELETE ON invoice_line
    FOR EACH ROW EXECUTE FUNCTION keep_issued_lines()
    """,
    "CREATE TRIGGER invoices_stay BEFORE TRUNCATE ON invoice EXECUTE FUNCTION keep_invoices()",
    "CREATE TRIGGER lines_stay BEFORE TRUNCATE ON invoice_line EXECUTE FUNCTION keep_invoices()",
)


def upgrade() -> None:
    op.execute("CREATE SEQUENCE revision")
    op.create_table(
        "invoice_counter",
        sa.Column("one", sa.Boolean(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("one"),
        sa.PrimaryKeyConstraint("one"),
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
    op.create_table(
        "plan_version",
        sa.Column("plan_id", sa.Text(collation="C"), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("plan_id", "version"),
    )
    op.create_table(
        "request",
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("response", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "test_clock",
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("initial_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("target_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("advance_revision", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "customer",
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("test_clock_id", sa.Text(collation="C"), nullable=True),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["test_clock_id"],
            ["test_clock.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("customer_of_test_clock", "customer", ["test_clock_id", "id"], unique=False)
    op.create_table(
        "credit_balance",
        sa.Column("customer_id", sa.Text(collation="C"), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("amount", sa.Numeric(), nullable=False),
        sa.CheckConstraint("amount >= 0", name="credit_is_never_negative"),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customer.id"],
        ),
        sa.PrimaryKeyConstraint("customer_id", "currency"),
    )
    op.create_table(
        "subscription",
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        sa.Column("customer_id", sa.Text(collation="C"), nullable=False),
        sa.Column("product_id", sa.Text(collation="C"), nullable=False),
        sa.Column("plan_id", sa.Text(collation="C"), nullable=False),
        sa.Column("plan_version", sa.Integer(), nullable=False),
        sa.Column("test_clock_id", sa.Text(collation="C"), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("billing_period", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("start_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("period_number", sa.Integer(), nullable=False),
        sa.Column("period_start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("period_end", sa.DateTime(timezone=True), nullable=False),
        sa.Column("commitments", JSONB(), nullable=False),
        sa.Column("cancel_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("end_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease_time", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customer.id"],
        ),
        sa.ForeignKeyConstraint(
            ["plan_id", "plan_version"],
            ["plan_version.plan_id", "plan_version.version"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "due_subscription",
        "subscription",
        ["test_clock_id", "period_end", "id"],
        unique=False,
        postgresql_where=sa.text("state = 'ACTIVE'"),
    )
    op.create_index(
        "one_live_subscription",
        "subscription",
        ["customer_id", "product_id"],
        unique=True,
        postgresql_where=sa.text("state = 'ACTIVE'"),
    )
    op.create_index("subscription_of_customer", "subscription", ["customer_id", "id"], unique=False)
    op.create_index(
        "subscription_of_test_clock",
        "subscription",
        ["test_clock_id", "revision"],
        unique=False,
        postgresql_where=sa.text("test_clock_id IS NOT NULL"),
    )
    op.create_table(
        "invoice",
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("customer_id", sa.Text(collation="C"), nullable=False),
        sa.Column("subscription_id", sa.Text(collation="C"), nullable=False),
        sa.Column("period_number", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("total", sa.Numeric(), nullable=False),
        sa.Column("credit_applied", sa.Numeric(), nullable=False),
        sa.Column("credit_granted", sa.Numeric(), nullable=False),
        sa.Column("amount_due", sa.Numeric(), nullable=False),
        sa.Column("finalize_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("paid_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customer.id"],
        ),
        sa.ForeignKeyConstraint(
            ["subscription_id"],
            ["subscription.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("number"),
    )
    op.create_index("invoice_of_customer", "invoice", ["customer_id", "number"], unique=False)
    op.create_index("invoice_of_subscription", "invoice", ["subscription_id", "number"], unique=False)
    op.create_index(
        "one_renewal",
        "invoice",
        ["subscription_id", "period_number"],
        unique=True,
        postgresql_where=sa.text("reason IN ('RENEWAL', 'FINAL')"),
    )
    op.create_table(
        "tracker_registration",
        sa.Column("subscription_id", sa.Text(collation="C"), nullable=False),
        sa.ForeignKeyConstraint(
            ["subscription_id"],
            ["subscription.id"],
        ),
        sa.PrimaryKeyConstraint("subscription_id"),
    )
    op.create_table(
        "credit_entry",
        sa.Column("invoice_id", sa.Text(collation="C"), nullable=False),
        sa.Column("customer_id", sa.Text(collation="C"), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("amount", sa.Numeric(), nullable=False),
        sa.ForeignKeyConstraint(
            ["invoice_id"],
            ["invoice.id"],
        ),
        sa.PrimaryKeyConstraint("invoice_id"),
    )
    op.create_index("credit_of_customer", "credit_entry", ["customer_id", "currency"], unique=False)
    op.create_table(
        "invoice_line",
        sa.Column("invoice_id", sa.Text(collation="C"), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("subscription_id", sa.Text(collation="C"), nullable=False),
        sa.Column("period_number", sa.Integer(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("charge_id", sa.Text(collation="C"), nullable=False),
        sa.Column("feature_id", sa.Text(collation="C"), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Numeric(), nullable=False),
        sa.Column("previous_quantity", sa.Numeric(), nullable=True),
        sa.Column("period_start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("period_end", sa.DateTime(timezone=True), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("amount", sa.Numeric(), nullable=False),
        sa.Column("derivation", JSONB(), nullable=False),
        sa.Column("charged_microseconds", sa.BigInteger(), nullable=True),
        sa.Column("period_microseconds", sa.BigInteger(), nullable=True),
        sa.Column("usage_revision", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["invoice_id"],
            ["invoice.id"],
        ),
        sa.PrimaryKeyConstraint("invoice_id", "position"),
    )
    op.create_index(
        "account_of_period", "invoice_line", ["subscription_id", "period_number", "number", "position"], unique=False
    )
    op.execute("INSERT INTO invoice_counter (one, last) VALUES (true, 0)")
    for guard in _GUARDS:
        op.execute(guard)
