"""What changed, told to every replica when the transaction commits: ``NOTIFY`` with the kind and the id of the thing."""

from enum import StrEnum
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

CHANNEL: Final = "entitlements_changed"


class NoticeKind(StrEnum):
    """What kind of thing changed."""

    CUSTOMER = "customer"
    TEST_CLOCK = "test_clock"
    FEATURE = "feature"
    PLAN = "plan"


async def announce(connection: AsyncConnection, kind: NoticeKind, id: str) -> None:
    """Tells every replica after the commit; a rollback tells nobody."""
    await connection.execute(
        text("SELECT pg_notify(:channel, :notice)"), {"channel": CHANNEL, "notice": f"{kind}:{id}"}
    )


def parse_notice(payload: str) -> tuple[NoticeKind, str]:
    """The kind and the id of a notice."""
    kind, _, thing_id = payload.partition(":")
    return NoticeKind(kind), thing_id
