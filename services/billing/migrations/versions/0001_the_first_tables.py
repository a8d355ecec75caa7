"""The first tables"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# A draft may be edited and thrown away. An invoice with a number never changes: only its state and its payments move on, and
# neither it nor its lines are ever removed. A credit note never changes at all.
_GUARDS = (
    """
    CREATE FUNCTION keep_issued_invoice() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        moved invoice := OLD;
    BEGIN
        IF OLD.number IS NULL THEN
            RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
        END IF;
        IF TG_OP = 'UPDATE' AND OLD.state IN ('OPEN', 'PAID', 'UNCOLLECTIBLE') AND NEW.state <> 'DRAFT' THEN
            moved.state := NEW.state;
            moved.amount_paid := NEW.amount_paid;
            moved.amount_credited := NEW.amount_credited;
            moved.paid_time := NEW.paid_time;
            moved.close_time := NEW.close_time;
            moved.next_attempt_time := NEW.next_attempt_time;
            moved.first_failure_time := NEW.first_failure_time;
            moved.revision := NEW.revision;
            IF moved = NEW AND (OLD.state <> 'PAID' OR NEW.state = 'PAID') THEN
                RETURN NEW;
            END IF;
        END IF;
        RAISE EXCEPTION 'invoice % is issued: only its state and its payments may change', OLD.id;
    END $$
    """,
    """
    CREATE FUNCTION keep_issued_lines() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        line invoice_line := CASE TG_OP WHEN 'INSERT' THEN NEW ELSE OLD END;
    BEGIN
        -- Lines come with their invoice: one that another transaction gave its number is issued.
        IF EXISTS (
            SELECT FROM invoice
            WHERE id = line.invoice_id AND (number IS NULL OR xmin = pg_current_xact_id()::xid)
        ) THEN
            RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
        END IF;
        RAISE EXCEPTION 'invoice % is issued: its lines never change', line.invoice_id;
    END $$
    """,
    """
    CREATE FUNCTION keep_documents() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'invoices and credit notes are issued: they never change and are never removed';
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
    """
    CREATE TRIGGER issued_credit_note BEFORE UPDATE OR DELETE ON credit_note
    FOR EACH ROW EXECUTE FUNCTION keep_documents()
    """,
    "CREATE TRIGGER invoices_stay BEFORE TRUNCATE ON invoice EXECUTE FUNCTION keep_documents()",
    "CREATE TRIGGER lines_stay BEFORE TRUNCATE ON invoice_line EXECUTE FUNCTION keep_documents()",
    "CREATE TRIGGER credit_notes_stay BEFORE TRUNCATE ON credit_note EXECUTE FUNCTION keep_documents()",
)


