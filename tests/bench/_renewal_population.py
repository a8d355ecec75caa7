"""Subscriptions by the hundred thousand, in their second month, all of them due: as billing would have stored them."""

from dataclasses import dataclass
from datetime import UTC, datetime

import psycopg

from billing.messages.plan_terms import plan_document
from cli.embedded.postgres import EmbeddedPostgres
from kit import migrate
from tests.integration.billing.plans import charge, departures, gates, plan, price

ZONE = "America/New_York"
# Midnights in New York; the year's first month is billed, the second one ends.
JANUARY = datetime(2013, 1, 1, 5, tzinfo=UTC)
FEBRUARY = datetime(2013, 2, 1, 5, tzinfo=UTC)
MARCH = datetime(2013, 3, 1, 5, tzinfo=UTC)

_FEE = charge("fee", "FLAT_FEE", price("49"), pricing="FLAT_RATE")

_CUSTOMERS = """
INSERT INTO customer
SELECT 'customer-' || lpad(n::text, 6, '0'), 'Customer ' || n, n || '@example.com', 'USD', NULL, 'US', 'MANUAL', '', '', n, %(january)s
FROM generate_series(1, %(count)s) AS n
"""
_SUBSCRIPTIONS = """
INSERT INTO subscription (
    id, customer_id, product_id, resource_id, test_clock_id, state, plan_id, plan_version, billing_period, commitments, add_ons,
    held_since, held_before, scheduled, currency, country, time_zone, start_time, anchor_time, anchor_number, period_number,
    period_start, period_end, first_charged, trial_end, trial_end_behavior, cancel_time, cancel_prorate, end_time, coupons,
    opens_unpaid, pending, pending_since, boundary_time, revision, create_time, lease_time
)
SELECT
    'sub_' || substr(md5(n::text), 1, 26), 'customer-' || lpad(n::text, 6, '0'), 'airport', '', NULL, 'ACTIVE', %(plan)s, 1, 'MONTHLY',
    '{"gates": "20"}', '{}', %(february)s, '[]', NULL, 'USD', 'US', %(zone)s, %(january)s, %(january)s, 0, 1,
    %(february)s, %(march)s, 0, NULL, NULL, NULL, false, NULL, '[]', false, NULL, NULL, %(march)s, n, %(january)s, NULL
FROM generate_series(1, %(count)s) AS n
"""
_INVOICES = """
INSERT INTO invoice (
    id, number, customer_id, subscription_id, test_clock_id, period_number, reason, state, currency, total, credit_applied,
    credit_granted, amount_due, amount_paid, amount_credited, bill_to, create_time, finalize_time, revision
)
SELECT
    'inv_' || substr(md5(id), 1, 26), revision, customer_id, id, NULL, 0, 'RENEWAL', 'OPEN', 'USD', %(total)s, 0,
    0, %(total)s, 0, 0, '["Customer", "customer@example.com", "US"]', %(february)s, %(february)s, revision
FROM subscription
"""
_LINES = """
INSERT INTO invoice_line (
    invoice_id, position, subscription_id, period_number, number, type, source_id, plan_id, plan_version, billing_period,
    charge_id, feature_id, description, quantity, period_start, period_end, currency, subtotal, discounts, amount, derivation,
    usage_revision
)
SELECT
    invoice.id, position, subscription_id, line_period, number, type, %(plan)s, %(plan)s, 1, 'MONTHLY',
    charge_id, feature_id, description, quantity, line_start, line_end, 'USD', amount, '[]', amount, '[]', usage_revision
FROM invoice CROSS JOIN (
    VALUES
        (0, 1, 'FLAT_FEE', 'fee', '', 'Fee: fixed fee, from 1 Feb 2013 to 1 Mar 2013', 1, %(february)s, %(march)s, 49, NULL),
        (1, 1, 'COMMITMENT', 'gates', 'gates', 'Gates: 20 gates committed, from 1 Feb 2013 to 1 Mar 2013', 20, %(february)s, %(march)s, 298, NULL),
        (2, 0, 'USAGE', 'departures', 'departures', 'Departures: 1,234 departures used, from 1 Jan 2013 to 1 Feb 2013', 1234, %(january)s, %(february)s, 10, 7)
) AS line (position, line_period, type, charge_id, feature_id, description, quantity, line_start, line_end, amount, usage_revision)
WHERE position < %(lines)s
"""
# Revisions and numbers stand where the last of them was taken.
_COUNTERS = """
SELECT setval('revision', %(count)s);
UPDATE document_counter SET last = %(count)s WHERE kind = 'INVOICE';
"""
# As if the renewals had never been.
_REWIND = """
DELETE FROM invoice_line WHERE number > %(count)s;
DELETE FROM invoice WHERE number > %(count)s;
TRUNCATE outbox;
UPDATE subscription SET
    period_number = 1, period_start = %(february)s, period_end = %(march)s, held_since = %(february)s, boundary_time = %(march)s,
    revision = seed.number, lease_time = NULL
FROM invoice AS seed WHERE seed.subscription_id = subscription.id AND seed.number <= %(count)s;
"""


