"""Moments as clients read them."""

from __future__ import annotations

from datetime import UTC, datetime

__all__ = ["moment"]


def moment(unix_ms: int) -> str:
    """RFC 3339 in UTC with milliseconds."""
    at = datetime.fromtimestamp(unix_ms / 1000, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
