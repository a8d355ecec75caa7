"""Structured logs: one JSON object a line on standard error, each with the request id it belongs to."""

import logging
import sys
from contextvars import ContextVar

import structlog

request_id: ContextVar[str] = ContextVar("request_id", default="")


def configure(service: str, level: str = "INFO") -> None:
    """Sends structlog and the standard library's logging to standard error as JSON lines."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        _add_request_id,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processor=structlog.processors.JSONRenderer(), foreign_pre_chain=[*shared, _add_logger_name]
        )
    )
    logging.basicConfig(
        level=max(logging.getLevelNamesMapping()[level], logging.WARNING), handlers=[handler], force=True
    )


def _add_request_id(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    if current := request_id.get():
        event["request_id"] = current
    return event


def _add_logger_name(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    record = event.get("_record")
    if isinstance(record, logging.LogRecord):
        event["logger"] = record.name
    return event
