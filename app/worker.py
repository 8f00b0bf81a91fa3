"""Entry point of workers and schedulers: ``dramatiq app.worker:setup`` and ``periodiq app.worker:setup``."""

from __future__ import annotations

import dramatiq

from app.config import read_settings
from app.logs import configure_logging
from app.wiring.worker import create_broker

__all__ = ["setup"]


def setup() -> None:
    """Configure logging and set Dramatiq's global broker, with the settings of the environment."""
    configure_logging()
    dramatiq.set_broker(create_broker(read_settings()))
