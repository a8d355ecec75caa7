"""Writing on paper: texts of any script, measured, broken into rows, and placed on pages."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from fpdf import FPDF

from billing.documents.fonts import MAIN, Family
from billing.documents.runs import Run, is_plain, runs

# Nothing is printed smaller, not even a number that is wider than its column.
_SMALLEST: Final = 3.0


@dataclass(frozen=True, slots=True)
class Style:
    """How a text looks: its size in points, and its grey, from 0, black, to 255, white."""

    size: float
    is_bold: bool = False
    grey: int = 20


class Ink:
    """One document on A4, measured in points from the upper left corner."""

    WIDTH: Final = 595.28
    HEIGHT: Final = 841.89

    def __init__(self, *, title: str, time: datetime | None) -> None:
        """Begins a document; its time, and not that of the clock, is what its metadata say."""
        self._pdf = FPDF(unit="pt", format="A4")
        self._pdf.set_auto_page_break(auto=False)
        self._pdf.set_margin(0)
        self._pdf.c_margin = 0
        self._pdf.alias_nb_pages(None)  # type: ignore[arg-type]  # None turns it off: a text may say "{nb}".
        self._pdf.set_lang("en")
        self._pdf.set_title(title)
        self._pdf.set_creator("Tollkeeper")
        if time is not None:
            self._pdf.set_creation_date(time)
        self._families: set[Family] = set()
        self._widths: dict[tuple[Run, float, bool], float] = {}

    def page(self) -> None:
        """Begins the next page."""
        self._pdf.add_page()

    def content(self) -> bytes:
        """The document."""
        return bytes(self._pdf.output())

    def width(self, text: str, style: Style) -> float:
        """How wide the text is."""
        return sum(self._run_width(run, style) for run in _pieces(text))

    def rows(self, text: str, style: Style, *, width: float) -> list[str]:
        """The text in rows of at most that width, broken between words, and inside one that is wider."""
        rows: list[str] = []
        row = ""
        for word in text.split(" "):
            longer = f"{row} {word}" if row else word
            if self.width(longer, style) <= width:
                row = longer
                continue
            if row:
                rows.append(row)
            *full, row = self._broken(word, style, width=width)
            rows += full
        return [*rows, row] if row else rows

    def fitting(self, text: str, style: Style, *, width: float) -> Style:
        """The style, so much smaller that the text fits on one row."""
        wide = self.width(text, style)
        return style if wide <= width else Style(max(style.size * width / wide, _SMALLEST), style.is_bold, style.grey)

    def write(self, text: str, style: Style, *, x: float, baseline: float) -> None:
        """Writes one row from `x` on."""
        self._pdf.set_text_color(style.grey)
        for run in _pieces(text):
            self._set_font(run.family, style)
            if _is_lettered(run):
                self._pdf.text(x, baseline, run.text)
            else:
                self._write_shaped(run, style, x=x, baseline=baseline)
            x += self._run_width(run, style)

    def rule(self, *, x: float, y: float, width: float, grey: int = 160) -> None:
        """A thin line."""
        self._pdf.set_draw_color(grey)
        self._pdf.set_line_width(0.5)
        self._pdf.line(x, y, x + width, y)

    def stamp(self, text: str) -> None:
        """A large pale word across the page; to be written first, so that the rest stands on it."""
        style = Style(110, is_bold=True, grey=238)
        with self._pdf.rotation(35, self.WIDTH / 2, self.HEIGHT / 2):
            self.write(text, style, x=(self.WIDTH - self.width(text, style)) / 2, baseline=self.HEIGHT / 2 + 40)

    def _broken(self, word: str, style: Style, *, width: float) -> Iterator[str]:
        piece = ""
        for character in word:
            if piece and self.width(piece + character, style) > width:
                yield piece
                piece = ""
            piece += character
        yield piece

    def _run_width(self, run: Run, style: Style) -> float:
        key = (run, style.size, style.is_bold)
        if key not in self._widths:
            self._widths[key] = self._measured(run, style)
        return self._widths[key]

    def _measured(self, run: Run, style: Style) -> float:
        self._set_font(run.family, style)
        if _is_lettered(run):
            return self._pdf.get_string_width(run.text)
        self._pdf.set_text_shaping(use_shaping_engine=True, direction=_direction(run))
        width = self._pdf.get_string_width(run.text)
        self._pdf.set_text_shaping(use_shaping_engine=False)
        return width

    def _write_shaped(self, run: Run, style: Style, *, x: float, baseline: float) -> None:
        self._pdf.set_text_shaping(use_shaping_engine=True, direction=_direction(run))
        # A cell of the text's own height stands with its baseline at eight tenths of it.
        self._pdf.set_xy(x, baseline - 0.8 * style.size)
        self._pdf.cell(h=style.size, text=run.text)
        self._pdf.set_text_shaping(use_shaping_engine=False)

    def _set_font(self, family: Family, style: Style) -> None:
        if family not in self._families:
            self._families.add(family)
            self._pdf.add_font(family.name, "", family.regular())
            if family.bold is not None:
                self._pdf.add_font(family.name, "B", family.bold())
        self._pdf.set_font(family.name, "B" if style.is_bold and family.bold is not None else "", style.size)


def _pieces(text: str) -> tuple[Run, ...]:
    return (Run(text, MAIN),) if is_plain(text) else runs(text)


def _is_lettered(run: Run) -> bool:
    """Whether each letter stands for itself; else they join, or are mirrored: brackets from right to left."""
    return is_plain(run.text) and not run.is_right_to_left


def _direction(run: Run) -> str:
    return "rtl" if run.is_right_to_left else "ltr"
