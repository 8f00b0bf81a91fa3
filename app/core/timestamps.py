"""Moments as clients read them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from app.core.constraints import told

__all__ = ["Moment", "moment", "moment_or_none"]

Moment = Annotated[str, told(format="date-time")]


def moment(unix_ms: int) -> str:
    """RFC 3339 in UTC with milliseconds."""
    at = datetime.fromtimestamp(unix_ms / 1000, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment_or_none(unix_ms: int | None) -> str | None:
    """The same for one that may not have come yet."""
    return None if unix_ms is None else moment(unix_ms)
