"""Whatever went wrong in a handler, as a caller may read it."""

import structlog
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from kernel.errors import ErrorKind, TollkeeperError
from kit.errors import RemoteRefusal
from kit.logs import request_id

log = structlog.get_logger()

# PostgreSQL's words for "another transaction came first": serialization failure, deadlock, lock not available.
_CONCURRENT_SQLSTATES = {"40001", "40P01", "55P03"}


def public_error(error: Exception) -> TollkeeperError:
    """The error as a refusal; a fault of ours is logged with its cause, and told without it."""
    match error:
        case TollkeeperError():
            return error
        case TimeoutError():
            return TollkeeperError(
                ErrorKind.DEADLINE_EXCEEDED,
                "DEADLINE_EXCEEDED",
                "The time ran out before the answer was known. Repeat the request with the same key.",
            )
        case DBAPIError() if getattr(error.orig, "sqlstate", None) in _CONCURRENT_SQLSTATES:
            return TollkeeperError(
                ErrorKind.ABORTED, "CONCURRENT_CHANGE", "Another change came first. Repeat the request."
            )
        case OperationalError() | InterfaceError() | PoolTimeoutError():
            log.warning("database_unavailable", error=str(error))
            return TollkeeperError(
                ErrorKind.UNAVAILABLE, "DEPENDENCY_UNAVAILABLE", "The store cannot be reached. Retry with backoff."
            )
        case RemoteRefusal():
            log.error("unexpected_refusal", error=str(error))
        case _:
            log.error("unexpected_error", exc_info=error)
    return TollkeeperError(
        ErrorKind.INTERNAL, "INTERNAL", f"Something went wrong inside. Report request id {request_id.get()}."
    )
