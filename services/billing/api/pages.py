"""Pages that fit into a message."""

from collections.abc import Sequence
from typing import TypeVar

from google.protobuf.message import Message

M = TypeVar("M", bound=Message)

# Clients of gRPC accept 4 MiB unless told otherwise; a page of long invoices ends earlier and says how to go on.
MOST_BYTES = 3 * 1024 * 1024


def fitting(messages: Sequence[M], size: int) -> Sequence[M]:
    """As many of the first messages as the page asks for and holds; at least one where there is one."""
    held = 0
    for count, message in enumerate(messages[:size]):
        held += message.ByteSize()
        if held > MOST_BYTES and count > 0:
            return messages[:count]
    return messages[:size]
