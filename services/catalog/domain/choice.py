"""A choice from a closed list, as a caller made it."""

from enum import Enum, StrEnum
from typing import Final

from kernel.errors import Mistakes


class Unknown(Enum):
    """A choice that this version of the contract does not have: every check refuses it, so it is never stored."""

    UNKNOWN = "UNKNOWN"


UNKNOWN: Final = Unknown.UNKNOWN


def check_choice(
    value: StrEnum | Unknown | None, choices: type[StrEnum], *, path: str, mistakes: Mistakes, required: bool = True
) -> None:
    """Notes a choice that is unknown, or not made although it must be."""
    if value is UNKNOWN or (required and value is None):
        mistakes.add(path, f"must be {one_of(choices)}")


def one_of(choices: type[StrEnum]) -> str:
    """The choices as a sentence names them: ``MONTHLY, QUARTERLY or YEARLY``."""
    *others, last = list(choices)
    return f"{', '.join(others)} or {last}" if others else str(last)
