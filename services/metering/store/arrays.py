"""Arrays as PostgreSQL reads them: many values of one kind in one text, because each parameter of its own costs as much."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal


def of_texts(values: Iterable[str]) -> str:
    """A `text[]`."""
    return "{" + ",".join([_quoted(value) for value in values]) + "}"


def of_numbers(values: Iterable[int | Decimal | None]) -> str:
    """A `bigint[]` or `numeric[]`."""
    return (
        "{"
        + ",".join(
            ["NULL" if value is None else format(value, "f" if isinstance(value, Decimal) else "d") for value in values]
        )
        + "}"
    )


def of_times(values: Iterable[datetime | None]) -> str:
    """A `timestamptz[]`."""
    return "{" + ",".join(["NULL" if value is None else f'"{value.isoformat()}"' for value in values]) + "}"


def _quoted(value: str) -> str:
    if "\\" in value or '"' in value:
        value = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{value}"'
