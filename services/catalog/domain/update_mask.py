"""Which fields an update names."""

from collections.abc import Collection, Sequence
from typing import Final

from kernel.errors import Mistakes

# More paths than a thing has fields are a mistake, not a wish.
MAX_PATHS: Final = 100

OUTPUT_ONLY: Final = frozenset({"revision", "create_time", "update_time"})


def check_mask(
    paths: Sequence[str], known: Collection[str], mistakes: Mistakes, *, output_only: Collection[str]
) -> None:
    """Notes each path that names no field, or one that only the catalog writes."""
    if len(paths) > MAX_PATHS:
        mistakes.add("update_mask.paths", f"must have at most {MAX_PATHS} entries")
        return
    for number, path in enumerate(paths):
        where = f"update_mask.paths[{number}]"
        if path in output_only:
            mistakes.add(where, f"must not be {path}: only the catalog writes it")
        elif path not in known:
            mistakes.add(where, f"must be one of {', '.join(sorted(known))}")
