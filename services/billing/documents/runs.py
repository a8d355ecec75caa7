"""A row of text as it stands on paper: pieces of one font and one direction, from left to right."""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import groupby

from fpdf.bidi import BidiCharacter, BidiParagraph

from billing.documents.fonts import MAIN, REPLACEMENT, Family, characters, family_of


@dataclass(frozen=True, slots=True)
class Run:
    """A piece of a row; its text is in the order of reading."""

    text: str
    family: Family
    is_right_to_left: bool = False


def is_plain(text: str) -> bool:
    """Whether the main font shows it all, letter by letter from left to right, as it does nearly every text."""
    return _plain_characters().issuperset(text)


def runs(text: str) -> tuple[Run, ...]:
    """The pieces; what no font has stands as a visible replacement."""
    families = tuple(_families(text))
    if not text:
        return ()
    shown = "".join(character if family else REPLACEMENT for character, family in zip(text, families, strict=True))
    visual = BidiParagraph(shown, preserve_bn_chars=True).get_reordered_characters()

    def key(character: BidiCharacter) -> tuple[int, Family]:
        return character.embedding_level, families[character.character_index] or MAIN

    return tuple(_run(level, family, list(group)) for (level, family), group in groupby(visual, key))


def _run(level: int, family: Family, visual: list[BidiCharacter]) -> Run:
    is_right_to_left = level % 2 == 1
    ordered = reversed(visual) if is_right_to_left else visual
    return Run("".join(character.character for character in ordered), family, is_right_to_left)


def _families(text: str) -> Iterator[Family | None]:
    before: Family | None = None
    for character in text:
        # Marks, joiners, spaces and punctuation stay with the letters that they belong to.
        if before is None or character not in characters(before) or not _leans(character):
            before = family_of(character)
        yield before


def _leans(character: str) -> bool:
    return unicodedata.category(character)[0] in "MPZ" or unicodedata.category(character) == "Cf"


@cache
def _plain_characters() -> frozenset[str]:
    return frozenset(character for character in characters(MAIN) if unicodedata.category(character)[0] != "M")
