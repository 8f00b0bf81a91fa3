"""Timestamps: Unix milliseconds in the store, RFC 3339 for clients."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Annotated

from app.core.constraints import schema

__all__ = ["Timestamp", "current_unix_ms", "format_optional_timestamp", "format_timestamp"]

Timestamp = Annotated[str, schema(format="date-time")]


def current_unix_ms() -> int:
    """Return the current Unix time in milliseconds."""
    return time.time_ns() // 1_000_000


def format_timestamp(unix_ms: int) -> str:
    """Format a Unix time in milliseconds as RFC 3339 in UTC with milliseconds."""
    timestamp = datetime.fromtimestamp(unix_ms / 1000, UTC)
    return timestamp.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def format_optional_timestamp(unix_ms: int | None) -> str | None:
    """Format a Unix time in milliseconds like `format_timestamp`; None stays None."""
    return None if unix_ms is None else format_timestamp(unix_ms)
