"""A page of a list."""

from dataclasses import dataclass
from typing import Generic, TypeVar

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """A page of a list.

    Attributes:
        next_page_token: Asks for the next page, with the same filters; empty on the last.
    """

    items: tuple[Item, ...]
    next_page_token: str