@dataclass(frozen=True, slots=True)
class Population:
    """A database of billing with so many subscriptions, and one more like it for the yardstick.

    Attributes:
        usage: Whether a charge by usage is part of their plan, beside a fixed fee and a commitment.
        count: How many subscriptions; each has one customer and one invoice.
        url: For SQLAlchemy.
        plain: The other database, for psycopg.
    """

    usage: bool
    count: int
    url: str
    plain: str

    @property
    def conninfo(self) -> str:
        """Of the database, for psycopg."""
        return _conninfo(self.url)

    def rewind(self) -> None:
        """Takes all renewals back, in both databases."""
        for conninfo in (self.conninfo, self.plain):
            with psycopg.connect(conninfo, autocommit=True) as connection:
                _without_guards(connection, _REWIND, self._values())
                _without_guards(connection, _COUNTERS, self._values())
                connection.execute("VACUUM (ANALYZE) subscription, invoice, invoice_line, outbox, document_counter")

    def fill(self) -> None:
        """Stores customers, subscriptions and what they were charged before."""
        content = plan("airline", _FEE, gates(), *([departures()] if self.usage else []))
        document = plan_document(content)
        with psycopg.connect(self.conninfo, autocommit=True) as connection:
            connection.execute(
                "INSERT INTO plan_version VALUES (%s, %s, %s)", (document.plan_id, document.version, document.content)
            )
            for statement in (_CUSTOMERS, _SUBSCRIPTIONS, _INVOICES, _LINES, _COUNTERS):
                _without_guards(connection, statement, self._values())
            connection.execute("VACUUM (ANALYZE)")

    def _values(self) -> dict[str, object]:
        return {
            "count": self.count,
            "plan": "airline",
            "zone": ZONE,
            "january": JANUARY,
            "february": FEBRUARY,
            "march": MARCH,
            "total": 357 if self.usage else 347,
            "lines": 3 if self.usage else 2,
        }


def populate(postgres: EmbeddedPostgres, *, usage: bool, count: int) -> Population:
    """Makes both databases and fills them."""
    name = f"billing_{'usage' if usage else 'fixed'}_{count}"
    postgres.create_databases([name])
    url = postgres.url(name)
    migrate.upgrade("billing", url)
    made = Population(usage, count, url, _conninfo(postgres.url(f"{name}_plain")))
    made.fill()
    with psycopg.connect(_conninfo(postgres.url("postgres")), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}_plain" TEMPLATE "{name}" STRATEGY file_copy')
    return made


def _without_guards(connection: psycopg.Connection, statements: str, values: dict[str, object]) -> None:
    """Runs statements as a replica does: without foreign keys and triggers, which would take the time of the whole benchmark."""
    # The client's own binding, since some are several statements.
    with connection.transaction(), psycopg.ClientCursor(connection) as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(statements, values)


def _conninfo(url: str) -> str:
    return url.replace("+psycopg", "")
