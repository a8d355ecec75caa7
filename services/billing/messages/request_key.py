"""A request's `request_id` with what it was used for, so that the same id with other content is told apart."""

import hashlib
from dataclasses import dataclass

from google.protobuf.message import Message

from kernel.text import check_text

_LONGEST = 128


@dataclass(frozen=True, slots=True)
class RequestKey:
    """Names a request; an empty id names none."""

    id: str
    fingerprint: bytes


def request_key(request: Message, request_id: str) -> RequestKey | None:
    """The key of a request; None where the caller gave no id.

    Raises:
        TollkeeperError: `INVALID_FIELD` for an id that is too long.
    """
    if not request_id:
        return None
    check_text(request_id, "request_id", limit=_LONGEST)
    content = request.DESCRIPTOR.full_name.encode() + b"\0" + request.SerializeToString(deterministic=True)
    return RequestKey(request_id, hashlib.sha256(content).digest())
