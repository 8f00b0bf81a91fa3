"""Entry point of workers and schedulers: ``dramatiq app.worker:setup`` and ``periodiq app.worker:setup``."""

from __future__ import annotations

import dramatiq
import structlog

from app.config import ConfigurationError, read_settings
from app.logs import configure_logging
from app.sandbox.engine_availability import EXIT_STATUS
from app.wiring.worker import create_broker

__all__ = ["setup"]

_log = structlog.get_logger(__name__)


def setup() -> None:
    """Configure logging and set Dramatiq's global broker, with the settings of the environment.

    Raises:
        SystemExit: A setting is invalid. The log names each invalid variable.
    """
    configure_logging()
    try:
        settings = read_settings()
    except ConfigurationError as e:
        for problem in str(e).splitlines():
            _log.critical("configuration_invalid", error=problem)
        raise SystemExit(EXIT_STATUS) from None
    dramatiq.set_broker(create_broker(settings))
