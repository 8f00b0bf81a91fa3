"""The API's entry point: ``gunicorn "app.asgi:create()"``."""

from __future__ import annotations

from typing import Any

from app.config import read_settings
from app.logs import configure_logging
from app.wiring import create_api

__all__ = ["create"]


def create() -> Any:
    """The application, with its settings from the environment."""
    configure_logging()
    return create_api(read_settings())
