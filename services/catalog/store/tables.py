"""The catalog's tables.

What has parts within parts is stored as the contract's own message, in columns named ``body``: nothing ever asks the
database about the parts, and the contract's breaking check keeps what was published once readable for ever.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    Sequence,
    Table,
    Text,
)

from kit.outbox import outbox_tables

metadata = MetaData()

# Every change takes its revision here: revisions grow over the whole catalog. Its high bits are the epoch, which an
# operator raises after restoring a backup.
revision = Sequence("revision", metadata=metadata)

product = Table(
    "product",
    metadata,
    Column("id", Text(collation="C"), primary_key=True),
    Column("display_name", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False),
    Column("update_time", DateTime(timezone=True), nullable=False),
)

feature = Table(
    "feature",
    metadata,
    Column("id", Text(collation="C"), primary_key=True),
    Column("body", LargeBinary, nullable=False),
)

plan = Table(
    "plan",
    metadata,
    Column("id", Text(collation="C"), primary_key=True),
    Column("product_id", Text(collation="C"), ForeignKey("product.id"), nullable=False, index=True),
    Column("display_name", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("latest_version", Integer, nullable=False),
    Column("has_draft", Boolean, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False),
    Column("update_time", DateTime(timezone=True), nullable=False),
)

plan_draft = Table(
    "plan_draft",
    metadata,
    Column("plan_id", Text(collation="C"), ForeignKey("plan.id"), primary_key=True),
    Column("body", LargeBinary, nullable=False),
)

# Published versions only. A trigger refuses to change or delete a row: published is for ever.
plan_version = Table(
    "plan_version",
    metadata,
    Column("plan_id", Text(collation="C"), ForeignKey("plan.id"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("body", LargeBinary, nullable=False),
)

outbox, outbox_refused = outbox_tables(metadata)
