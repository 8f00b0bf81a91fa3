"""What the pool has done, in numbers: for metrics."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["PoolStats"]


@dataclass(frozen=True)
class PoolStats:
    """One language at one moment. All but ``idle`` and ``wanted`` only ever grow.

    ``hits`` and ``misses`` are jobs that found a warm container, or none. ``launches`` are the containers that were
    made, in advance or for a job that waited, and ``launch_seconds`` the time this took from the creation until the
    runner was ready; ``failures`` those that could not be made.
    """

    idle: int = 0
    wanted: int = 0
    hits: int = 0
    misses: int = 0
    launches: int = 0
    failures: int = 0
    launch_seconds: float = 0.0
