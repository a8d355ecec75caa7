"""How much of a page fits into one reply."""

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from google.protobuf.message import Message

from kit.paging import Page, next_token

Row = TypeVar("Row")
M = TypeVar("M", bound=Message)

# gRPC clients accept 4 MiB unless told otherwise; one message that is larger by itself is sent all the same.
MAX_PAGE_BYTES: Final = 3 * 1024 * 1024


def page_of_messages(
    rows: Sequence[Row], page: Page, *, convert: Callable[[Row], M], key: Callable[[Row], str]
) -> tuple[list[M], str]:
    """The page's messages and the token that asks for the next ones; empty where there are none.

    Args:
        rows: Of the page, and one more where there are more.
        page: What was asked for.
        convert: Makes the message of a row.
        key: What the list is sorted by.
    """
    messages: list[M] = []
    size = 0
    for row in rows[: page.size]:
        message = convert(row)
        size += message.ByteSize()
        if messages and size > MAX_PAGE_BYTES:
            break
        messages.append(message)
    more = len(messages) < len(rows)
    return messages, next_token(page, [key(rows[len(messages) - 1])]) if more else ""
