"""How the service logs: one event a line, as JSON for machines or as text at a terminal.

Knows structlog and the standard library's loggers; must not know events. Libraries say only what went wrong, by kind
and place: their texts may quote a header.
"""

from __future__ import annotations

import logging
import sys
import threading
import warnings
from types import TracebackType
from typing import Literal, TextIO

import structlog

# Each fault of a peer or an object is told by our own lines; what these say of it quotes requests and values.
_SILENT = ("pynetdicom", "pydicom")
_OWN_HANDLERS = ("dbos",)  # it makes itself a handler where it has none, and does not propagate

log = structlog.get_logger()


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
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.EventRenamer("event"),
            _without_exception_texts,
            ending,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    _quiet_libraries()


def _quiet_libraries() -> None:
    handler = _ByKind(logging.ERROR)
    for name in (None, *_OWN_HANDLERS):
        logging.getLogger(name).handlers[:] = [handler]
    for name in _OWN_HANDLERS:
        logging.getLogger(name).propagate = False
    for name in _SILENT:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    warnings.showwarning = _warned
    sys.excepthook = _ended
    threading.excepthook = _thread_ended


class _ByKind(logging.Handler):
    """A library's record: who says it, where, and the kind of an exception, but not what it says."""

    def emit(self, record: logging.LogRecord) -> None:
        """Log it as an event of ours."""
        kind = record.exc_info[0] if record.exc_info else None
        told = {"exception": kind.__name__} if kind is not None else {}
        log.error("library_fault", library=record.name, where=f"{record.filename}:{record.lineno}", **told)


def _warned(
    message: Warning | str,  # noqa: ARG001 - Python's words; the text may quote a value
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,  # noqa: ARG001
    line: str | None = None,  # noqa: ARG001
) -> None:
    log.warning("library_warns", category=category.__name__, where=f"{filename.rpartition('/')[2]}:{lineno}")


def _ended(kind: type[BaseException], error: BaseException, place: TracebackType | None) -> None:
    """A process ends by a fault that nobody foresaw."""
    if issubclass(kind, KeyboardInterrupt):
        return
    log.error("fault", exc_info=(kind, error, place))


def _thread_ended(told: threading.ExceptHookArgs) -> None:
    if told.exc_type is not SystemExit:
        log.error("fault", thread=told.thread.name if told.thread else "", where=_place(told.exc_traceback),
                  exception=told.exc_type.__name__)  # fmt: skip


def _without_exception_texts(
    _logger: object, _method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """An exception is named by its kind and place: its text may quote a header."""
    told = event.pop("exc_info", None)
    if told:
        kind, _, traceback = told if isinstance(told, tuple) else sys.exc_info()
        event["exception"] = kind.__name__ if kind is not None else "unknown"
        event["where"] = _place(traceback)
    return event


def _place(traceback: TracebackType | None) -> str:
    """File and line where it was raised."""
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    if traceback is None:
        return ""
    return f"{traceback.tb_frame.f_code.co_filename.rpartition('/')[2]}:{traceback.tb_lineno}"
