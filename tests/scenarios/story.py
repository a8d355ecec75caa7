"""A scenario as it is written: a plain text, read aloud from top to bottom, whose indentation says what belongs to what.

What stands before the line `given` is a title and prose. `#` begins a comment. Every other line must be understood by
somebody: a line that is not is a mistake in the file, never skipped.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

_COMMENT = re.compile(r"(^|\s+)#.*$")
_INDENT = 2


class StoryError(AssertionError):
    """The world is not as the story tells, or the story cannot be understood; names the file and the line."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a story with what is indented below it.

    Attributes:
        where: "plans/upgrade.txt:12", for messages.
        text: Without indentation and comment.
    """

    where: str
    text: str
    children: tuple["Line", ...]

    def fail(self, why: str) -> NoReturn:
        """Ends the story here."""
        raise StoryError(f"\n{self.where}: {self.text}\n{why}")


@dataclass(frozen=True, slots=True)
class Story:
    """A story.

    Attributes:
        name: Begins the ids of everything in it, so that stories live side by side.
        title: Its first line.
        lines: `given`, and then the steps.
    """

    name: str
    title: str
    lines: tuple[Line, ...]


def read_story(path: Path, root: Path) -> Story:
    """Reads a file below `root`.

    Raises:
        StoryError: It has no title, no `given`, or an indentation that nothing stands above.
    """
    return parse_story(path.read_text(encoding="utf-8"), path.stem, shown=str(path.relative_to(root)))


def parse_story(text: str, name: str, *, shown: str) -> Story:
    """Reads a text; `shown` is what messages call it."""
    rows = list(_rows(text, shown))
    title = text.partition("\n")[0].strip()
    begin = next((number for number, (_, depth, line) in enumerate(rows) if not depth and line == "given"), None)
    if begin is None or not title or title == "given":
        raise StoryError(f"\n{shown}: must begin with a title, and have a line that says `given`")
    lines, rest = _block(rows[begin:], depth=0)
    if rest:
        where, _, line = rest[0]
        raise StoryError(f"\n{where}: {line}\nis indented below nothing")
    return Story(name, title, lines)


# Where it stands, how deep it is indented, and what it says.
_Row = tuple[str, int, str]


def _rows(text: str, shown: str) -> Iterator[_Row]:
    for number, raw in enumerate(text.splitlines(), start=1):
        line = _COMMENT.sub("", raw).rstrip()
        if line:
            said = line.lstrip(" ")
            yield f"{shown}:{number}", len(line) - len(said), said


def _block(rows: list[_Row], *, depth: int) -> tuple[tuple[Line, ...], list[_Row]]:
    lines: list[Line] = []
    while rows and rows[0][1] == depth:
        where, _, text = rows[0]
        children, rows = _block(rows[1:], depth=depth + _INDENT)
        lines.append(Line(where, text, children))
    return tuple(lines), rows
