"""The catalog's tables."""

from kit.outbox import outbox_tables
from sqlalchemy import BigInteger, Column, DateTime, MetaData, Sequence, Table, Text

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

outbox, outbox_refused = outbox_tables(metadata)