def upgrade() -> None:
    op.execute("CREATE SEQUENCE revision")
    op.create_table(
        "document_counter",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kind"),
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
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("collection_method", sa.Text(), nullable=False),
        sa.Column("payment_method_id", sa.Text(), nullable=False),
        sa.Column("provider_customer_id", sa.Text(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["test_clock_id"], ["test_clock.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("customer_of_test_clock", "customer", ["test_clock_id", "id"], unique=False)
    op.create_table(
        "credit_balance",
        sa.Column("customer_id", sa.Text(collation="C"), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("amount", sa.Numeric(), nullable=False),
        sa.CheckConstraint("amount >= 0", name="credit_is_never_negative"),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"]),
        sa.PrimaryKeyConstraint("customer_id", "currency"),
    )
    op.create_table(
        "subscription",
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        sa.Column("customer_id", sa.Text(collation="C"), nullable=False),
        sa.Column("product_id", sa.Text(collation="C"), nullable=False),
        sa.Column("resource_id", sa.Text(collation="C"), nullable=False),
        sa.Column("test_clock_id", sa.Text(collation="C"), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("plan_id", sa.Text(collation="C"), nullable=False),
        sa.Column("plan_version", sa.Integer(), nullable=False),
        sa.Column("billing_period", sa.Text(), nullable=False),
        sa.Column("commitments", JSONB(), nullable=False),
        sa.Column("add_ons", JSONB(), nullable=False),
        sa.Column("held_since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("held_before", JSONB(), nullable=False),
        sa.Column("scheduled", JSONB(none_as_null=True), nullable=True),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("start_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("anchor_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("anchor_number", sa.Integer(), nullable=False),
        sa.Column("period_number", sa.Integer(), nullable=False),
        sa.Column("period_start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("period_end", sa.DateTime(timezone=True), nullable=False),
        sa.Column("first_charged", sa.Integer(), nullable=False),
        sa.Column("trial_end", sa.DateTime(timezone=True), nullable=True),
        sa.Column("trial_end_behavior", sa.Text(), nullable=True),
        sa.Column("cancel_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancel_prorate", sa.Boolean(), nullable=False),
        sa.Column("end_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("coupons", JSONB(), nullable=False),
        sa.Column("opens_unpaid", sa.Boolean(), nullable=False),
        sa.Column("pending", JSONB(none_as_null=True), nullable=True),
        sa.Column("pending_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("boundary_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease_time", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"]),
        sa.ForeignKeyConstraint(["plan_id", "plan_version"], ["plan_version.plan_id", "plan_version.version"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "due_subscription",
        "subscription",
        ["test_clock_id", "boundary_time", "id"],
        unique=False,
        postgresql_where=sa.text("boundary_time IS NOT NULL"),
    )
    op.create_index(
        "one_live_subscription",
        "subscription",
        ["customer_id", "product_id", "resource_id"],
        unique=True,
        postgresql_where=sa.text("end_time IS NULL"),
    )
    op.create_index("subscription_of_customer", "subscription", ["customer_id", "id"], unique=False)
    op.create_index(
        "subscription_of_plan",
        "subscription",
        ["plan_id", "id"],
        unique=False,
        postgresql_where=sa.text("end_time IS NULL"),
    )
    op.create_index(
        "subscription_of_test_clock",
        "subscription",
        ["test_clock_id", "revision"],
        unique=False,
        postgresql_where=sa.text("test_clock_id IS NOT NULL"),
    )
    op.create_index(
        "unpaid_subscription",
        "subscription",
        ["test_clock_id", "pending_since"],
        unique=False,
        postgresql_where=sa.text("state = 'PENDING_PAYMENT'"),
    )
    op.create_table(
        "invoice",
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=True),
        sa.Column("customer_id", sa.Text(collation="C"), nullable=False),
        sa.Column("subscription_id", sa.Text(collation="C"), nullable=True),
        sa.Column("test_clock_id", sa.Text(collation="C"), nullable=True),
        sa.Column("period_number", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("total", sa.Numeric(), nullable=False),
        sa.Column("credit_applied", sa.Numeric(), nullable=False),
        sa.Column("credit_granted", sa.Numeric(), nullable=False),
        sa.Column("amount_due", sa.Numeric(), nullable=False),
        sa.Column("amount_paid", sa.Numeric(), nullable=False),
        sa.Column("amount_credited", sa.Numeric(), nullable=False),
        sa.Column("bill_to", JSONB(), nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finalize_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paid_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("close_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_attempt_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("first_failure_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount_paid + amount_credited <= amount_due", name="paid_at_most_once"),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"]),
        sa.ForeignKeyConstraint(["subscription_id"], ["subscription.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("number"),
    )
    op.create_index(
        "draft_invoice", "invoice", ["customer_id", "id"], unique=False, postgresql_where=sa.text("number IS NULL")
    )
    op.create_index(
        "due_invoice",
        "invoice",
        ["test_clock_id", "next_attempt_time", "id"],
        unique=False,
        postgresql_where=sa.text("state = 'OPEN' AND next_attempt_time IS NOT NULL"),
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
        sa.ForeignKeyConstraint(["subscription_id"], ["subscription.id"]),
        sa.PrimaryKeyConstraint("subscription_id"),
    )
    op.create_table(
        "credit_note",
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("customer_id", sa.Text(collation="C"), nullable=False),
        sa.Column("invoice_id", sa.Text(collation="C"), nullable=False),
        sa.Column("invoice_number", sa.BigInteger(), nullable=False),
        sa.Column("lines", JSONB(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("total", sa.Numeric(), nullable=False),
        sa.Column("amount_off_remaining", sa.Numeric(), nullable=False),
        sa.Column("credit_granted", sa.Numeric(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"]),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoice.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("number"),
    )
    op.create_index("credit_note_of_customer", "credit_note", ["customer_id", "number"], unique=False)
    op.create_index("credit_note_of_invoice", "credit_note", ["invoice_id", "number"], unique=False)
    op.create_table(
        "invoice_line",
        sa.Column("invoice_id", sa.Text(collation="C"), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("subscription_id", sa.Text(collation="C"), nullable=True),
        sa.Column("period_number", sa.Integer(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=True),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Text(collation="C"), nullable=True),
        sa.Column("plan_id", sa.Text(collation="C"), nullable=True),
        sa.Column("plan_version", sa.Integer(), nullable=True),
        sa.Column("billing_period", sa.Text(), nullable=True),
        sa.Column("charge_id", sa.Text(collation="C"), nullable=False),
        sa.Column("feature_id", sa.Text(collation="C"), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Numeric(), nullable=False),
        sa.Column("previous_quantity", sa.Numeric(), nullable=True),
        sa.Column("period_start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("period_end", sa.DateTime(timezone=True), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("subtotal", sa.Numeric(), nullable=False),
        sa.Column("discounts", JSONB(), nullable=False),
        sa.Column("amount", sa.Numeric(), nullable=False),
        sa.Column("derivation", JSONB(), nullable=False),
        sa.Column("charged_microseconds", sa.BigInteger(), nullable=True),
        sa.Column("period_microseconds", sa.BigInteger(), nullable=True),
        sa.Column("usage_revision", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoice.id"]),
        sa.PrimaryKeyConstraint("invoice_id", "position"),
    )
    op.create_index(
        "account_of_period", "invoice_line", ["subscription_id", "period_number", "number", "position"], unique=False
    )
    op.create_table(
        "payment_attempt",
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        sa.Column("invoice_id", sa.Text(collation="C"), nullable=False),
        sa.Column("customer_id", sa.Text(collation="C"), nullable=False),
        sa.Column("test_clock_id", sa.Text(collation="C"), nullable=True),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("provider_customer_id", sa.Text(), nullable=False),
        sa.Column("payment_method_id", sa.Text(), nullable=False),
        sa.Column("provider_payment_id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("amount", sa.Numeric(), nullable=False),
        sa.Column("failure_code", sa.Text(), nullable=False),
        sa.Column("failure_message", sa.Text(), nullable=False),
        sa.Column("scheduled", sa.Boolean(), nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("end_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("made_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("first_ask_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ask_time", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"]),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoice.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("attempt_of_invoice", "payment_attempt", ["invoice_id", "id"], unique=False)
    op.create_index(
        "one_open_attempt", "payment_attempt", ["invoice_id"], unique=True, postgresql_where=sa.text("state = 'OPEN'")
    )
    op.create_index(
        "open_attempt", "payment_attempt", ["ask_time", "id"], unique=False, postgresql_where=sa.text("state = 'OPEN'")
    )
    op.create_index(
        "open_attempt_of_test_clock",
        "payment_attempt",
        ["test_clock_id", "id"],
        unique=False,
        postgresql_where=sa.text("state = 'OPEN'"),
    )
    op.create_table(
        "credit_entry",
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        sa.Column("customer_id", sa.Text(collation="C"), nullable=False),
        sa.Column("invoice_id", sa.Text(collation="C"), nullable=True),
        sa.Column("credit_note_id", sa.Text(collation="C"), nullable=True),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("amount", sa.Numeric(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["credit_note_id"], ["credit_note.id"]),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"]),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoice.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("credit_of_customer", "credit_entry", ["customer_id", "revision", "id"], unique=False)
    op.execute("INSERT INTO document_counter (kind, last) VALUES ('INVOICE', 0), ('CREDIT_NOTE', 0)")
    for guard in _GUARDS:
        op.execute(guard)
