"""What must be true of a history, however many things were killed while it was made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

__all__ = ["History", "violations"]


@dataclass(frozen=True)
class History:
    """How a drill ended. Messages are known by their numbers.

    Attributes:
        accepted: the enqueue was confirmed.
        finished: as the finishes wrote it, in their order.
        dead: one for each dead letter.
        left: entries that are still waiting, held or delayed.
    """

    accepted: Collection[int]
    finished: Sequence[int]
    dead: Sequence[int]
    left: int


def violations(history: History) -> list[str]:
    """One line for each broken promise: every accepted message ends exactly once, finished or dead; nothing else is."""
    ends = Counter(history.finished) + Counter(history.dead)
    accepted = set(history.accepted)
    both = set(history.finished) & set(history.dead)
    lines = [f"message {number} was accepted and is lost" for number in sorted(accepted - ends.keys())]
    lines += [f"message {number} ended {count} times" for number, count in sorted(ends.items()) if count > 1]
    lines += [f"message {number} is both finished and dead" for number in sorted(both)]
    lines += [f"message {number} ended and was never accepted" for number in sorted(ends.keys() - accepted)]
    return [*lines, *([f"{history.left} entries are left over"] if history.left else [])]
