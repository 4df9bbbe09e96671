"""How the service logs: one event a line, as JSON for machines or as text at a terminal.

Knows structlog and the standard library's loggers; must not know events. Libraries say only what went wrong, by kind:
their texts may quote a header.
"""

from __future__ import annotations

import logging
import sys
from typing import Literal

import structlog

_LIBRARIES = ("pynetdicom", "pydicom", "dbos", "urllib3", "PIL", "dicomweb_client")


def configure_logs(form: Literal["auto", "json", "text"] = "auto", least: int = logging.INFO) -> None:
    """Let this process log to standard error. least: the level from which on it does."""
    as_json = form == "json" or (form == "auto" and not sys.stderr.isatty())
    ending: structlog.typing.Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if as_json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=False),
            structlog.processors.EventRenamer("event"),
            _without_exception_texts,
            ending,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    for name in _LIBRARIES:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)


def _without_exception_texts(
    _logger: object, _method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """An exception is named by its kind: its text may quote a header."""
    told = event.pop("exc_info", None)
    if told:
        kind = told[0] if isinstance(told, tuple) else sys.exc_info()[0]
        event["exception"] = kind.__name__ if kind is not None else "unknown"
    return event
