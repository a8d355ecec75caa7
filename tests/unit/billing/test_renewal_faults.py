"""What stops all renewals, and what is the fault of one."""

import psycopg
import pytest
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from billing.commands.boundaries import _is_away
from kernel.errors import ErrorKind, TollkeeperError


@pytest.mark.parametrize(
    ("error", "away"),
    [
        (TollkeeperError(ErrorKind.UNAVAILABLE, "DEPENDENCY_UNAVAILABLE", ""), True),
        (OperationalError("", None, psycopg.OperationalError("connection refused")), True),
        (PoolTimeoutError(), True),
        (OperationalError("", None, psycopg.errors.DeadlockDetected()), False),
        (IntegrityError("", None, psycopg.errors.UniqueViolation()), False),
        (TollkeeperError(ErrorKind.ABORTED, "CONCURRENT_CHANGE", ""), False),
        (LookupError("gates"), False),
    ],
)
def test_what_is_away(*, error: Exception, away: bool) -> None:
    assert _is_away(error) is away
