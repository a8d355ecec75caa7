"""What is stored as a message of the contract, in columns named ``body``."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from google.protobuf.message import Message

B = TypeVar("B")


@dataclass(frozen=True, slots=True)
class Body(Generic[B]):
    """How one kind of thing is written into such a column, and read from it."""

    message: type[Message]
    to_proto: Callable[[B], Message]
    from_proto: Callable[[Any], B]

    def write(self, thing: B) -> bytes:
        """The column's value."""
        return self.to_proto(thing).SerializeToString()

    def read(self, value: bytes) -> B:
        """What the column's value says."""
        return self.from_proto(self.message.FromString(value))
