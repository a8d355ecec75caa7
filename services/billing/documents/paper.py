"""An invoice as PDF: laid out in bands of one row each, put on pages, and only then written, so that each page knows its
number and that of all.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Final

from billing.documents.ink import Ink, Style
from billing.documents.sheet import Sheet
from billing.documents.sheet_lines import SheetLine, SheetStep
from billing.documents.sheet_sums import Sum

_MARGIN: Final = 40.0
_RIGHT: Final = Ink.WIDTH - _MARGIN
_TOP: Final = 44.0
_BOTTOM: Final = Ink.HEIGHT - 56.0
_FOOT: Final = Ink.HEIGHT - 32.0
_GAP: Final = 8.0

_TITLE: Final = Style(20, is_bold=True)
_STATE: Final = Style(13, is_bold=True)
_TEXT: Final = Style(9)
_STRONG: Final = Style(9, is_bold=True)
_FAINT: Final = Style(8, grey=95)
_SMALL: Final = Style(7.2, grey=80)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the table: where it begins, how wide it is, and whether its texts stand at its right edge."""

    x: float
    width: float
    is_right: bool = False


_DESCRIPTION: Final = Column(_MARGIN, 168)
_QUANTITY: Final = Column(_MARGIN + 174, 56, is_right=True)
_PERIOD: Final = Column(_MARGIN + 240, 78)
_SUBTOTAL: Final = Column(_MARGIN + 322, 66, is_right=True)
_DISCOUNTS: Final = Column(_MARGIN + 392, 56, is_right=True)
_AMOUNT: Final = Column(_MARGIN + 452, _RIGHT - _MARGIN - 452, is_right=True)
_PARTIES: Final = (Column(_MARGIN, 245), Column(_MARGIN + 265, 250))
_FACT: Final = Column(_MARGIN, 80)
_FACT_VALUE: Final = Column(_MARGIN + 85, 430)
_STEP: Final = Column(_MARGIN + 10, 190)
_CALCULATION: Final = Column(_MARGIN + 204, 114, is_right=True)
_SUM: Final = Column(_MARGIN + 240, 180)
_SUM_AMOUNT: Final = Column(_MARGIN + 425, _RIGHT - _MARGIN - 425, is_right=True)


@dataclass(frozen=True, slots=True)
class Mark:
    """One row of text in its column."""

    text: str
    style: Style
    column: Column


