"""What is wrong in a catalog file, and where."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One mistake.

    Attributes:
        line: Counted from 1, as editors do; 0 where the mistake has no place.
        column: Counted from 1.
        path: Within the file, lists by the ids in them: ``plans[gold].charges[seats].prices[0].amount``. Empty at the top.
        message: Says how to mend it.
    """

    line: int
    column: int
    path: str
    message: str

    def shown(self, name: str) -> str:
        """One line: ``catalog.yaml:42:15 plans[gold].display_name: must have at most 200 characters, not 230``."""
        place = f"{name}:{self.line}:{self.column}" if self.line else name
        return f"{place} {self.path}: {self.message}" if self.path else f"{place}: {self.message}"


class CatalogFileError(Exception):
    """The file cannot be understood; nothing was sent."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(f"{len(problems)} problems")
        self.problems = tuple(sorted(problems))


def counted(problems: Sequence[Problem]) -> str:
    """How many there are: ``3 mistakes``."""
    return "1 mistake" if len(problems) == 1 else f"{len(problems)} mistakes"
