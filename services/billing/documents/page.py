"""An invoice as one HTML page that needs nothing else: no script, no font, no picture from elsewhere."""

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from billing.documents.sheet import Sheet


def page(sheet: Sheet) -> bytes:
    """The page in UTF-8. Every text is escaped: a customer's name cannot bring markup or scripts along."""
    return _template().render(sheet=sheet).encode()


@cache
def _template() -> Template:
    loader = PackageLoader("billing.documents")
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("invoice.html")
