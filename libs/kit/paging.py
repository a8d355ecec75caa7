"""Page tokens: where a list goes on, bound to the filters it was asked with."""

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from google.protobuf.message import Message

from kernel.errors import FieldViolation, invalid

Row = TypeVar("Row")
M = TypeVar("M", bound=Message)

# gRPC clients accept 4 MiB unless told otherwise; one message that is larger by itself is sent all the same.
MAX_PAGE_BYTES: Final = 3 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Page:
    """What a list request asks for.

    Attributes:
        size: Rows to return, at least 1.
        after: The sort key of the last row before this page; empty for the first page.
        fingerprint: Of the filters, to refuse a token of another list.
    """

    size: int
    after: tuple[str, ...]
    fingerprint: str


def page_of(size: int, token: str, *, filters: Sequence[str] = (), default: int = 100, maximum: int = 1_000) -> Page:
    """Reads `page_size` and `page_token`.

    Raises:
        TollkeeperError: `INVALID_FIELD` for a size outside 0–maximum, `INVALID_PAGE_TOKEN` for a token that this list did
            not return for these filters.
    """
    if not 0 <= size <= maximum:
        raise invalid(FieldViolation("page_size", f"must be 1 to {maximum}, or 0 for the default of {default}"))
    fingerprint = hashlib.sha256(json.dumps(list(filters)).encode()).hexdigest()[:16]
    after: tuple[str, ...] = ()
    if token:
        after = _decode(token, fingerprint)
    return Page(size or default, after, fingerprint)


def next_token(page: Page, last_key: Sequence[str]) -> str:
    """The token that asks for what follows the row with this sort key."""
    text = json.dumps([page.fingerprint, *last_key])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def page_of_messages(
    rows: Sequence[Row], page: Page, *, convert: Callable[[Row], M], key: Callable[[Row], tuple[str, ...]]
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
    return messages, next_token(page, key(rows[len(messages) - 1])) if more else ""


def _decode(token: str, fingerprint: str) -> tuple[str, ...]:
    mistake = invalid(
        FieldViolation("page_token", "is not one that this list returned for these filters; start again without it"),
        reason="INVALID_PAGE_TOKEN",
    )
    try:
        parts = json.loads(base64.urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        raise mistake from None
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts) or len(parts) < 2:
        raise mistake
    # A fingerprint is easily copied; no text that a database would choke on gets past this edge either.
    if parts[0] != fingerprint or not all(_is_storable(part) for part in parts):
        raise mistake
    return tuple(parts[1:])


def _is_storable(text: str) -> bool:
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)
