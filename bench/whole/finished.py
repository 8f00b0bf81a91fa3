"""When jobs ended, as the service says: of that, how many in each second."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from app.core.errors import PyxecError

__all__ = ["moment", "rate"]


def moment(text: str) -> float:
    """Seconds since the epoch of a time of the API's."""
    return datetime.fromisoformat(text).timestamp()


def rate(jobs: Iterable[Mapping[str, Any]]) -> float:
    """From the first end to the last, since a window ends between two.

    Raises:
        PyxecError: there are not even two.
    """
    ends = sorted(moment(job["finished_at"]) for job in jobs)
    if len(ends) < 2 or ends[-1] == ends[0]:
        raise PyxecError(f"{len(ends)} jobs tell nothing about a rate")
    return (len(ends) - 1) / (ends[-1] - ends[0])
