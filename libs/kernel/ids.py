"""Names of things: what an id may look like, how a new one is made, how one is written into a NATS subject."""

import re
import secrets
import time
from typing import Final

from kernel.errors import FieldViolation, invalid

MAX_ID_LENGTH: Final = 128
ID_PATTERN: Final = rf"[A-Za-z0-9][A-Za-z0-9_.@|:-]{{0,{MAX_ID_LENGTH - 1}}}"

_ID = re.compile(ID_PATTERN)
_PREFIX = re.compile(r"[a-z][a-z0-9]{0,15}")
_NOT_PLAIN = re.compile(rb"[^A-Za-z0-9_-]")
# Crockford's alphabet: in ASCII order, so that ids sort by time, and without i, l, o and u.
_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_CHARACTERS: Final = 26
_RANDOM_BITS: Final = 80


def check_id(value: str, path: str) -> str:
    """The id itself, when it is one.

    Raises:
        TollkeeperError: `INVALID_ARGUMENT` naming `path` and the pattern.
    """
    if _ID.fullmatch(value) is None:
        message = (
            f"must have 1 to {MAX_ID_LENGTH} characters, begin with a letter or digit, "
            "and hold only ASCII letters, digits and _ . @ | : -"
        )
        raise invalid(FieldViolation(path, message))
    return value


def new_id(prefix: str) -> str:
    """A fresh id such as ``sub_01k8y3…``: 48 bits of milliseconds since 1970, then 80 random bits.

    Ids sort by the millisecond they were made in. The one impurity of the kernel: it reads the clock and the system's
    randomness, because nothing is ever decided by what an id says.

    Raises:
        ValueError: The prefix is not 1 to 16 lowercase letters and digits.
    """
    if _PREFIX.fullmatch(prefix) is None:
        raise ValueError("a prefix has 1 to 16 lowercase letters and digits and begins with a letter")
    value = (time.time_ns() // 1_000_000) << _RANDOM_BITS | secrets.randbits(_RANDOM_BITS)
    shifts = range(5 * (_CHARACTERS - 1), -1, -5)
    return f"{prefix}_" + "".join(_ALPHABET[value >> shift & 31] for shift in shifts)


def subject_token(value: str) -> str:
    """The id as one token of a NATS subject: all but letters, digits, ``_`` and ``-`` become ``%XX`` of its UTF-8."""
    return _NOT_PLAIN.sub(lambda byte: b"%%%02X" % ord(byte[0]), value.encode()).decode()
