"""Many ids in one statement."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Cast, Text, cast
from sqlalchemy.dialects.postgresql import ARRAY

_TEXTS: Any = ARRAY(Text)


def texts(values: Collection[str]) -> Cast[Any]:
    """An array to compare with: one parameter, of which a statement has 65,535 at most."""
    return cast(sorted(values), _TEXTS)
