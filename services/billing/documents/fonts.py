"""Which font shows which character: fonts with an open licence from locked packages, nothing from the machine or the net."""

import atexit
import logging
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Final

from fontTools.ttLib import TTFont
from noto_cjk_sans_jp_regular import FONT_PATH as CJK_FONT

# It warns of each table of hints that a subset leaves out.
logging.getLogger("fontTools.subset").setLevel(logging.ERROR)

# The main font holds it, so that it is visible wherever a character cannot be shown.
REPLACEMENT: Final = "\ufffd"


@dataclass(frozen=True, slots=True)
class Family:
    """A font, perhaps with a bold face.

    Attributes:
        name: As the PDF library knows it.
        regular: Gives the file.
        bold: The same; None: the regular face stands for it.
    """

    name: str
    regular: Callable[[], Path]
    bold: Callable[[], Path] | None = None


@cache
def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="tollkeeper-fonts-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@cache
def _unpacked(name: str) -> Path:
    """pymupdf-fonts keeps its fonts in modules; fpdf2 reads fonts from files only."""
    file = _folder() / f"{name}.ttf"
    file.write_bytes(import_module(f"pymupdf_fonts.{name}").fontbuffer)
    return file


def _packed(name: str) -> Callable[[], Path]:
    return lambda: _unpacked(name)


MAIN: Final = Family("sans", _packed("NotoSans_Regular"), _packed("NotoSans_Bold"))
# The first that has a character shows it.
FAMILIES: Final = (
    MAIN,  # Latin, Greek, Cyrillic, Vietnamese, currencies; its digits are all equally wide.
    Family("wide", _packed("FiraGO_Regular"), _packed("FiraGO_Bold")),  # Hebrew, Arabic, Devanagari, Thai, Georgian.
    Family("cjk", lambda: Path(str(CJK_FONT))),  # Chinese, Japanese, Korean.
    Family("symbols", _packed("NotoSansSymbols2_Regular")),
    Family("mathematics", _packed("NotoSansMath_Regular")),
)


@cache
def characters(family: Family) -> frozenset[str]:
    """All that the family can show."""
    with TTFont(family.regular(), lazy=True) as font:
        return frozenset(map(chr, font.getBestCmap() or ()))


def family_of(character: str) -> Family | None:
    """The family that shows the character; None where nothing does."""
    return next((family for family in FAMILIES if character in characters(family)), None)
