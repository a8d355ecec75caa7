"""Texts that a caller gives, and their limits."""

from kernel.errors import FieldViolation, invalid


def check_text(text: str, path: str, *, limit: int) -> str:
    """The text itself.

    Raises:
        TollkeeperError: `INVALID_FIELD` if it is longer than the limit.
    """
    if len(text) > limit:
        raise invalid(FieldViolation(path, f"must have at most {limit:,} characters, not {len(text):,}"))
    return text
