"""The catalog's tables.

What has parts within parts is stored as the contract's own message, in columns named ``body``: nothing ever asks the
database about the parts, and the contract's breaking check keeps what was published once readable for ever.
"""

from typing import Any

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
    Column("multiple_subscriptions", Boolean, nullable=False),
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

coupon = Table(
    "coupon",
    metadata,
    Column("id", Text(collation="C"), primary_key=True),
    Column("body", LargeBinary, nullable=False),
)


def _offering(name: str, *more: Column[Any]) -> tuple[Table, Table, Table]:
    """Plans or add-ons, their drafts, and their published versions.

    A trigger refuses to change or delete a version: published is for ever.
    """
    offering = Table(
        name,
        metadata,
        Column("id", Text(collation="C"), primary_key=True),
        Column("product_id", Text(collation="C"), ForeignKey("product.id"), nullable=False, index=True),
        Column("display_name", Text, nullable=False),
        Column("description", Text, nullable=False),
        Column("latest_version", Integer, nullable=False),
        Column("has_draft", Boolean, nullable=False),
        Column("archived", Boolean, nullable=False),
        Column("revision", BigInteger, nullable=False),
        Column("create_time", DateTime(timezone=True), nullable=False),
        Column("update_time", DateTime(timezone=True), nullable=False),
        *more,
    )
    draft = Table(
        f"{name}_draft",
        metadata,
        Column(f"{name}_id", Text(collation="C"), ForeignKey(f"{name}.id"), primary_key=True),
        Column("body", LargeBinary, nullable=False),
    )
    version = Table(
        f"{name}_version",
        metadata,
        Column(f"{name}_id", Text(collation="C"), ForeignKey(f"{name}.id"), primary_key=True),
        Column("version", Integer, primary_key=True),
        Column("body", LargeBinary, nullable=False),
    )
    return offering, draft, version


add_on, add_on_draft, add_on_version = _offering("add_on")
plan, plan_draft, plan_version = _offering("plan", Column("carried_version", Integer, nullable=False))

outbox, outbox_refused = outbox_tables(metadata)
