"""What to do about a batch that was not taken: wait, take the bad events out, or look for them in halves. Pure."""

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import Final

from tollkeeper.client.calling import is_passing
from tollkeeper.client.errors import (
    AlreadyExistsError,
    ExhaustedError,
    InvalidRequestError,
    NotFoundError,
    PreconditionError,
    TollkeeperError,
)

_EVENT: Final = re.compile(r"events\[(\d+)\]")
# A fault of the service's may be the fault of one event: after so many of the same batch in a row it is looked for.
_FAULTS: Final = 3


@dataclass(frozen=True, slots=True)
class Wait:
    """Send the same again later."""


@dataclass(frozen=True, slots=True)
class Halve:
    """Send each half by itself."""


@dataclass(frozen=True, slots=True)
class Refuse:
    """Take events out, and send the rest.

    Attributes:
        errors: By the events' index in the batch.
    """

    errors: dict[int, TollkeeperError]


def is_fault(error: TollkeeperError) -> bool:
    """Whether something is wrong inside of the service."""
    return error.code == "INTERNAL"


Verdict = Wait | Halve | Refuse


def judge(error: TollkeeperError, *, count: int, faults: int) -> Verdict:
    """What to do.

    Args:
        error: Why the batch was not taken.
        count: Of its events.
        faults: How many faults of the service it met in a row.
    """
    if is_passing(error):
        return Wait()
    if isinstance(error, InvalidRequestError):
        named = _named(error, count)
        if named:
            return Refuse(named)
    refusals = (InvalidRequestError, NotFoundError, AlreadyExistsError, PreconditionError, ExhaustedError)
    if isinstance(error, refusals) or faults >= _FAULTS:
        return Halve() if count > 1 else Refuse({0: error})
    # Not this batch's fault: a wrong address, a missing right. What is mended makes it pass.
    return Wait()


def _named(error: InvalidRequestError, count: int) -> dict[int, TollkeeperError]:
    violations = defaultdict(list)
    for violation in error.violations:
        match = _EVENT.match(violation.path)
        if match is not None and int(match[1]) < count:
            violations[int(match[1])].append(violation)
    return {
        index: InvalidRequestError(error.message, reason=error.reason, code=error.code, violations=tuple(found))
        for index, found in violations.items()
    }
