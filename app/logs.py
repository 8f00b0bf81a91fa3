"""One JSON line an event; pretty on a terminal. The standard library's loggers (Dramatiq, gunicorn, uvicorn) go the
same way. Code, output and keys of users are never logged."""

from __future__ import annotations

import logging
import sys
from typing import Final

import structlog

__all__ = ["configure_logging", "log_handler"]

_SHARED: Final[list[structlog.types.Processor]] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def configure_logging() -> None:
    """Set structlog and the root logger up, once a process."""
    structlog.configure(
        processors=[*_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    root = logging.getLogger()
    root.handlers = [log_handler()]
    root.setLevel(logging.INFO)


def log_handler() -> logging.Handler:
    """What writes the lines, for a logger that does not hand them on to the root."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_formatter(pretty=sys.stderr.isatty()))
    return handler


def _formatter(*, pretty: bool) -> structlog.stdlib.ProcessorFormatter:
    last = structlog.dev.ConsoleRenderer() if pretty else structlog.processors.JSONRenderer()
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_SHARED,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            last,
        ],
    )
