"""The lanes of a queue: streams of their own for what somebody waits for and for what may take its time.

Neither starves the other. Where both have a backlog, fetches are shared by weight; and batch work never holds all that
a process may hold, so that an interactive message finds room at once, however long the batch work takes.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

__all__ = ["DEFAULT_LANE", "WEIGHTS", "Lane", "held_at_most"]


class Lane(StrEnum):
    """What the message option ``lane`` may be. A lane is added here and in `WEIGHTS`, nowhere else."""

    INTERACTIVE = "interactive"
    BATCH = "batch"


DEFAULT_LANE: Final = Lane.INTERACTIVE

#: Of so many messages fetched while every lane has a backlog, each lane gets its weight.
WEIGHTS: Final[Mapping[Lane, int]] = {Lane.INTERACTIVE: 4, Lane.BATCH: 1}


def held_at_most(lane: Lane, prefetch: int) -> int:
    """How many messages of a lane a process may hold, of the `prefetch` it may hold in all."""
    if lane is DEFAULT_LANE:
        return prefetch
    return max(1, prefetch - max(1, prefetch // 4))
