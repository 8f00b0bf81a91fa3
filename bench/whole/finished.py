"""Rate of finished jobs, from the timestamps of the service."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from app.core.errors import PyxecError

__all__ = ["finish_rate", "parse_timestamp"]


def parse_timestamp(text: str) -> float:
    """Convert a timestamp of the API to Unix seconds."""
    return datetime.fromisoformat(text).timestamp()


def finish_rate(jobs: Iterable[Mapping[str, Any]]) -> float:
    """Return the jobs per second between the first and the last finished job.

    Raises:
        PyxecError: There are fewer than two jobs.
    """
    ends = sorted(parse_timestamp(job["finished_at"]) for job in jobs)
    if len(ends) < 2 or ends[-1] == ends[0]:
        raise PyxecError(f"{len(ends)} jobs are too few for a rate")
    return (len(ends) - 1) / (ends[-1] - ends[0])
