"""The consistency token: opaque text that names the writes an answer must have seen."""

import base64
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

from kernel.errors import FieldViolation, TollkeeperError, invalid
from kernel.ids import ID_PATTERN, check_id

MAX_LENGTH: Final = 4096
MAX_FACTS: Final = 64
MAX_REVISION: Final = 2**63 - 1  # PostgreSQL's bigint

_VERSION: Final = "tk1_"
_NUMBER: Final = r"0|[1-9][0-9]{0,18}"
_BODY = re.compile(r"[A-Za-z0-9_-]+")
_USAGE = re.compile(rf"(?P<usage>{_NUMBER})(?P<facts>(?:;[^;]+)*)")
_FACT = re.compile(rf";(?P<kind>[a-z])(?P<id>{ID_PATTERN})=(?P<revision>{_NUMBER})")


class FactKind(StrEnum):
    """What a fact is about; the value is its letter inside the token."""

    CUSTOMER = "c"
    SUBSCRIPTION = "s"
    TEST_CLOCK = "t"
    # A customer's promotional grants and revocations; the id is the customer's.
    GRANTS = "g"


@dataclass(frozen=True, slots=True, order=True)
class Fact:
    """One control thing and the revision of it that must be seen.

    Raises:
        TollkeeperError: `INVALID_ARGUMENT` when the id is none.
        ValueError: The revision is not from 0 to 2⁶³ - 1.
    """

    kind: FactKind
    id: str
    revision: int

    def __post_init__(self) -> None:
        check_id(self.id, "id")
        _check_revision(self.revision)


@dataclass(frozen=True, slots=True)
class Token:
    """The writes that a check, report or list must see.

    Attributes:
        usage: The metering revision of the write to be seen; 0 asks for none. Two of them have no greatest: revisions of
            different series commit in any order, so tokens are never merged.
        facts: Control things, in order of kind and id, each once with its greatest revision.

    Raises:
        TollkeeperError: `INVALID_ARGUMENT` `INVALID_TOKEN`: more than 64 facts.
        ValueError: `usage` is not from 0 to 2⁶³ - 1.
    """

    usage: int = 0
    facts: tuple[Fact, ...] = ()

    def __post_init__(self) -> None:
        _check_revision(self.usage)
        object.__setattr__(self, "facts", _greatest(self.facts))
        if len(self.facts) > MAX_FACTS:
            raise _refused("token", f"must name at most {MAX_FACTS} things, which no write of ours needs")

    @classmethod
    def of(cls, kind: FactKind, thing_id: str, *, revision: int) -> Self:
        """The token of one write to one control thing."""
        return cls(0, (Fact(kind, thing_id, revision),))

    def revision(self, kind: FactKind, thing_id: str) -> int:
        """The revision of a control thing that must be seen; 0 asks for none."""
        named = (fact.revision for fact in self.facts if fact.kind == kind and fact.id == thing_id)
        return next(named, 0)

    def encode(self) -> str:
        """Url-safe text of at most 4096 characters; equal tokens have equal text.

        Raises:
            TollkeeperError: `INVALID_ARGUMENT` `INVALID_TOKEN`: long ids do not fit into 4096 characters.
        """
        body = str(self.usage) + "".join(f";{fact.kind}{fact.id}={fact.revision}" for fact in self.facts)
        text = _VERSION + base64.urlsafe_b64encode(body.encode("ascii")).decode("ascii").rstrip("=")
        if len(text) > MAX_LENGTH:
            raise _refused("token", f"must have at most {MAX_LENGTH} characters, which no write of ours needs")
        return text

    @classmethod
    def decode(cls, text: str, path: str) -> Self:
        """The token of a text that `encode` wrote.

        Raises:
            TollkeeperError: `INVALID_ARGUMENT` `INVALID_TOKEN` naming `path`, for any other text, the empty one too.
        """
        try:
            token = cls._parsed(text)
            written_by_us = token.encode() == text
        except (ValueError, TollkeeperError):
            raise _not_ours(path) from None
        if not written_by_us:
            raise _not_ours(path)
        return token

    @classmethod
    def _parsed(cls, text: str) -> Self:
        body = text.removeprefix(_VERSION)
        if len(text) > MAX_LENGTH or _BODY.fullmatch(body) is None:
            raise ValueError("not the alphabet of a token")
        match = _USAGE.fullmatch(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)).decode("ascii"))
        if match is None:
            raise ValueError("not the shape of a token")
        return cls(int(match["usage"]), tuple(_facts(match["facts"])))


def _facts(text: str) -> Iterable[Fact]:
    for fact in _FACT.finditer(text):
        yield Fact(FactKind(fact["kind"]), fact["id"], int(fact["revision"]))


def _greatest(facts: Iterable[Fact]) -> tuple[Fact, ...]:
    newest = {(fact.kind, fact.id): fact for fact in sorted(facts)}
    return tuple(newest.values())


def _check_revision(revision: int) -> None:
    if not 0 <= revision <= MAX_REVISION:
        raise ValueError("a revision is a whole number from 0 to 2^63 - 1")


def _not_ours(path: str) -> TollkeeperError:
    return _refused(path, "must be a token as it was returned by a write, unchanged")


def _refused(path: str, message: str) -> TollkeeperError:
    return invalid(FieldViolation(path, message), reason="INVALID_TOKEN")
