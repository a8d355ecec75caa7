"""All mistakes of a request at once, within reason."""

from collections.abc import Callable
from typing import Final, TypeVar

from kernel.errors import Mistakes

T = TypeVar("T")

# An answer has room for fewer; without an end, a document of nothing but mistakes would fill the memory.
MAX_MISTAKES: Final = 10_000


class BoundedMistakes(Mistakes):
    """Collects mistakes as `Mistakes` does, and raises them when there are `MAX_MISTAKES`."""

    def add(self, path: str, message: str) -> None:
        """Notes a mistake."""
        super().add(path, message)
        self._end()

    def attempt(self, parse: Callable[..., T], *args: object, **kwargs: object) -> T | None:
        """Runs a parser; its violations are collected and give None."""
        value = super().attempt(parse, *args, **kwargs)
        self._end()
        return value

    def _end(self) -> None:
        if len(self.found) >= MAX_MISTAKES:
            self.check()
