"""The one error type of the platform: a public sentence, a private cause, and what the contract calls it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self, TypeVar

T = TypeVar("T")


class ErrorKind(StrEnum):
    """What went wrong, in the words of the canonical gRPC codes; `kit.rpc` turns each into its code."""

    INVALID_ARGUMENT = "INVALID_ARGUMENT"
    NOT_FOUND = "NOT_FOUND"
    ALREADY_EXISTS = "ALREADY_EXISTS"
    FAILED_PRECONDITION = "FAILED_PRECONDITION"
    ABORTED = "ABORTED"
    RESOURCE_EXHAUSTED = "RESOURCE_EXHAUSTED"
    DEADLINE_EXCEEDED = "DEADLINE_EXCEEDED"
    UNAVAILABLE = "UNAVAILABLE"
    INTERNAL = "INTERNAL"


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """One mistake in the input.

    Attributes:
        path: The field as the caller wrote it, in proto names: ``plans[2].charges[0].tiers[1].up_to``.
        message: A sentence that says how to mend it.
    """

    path: str
    message: str


@dataclass(slots=True)
class TollkeeperError(Exception):
    """A refusal that a caller may read.

    Attributes:
        kind: Decides the gRPC code.
        reason: A name from the context's ``ErrorReason`` enum, without its prefix.
        message: The public sentence: what is wrong and how to mend it; nothing internal.
        violations: For bad input, each mistake; for another refusal, the fields that it is about.
        metadata: Names and ids a program may want, such as ``{"feature_id": "seats"}``.
    """

    kind: ErrorKind
    reason: str
    message: str
    violations: tuple[FieldViolation, ...] = ()
    metadata: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.reason}: {self.message}"

    def at(self, *paths: str) -> Self:
        """The same refusal, which names the fields that it is about."""
        self.violations = tuple(FieldViolation(path, self.message) for path in paths)
        return self


def invalid(*violations: FieldViolation, reason: str = "INVALID_FIELD") -> TollkeeperError:
    """Bad input: `INVALID_ARGUMENT` naming every mistake."""
    message = "; ".join(f"{violation.path}: {violation.message}" for violation in violations[:3])
    more = f" (and {len(violations) - 3} more)" if len(violations) > 3 else ""
    return TollkeeperError(ErrorKind.INVALID_ARGUMENT, reason, message + more, violations)


def not_found(reason: str, message: str, **metadata: str) -> TollkeeperError:
    """The named thing does not exist."""
    return TollkeeperError(ErrorKind.NOT_FOUND, reason, message, metadata=metadata)


def precondition(reason: str, message: str, **metadata: str) -> TollkeeperError:
    """The request is well formed, but the state of the world forbids it."""
    return TollkeeperError(ErrorKind.FAILED_PRECONDITION, reason, message, metadata=metadata)


class Mistakes:
    """Collects every mistake of an input, so that a caller learns of all at once."""

    def __init__(self) -> None:
        self.found: list[FieldViolation] = []

    def add(self, path: str, message: str) -> None:
        """Notes a mistake."""
        self.found.append(FieldViolation(path, message))

    def attempt(self, parse: Callable[..., T], *args: object, **kwargs: object) -> T | None:
        """Runs a parser; its violations are collected and give None. Any other error passes."""
        try:
            return parse(*args, **kwargs)
        except TollkeeperError as error:
            if not error.violations:
                raise
            self.found.extend(error.violations)
            return None

    def check(self, reason: str = "INVALID_FIELD") -> None:
        """Raises `invalid` with all that was collected, if anything was."""
        if self.found:
            raise invalid(*self.found, reason=reason)
