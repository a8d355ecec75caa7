"""Texts and lists that a caller gives, and their limits."""

from collections.abc import Sequence
from typing import Final

from kernel.errors import Mistakes
from kernel.ids import MAX_ID_LENGTH
from kernel.text import check_text

# Longer names break invoices and tables; longer descriptions belong into documentation.
MAX_DISPLAY_NAME: Final = 200
MAX_DESCRIPTION: Final = 2_000
# A sentence that lists more is not read.
_MAX_NAMED: Final = 5
# What a refusal lists of ids: they travel in headers, of which clients accept little.
_MAX_LISTED: Final = 2_000


def check_name(text: str, path: str, mistakes: Mistakes) -> None:
    """Notes a name that is empty or longer than 128 characters, such as a dimension's."""
    if not 1 <= len(text) <= 128:
        mistakes.add(path, "must have 1 to 128 characters")


def check_names(display_name: str, description: str, *, path: str, mistakes: Mistakes) -> None:
    """Notes a thing's name or description that is too long."""
    mistakes.attempt(check_text, display_name, f"{path}.display_name", limit=MAX_DISPLAY_NAME)
    mistakes.attempt(check_text, description, f"{path}.description", limit=MAX_DESCRIPTION)


def check_count(values: Sequence[object], path: str, mistakes: Mistakes, *, least: int, most: int) -> None:
    """Notes a list with too few or too many entries. A list that came cut after its limit is too long all the same."""
    if not least <= len(values) <= most:
        bounds = f"{least:,} to {most:,}" if least else f"at most {most:,}"
        mistakes.add(path, f"must have {bounds} entries")


def check_unique(values: Sequence[str], path: str, mistakes: Mistakes, *, field: str = "") -> None:
    """Notes each entry that repeats an earlier one; empty entries are other checks' business.

    Args:
        values: The keys of the entries, in their order.
        path: Of the list.
        mistakes: Takes the notes.
        field: Of an entry, where its key stands.
    """
    first: dict[str, int] = {}
    for number, value in enumerate(values):
        if not value:
            continue
        if value in first:
            where = f"{path}[{number}]" + (f".{field}" if field else "")
            mistakes.add(where, f"is listed twice: the first is entry {first[value]}, counted from 0")
        else:
            first[value] = number


def some_of(ids: Sequence[str]) -> str:
    """The first few of some ids, as a sentence names them; what is too long to be one is left out."""
    named = [each for each in ids if len(each) <= MAX_ID_LENGTH][:_MAX_NAMED]
    return ", ".join(named) + (", …" if len(ids) > len(named) else "")


def listed_within(ids: Sequence[str]) -> str:
    """All of the ids, as far as a header has room for them."""
    listed = ", ".join(ids)
    return listed if len(listed) <= _MAX_LISTED else f"{listed[:_MAX_LISTED].rpartition(', ')[0]}, …"
