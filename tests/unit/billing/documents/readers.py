"""Documents as a reader meets them: the tables of a page, the text of paper."""

from html.parser import HTMLParser
from io import BytesIO

from pypdf import PdfReader

from billing.documents.document import render_html, render_pdf
from tollkeeper.billing.v1 import invoice_pb2 as pb

SELLER = ("Airports of New Jersey Inc.", "1 Terminal Road", "Newark, NJ 07114")
_VOID = frozenset({"meta", "br", "img", "link", "input", "hr"})


class Page(HTMLParser):
    """A page: its text, its tags with their attributes, and its tables as rows of cells; it must be nested well."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.tables: list[list[list[str]]] = []
        self._open: list[str] = []
        self.feed(content.decode())
        self.close()
        assert self._open == []

    @property
    def text(self) -> str:
        """All that is read, without the style sheet."""
        return " ".join(" ".join(self.texts).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in _VOID:
            self._open.append(tag)
        if tag == "table":
            self.tables.append([])
        if tag == "tr":
            self.tables[-1].append([])
        if tag in ("td", "th"):
            self.tables[-1][-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" in self._open:
            return
        self.texts.append(data)
        if "td" in self._open or "th" in self._open:
            row = self.tables[-1][-1]
            row[-1] = f"{row[-1]}{data}"


def page_of(invoice: pb.Invoice, *, time_zone: str = "UTC") -> Page:
    """The invoice as a page."""
    return Page(render_html(invoice, seller=SELLER, time_zone=time_zone))


def paper_of(invoice: pb.Invoice, *, time_zone: str = "UTC") -> PdfReader:
    """The invoice as PDF."""
    return PdfReader(BytesIO(render_pdf(invoice, seller=SELLER, time_zone=time_zone)), strict=True)


def pages(invoice: pb.Invoice) -> list[str]:
    """The text of each page of its PDF, with single spaces."""
    # pypdf takes the two bytes of a Chinese character for two characters.
    texts = [page.extract_text().replace("\0", "") for page in paper_of(invoice).pages]
    return [" ".join(text.split()) for text in texts]
