"""Logging: one JSON object per line, or a readable form on a terminal.

The loggers of the standard library (Dramatiq, gunicorn, uvicorn) use the same form. Code, input, output and keys of
users are never logged.
"""

from __future__ import annotations

import logging
import sys
from typing import Final, TextIO

import structlog

__all__ = ["configure_logging", "create_log_handler", "set_log_level"]

_SHARED_PROCESSORS: Final[list[structlog.types.Processor]] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def configure_logging() -> None:
    """Configure structlog and the root logger. Call once per process.

    The lines go to the stderr with which the process started. Dramatiq replaces ``sys.stderr`` in its worker processes
    by a pipe to their parent, which would have to copy every line.
    """
    structlog.configure(
        processors=[*_SHARED_PROCESSORS, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    root = logging.getLogger()
    root.handlers = [create_log_handler(sys.__stderr__)]
    root.setLevel(logging.INFO)


def set_log_level(level: str) -> None:
    """Set the least severity of the log lines: ``debug``, ``info``, ``warning`` or ``error``."""
    number = logging.getLevelNamesMapping()[level.upper()]
    logging.getLogger().setLevel(number)
    # gunicorn configures its logger itself, and it does not propagate.
    logging.getLogger("gunicorn.error").setLevel(number)


def create_log_handler(stream: TextIO | None = None) -> logging.Handler:
    """Return a handler, also for loggers that do not propagate to the root logger.

    Args:
        stream: Destination of the lines. By default, ``sys.stderr``.
    """
    stream = stream or sys.stderr
    handler = logging.StreamHandler(stream)
    renderer = structlog.dev.ConsoleRenderer() if stream.isatty() else structlog.processors.JSONRenderer()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_SHARED_PROCESSORS,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                renderer,
            ],
        )
    )
    return handler
