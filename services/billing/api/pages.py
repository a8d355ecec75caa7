"""Pages of lists: what is asked for, and how much of it fits into one reply."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol, TypeVar

from google.protobuf.message import Message

from kernel.errors import Mistakes
from kernel.ids import check_id
from kit.paging import Page, next_token, page_of

Row = TypeVar("Row")
M = TypeVar("M", bound=Message)

# Clients of gRPC accept 4 MiB unless told otherwise; one message that is larger by itself is sent all the same.
MOST_BYTES: Final = 3 * 1024 * 1024


class ListRequest(Protocol):
    """What the requests of all lists say."""

    page_size: int
    page_token: str


def page_asked(request: ListRequest, what: str, filters: Mapping[str, str] | None = None) -> Page:
    """The page of the list of `what`; filters are ids by the names of their fields, of which empty ones choose nothing.

    Raises:
        TollkeeperError: `INVALID_FIELD` naming every mistake; `INVALID_PAGE_TOKEN` where only the token is wrong.
    """
    given = filters or {}
    mistakes = Mistakes()
    for path, value in given.items():
        if value:
            mistakes.attempt(check_id, value, path)
    mistakes.attempt(page_of, request.page_size, "")
    mistakes.check()
    return page_of(request.page_size, request.page_token, filters=[what, *given.values()])


def page_of_messages(
    rows: Sequence[Row], page: Page, *, convert: Callable[[Row], M], key: Callable[[Row], str]
) -> tuple[list[M], str]:
    """The page's messages, and the token that asks for the next ones; empty where there are none.

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
        if messages and size > MOST_BYTES:
            break
        messages.append(message)
    more = len(messages) < len(rows)
    return messages, next_token(page, [key(rows[len(messages) - 1])]) if more else ""