@dataclass(frozen=True, slots=True)
class Band:
    """Marks side by side; perhaps with a rule above, from there to the right margin."""

    height: float
    marks: tuple[Mark, ...] = ()
    rule_from: float | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Bands that stay on one page where they can; those of the table stand beneath its header."""

    bands: tuple[Band, ...]
    is_table: bool = False

    @property
    def height(self) -> float:
        """Of all its bands."""
        return sum(band.height for band in self.bands)


def paper(sheet: Sheet) -> bytes:
    """The invoice in print, the header of the table again on each page."""
    ink = Ink(title=sheet.title, time=sheet.time)
    pages = tuple(_pages(list(_groups(ink, sheet)), header=_header(ink)))
    for number, bands in enumerate(pages, start=1):
        ink.page()
        if sheet.stamp:
            ink.stamp(sheet.stamp)
        _write(ink, bands)
        foot = f"{sheet.title}, page {number} of {len(pages)}"
        ink.write(foot, _FAINT, x=_RIGHT - ink.width(foot, _FAINT), baseline=_FOOT)
    return ink.content()


def _write(ink: Ink, bands: Sequence[Band]) -> None:
    y = _TOP
    for band in bands:
        if band.rule_from is not None:
            ink.rule(x=band.rule_from, y=y, width=_RIGHT - band.rule_from)
        for mark in band.marks:
            column = mark.column
            x = column.x + column.width - ink.width(mark.text, mark.style) if column.is_right else column.x
            ink.write(mark.text, mark.style, x=x, baseline=y + band.height * 0.75)
        y += band.height


def _pages(groups: Sequence[Group], *, header: Band) -> Iterator[list[Band]]:
    room = _BOTTOM - _TOP
    page: list[Band] = []
    left = room
    for group in groups:
        begun = bool(page)
        if begun and group.height > left and group.height <= room - header.height:
            yield page
            page, left = [], room
        for band in group.bands:
            if band.height > left:
                yield page
                page, left = [], room
            if not page and begun and group.is_table:
                page, left = [header], room - header.height
            page.append(band)
            left -= band.height
    yield page


def _groups(ink: Ink, sheet: Sheet) -> Iterator[Group]:
    yield Group(tuple(_heading(ink, sheet)))
    yield Group((_header(ink), *_line(ink, sheet.lines[0])) if sheet.lines else (_header(ink),), is_table=True)
    for line in sheet.lines[1:]:
        yield Group(tuple(_line(ink, line)), is_table=True)
    yield Group(tuple(_sums(ink, sheet.sums)))
    yield Group(tuple(_notes(ink, sheet.notes)))


def _heading(ink: Ink, sheet: Sheet) -> Iterator[Band]:
    whole = Column(_MARGIN, _RIGHT - _MARGIN)
    right = Column(_MARGIN, _RIGHT - _MARGIN, is_right=True)
    yield Band(30, (Mark(sheet.title, _TITLE, whole), Mark(sheet.state.upper(), _STATE, right)))
    yield from _bands([_wrapped(ink, sheet.state_sentence, _TEXT, whole)])
    yield Band(2 * _GAP)
    parties = [(name, lines) for name, lines in (("From", sheet.seller), ("Bill to", sheet.bill_to)) if lines]
    cells = [_party(ink, *party, column=column) for party, column in zip(parties, _PARTIES, strict=False)]
    yield from _bands(cells)
    yield Band(_GAP)
    for name, value in sheet.facts:
        yield from _bands([_wrapped(ink, name, _FAINT, _FACT), _wrapped(ink, value, _TEXT, _FACT_VALUE)])
    yield Band(2 * _GAP)


def _party(ink: Ink, name: str, lines: Sequence[str], *, column: Column) -> list[Mark]:
    return [Mark(name, _FAINT, column)] + [mark for line in lines for mark in _wrapped(ink, line, _TEXT, column)]


def _header(ink: Ink) -> Band:
    names = {
        "Description": _DESCRIPTION,
        "Quantity": _QUANTITY,
        "Period": _PERIOD,
        "Subtotal": _SUBTOTAL,
        "Discounts": _DISCOUNTS,
        "Amount": _AMOUNT,
    }
    return Band(18, tuple(mark for name, column in names.items() for mark in _fitted(ink, name, _FAINT, column)))


def _line(ink: Ink, line: SheetLine) -> Iterator[Band]:
    yield Band(5, rule_from=_MARGIN)
    yield from _bands(
        [
            _wrapped(ink, line.description, _STRONG, _DESCRIPTION),
            _fitted(ink, line.quantity, _TEXT, _QUANTITY),
            _period(ink, line),
            _fitted(ink, line.subtotal, _TEXT, _SUBTOTAL),
            _fitted(ink, line.discount, _TEXT, _DISCOUNTS),
            _fitted(ink, line.amount, _STRONG, _AMOUNT),
        ]
    )
    for step in line.steps:
        yield from _step(ink, step)
    yield Band(4)


def _period(ink: Ink, line: SheetLine) -> list[Mark]:
    *starts, end = line.period or ("",)
    rows = [f"{start} –" for start in starts] + [end]
    return [mark for row in rows for mark in _wrapped(ink, row, _TEXT, _PERIOD)] + _wrapped(
        ink, line.part, _SMALL, _PERIOD
    )


def _step(ink: Ink, step: SheetStep) -> Iterator[Band]:
    cells = [
        _wrapped(ink, step.description, _SMALL, _STEP),
        _fitted(ink, step.calculation, _SMALL, _CALCULATION),
        _fitted(ink, step.amount, _SMALL, _SUBTOTAL),
        _fitted(ink, step.discount, _SMALL, _DISCOUNTS),
    ]
    yield from _bands(cells)


def _sums(ink: Ink, sums: Sequence[Sum]) -> Iterator[Band]:
    yield Band(2 * _GAP, rule_from=_MARGIN)
    for row in sums:
        style = _STRONG if row.is_result else _TEXT
        if row.is_result:
            yield Band(2, rule_from=_SUM.x)
        yield from _bands([_wrapped(ink, row.label, style, _SUM), _fitted(ink, row.amount, style, _SUM_AMOUNT)])


def _notes(ink: Ink, notes: Sequence[str]) -> Iterator[Band]:
    yield Band(2 * _GAP)
    for note in notes:
        yield from _bands([_wrapped(ink, note, _FAINT, Column(_MARGIN, _RIGHT - _MARGIN))])


def _wrapped(ink: Ink, text: str, style: Style, column: Column) -> list[Mark]:
    return [Mark(row, style, column) for row in ink.rows(text, style, width=column.width)]


def _fitted(ink: Ink, text: str, style: Style, column: Column) -> list[Mark]:
    return [Mark(text, ink.fitting(text, style, width=column.width), column)] if text else []


def _bands(cells: Sequence[Sequence[Mark]]) -> Iterator[Band]:
    """The cells side by side, a band for each row of the longest."""
    for row in zip_longest(*cells):
        marks = tuple(mark for mark in row if mark is not None)
        yield Band(max(mark.style.size for mark in marks) * 1.4, marks)
