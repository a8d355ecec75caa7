"""From the text of a file to YAML nodes: scalars stay text, and each node knows its line.

Of YAML only what a catalog needs is taken: mappings, lists and scalars of one document. Anchors, aliases and tags are refused:
a price list should say what it says where it says it (and an alias can make a small file endless).
"""

from typing import Any, Final

import yaml
from yaml.composer import Composer
from yaml.cyaml import CParser  # type: ignore[attr-defined]  # it is there; its stub does not say so.
from yaml.resolver import BaseResolver

from cli.catalog_file_problem import CatalogFileError, Problem

# A catalog is nested about a dozen deep.
_MAX_DEPTH: Final = 40

# The parser's words for mistakes that people make often, and what helps.
_MENDED: Final = {
    "mapping values are not allowed in this context": "a colon stands where none can: quote the text, or check the indentation",
    "could not find expected ':'": "a colon is missing after the key, or the indentation is wrong",
}


class AliasNode(yaml.ScalarNode):
    """Stands where an alias stood, which was noted as a problem."""


def compose(text: str) -> tuple[yaml.Node | None, list[Problem]]:
    """The document's node, None where there is none, and what is wrong with the YAML itself.

    Raises:
        CatalogFileError: The text is not YAML; what was wrong before that place is named as well.
    """
    problems: list[Problem] = []
    try:
        loader = _Loader(text, problems)
        try:
            return loader.compose_file(), problems
        finally:
            loader.dispose()
    except yaml.reader.ReaderError as error:
        problems.append(_unreadable(text, error))
    except yaml.MarkedYAMLError as error:
        problems.append(_misspelt(text, error))
    raise CatalogFileError(problems)


def place_of(mark: Any) -> tuple[int, int]:
    """Line and column, counted from 1."""
    return mark.line + 1, mark.column + 1


class _Loader(Composer, CParser, BaseResolver):
    """Composes one document and notes what a catalog does not use; every scalar is text.

    The parser is libyaml's: the one written in Python takes twenty times as long.
    """

    def __init__(self, text: str, problems: list[Problem]) -> None:
        CParser.__init__(self, text)
        Composer.__init__(self)
        BaseResolver.__init__(self)
        self._problems = problems
        self._depth = 0
        # The same object: its parser's half is not typed.
        self._events: Any = self

    def compose_file(self) -> yaml.Node | None:
        """The only document's node, or None."""
        self._events.get_event()
        node = None if self.check_event(yaml.StreamEndEvent) else self.compose_document()
        if not self.check_event(yaml.StreamEndEvent):
            self._note(self._events.peek_event(), "a second document begins here: write one file for each")
        return node

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Called by the composer for each node."""
        event = self._events.peek_event()
        if isinstance(event, yaml.AliasEvent):
            self._events.get_event()
            self._note(event, f"the alias *{event.anchor} stands here: write out what it stands for")
            marks: Any = (event.start_mark, event.end_mark)
            return AliasNode("tag:yaml.org,2002:str", "", *marks)
        if event.anchor is not None:
            self._note(event, f"the anchor &{event.anchor} stands here: remove it")
            event.anchor = None
        if event.tag is not None:
            self._note(event, f"the tag {event.tag} stands here: remove it")
            event.tag = None
        if self._depth >= _MAX_DEPTH:
            raise yaml.MarkedYAMLError(problem="is nested too deeply for a catalog", problem_mark=event.start_mark)
        self._depth += 1
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1

    def _note(self, event: Any, message: str) -> None:
        self._problems.append(Problem(*place_of(event.start_mark), "", message))


def _misspelt(text: str, error: yaml.MarkedYAMLError) -> Problem:
    mark = error.problem_mark or error.context_mark
    line, column = place_of(mark) if mark is not None else (1, 1)
    said = str(error.problem or error.context or "it cannot be read")
    if text.split("\n")[line - 1][:column].lstrip(" ") == "\t":
        return Problem(line, column, "", "a tab stands here: indent with spaces")
    context = f" ({error.context})" if error.problem and error.context else ""
    return Problem(line, column, "", _MENDED.get(said, f"is not YAML: {said}{context}"))


def _unreadable(text: str, error: yaml.reader.ReaderError) -> Problem:
    # The parser counts bytes.
    before = text.encode()[: error.position].decode(errors="ignore")
    line, column = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
    character = error.character if isinstance(error.character, int) else ord(error.character)
    return Problem(line, column, "", f"the character U+{character:04X} cannot stand in YAML: remove it")
