"""What a worker process does besides running jobs: say that it is alive, tell its languages, remove orphans."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

__all__ = ["PeriodicTask", "PeriodicTasks"]

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class PeriodicTask:
    """Something to be done every so often."""

    name: str
    every_seconds: float
    run: Callable[[], object]


class PeriodicTasks:
    """Does its chores when they are due. One that fails is logged and done again when it is due.

    Each has a thread of its own: while the engine hangs and a chore waits for it, this process must go on saying that
    it is alive, or others would remove its containers.
    """

    def __init__(self, chores: Sequence[PeriodicTask]) -> None:
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._repeat, args=(chore,), name=f"chore-{chore.name}", daemon=True)
            for chore in chores
        ]

    def start(self) -> None:
        """Do every chore now, then by the clock."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Return when the chores at hand are done."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _repeat(self, chore: PeriodicTask) -> None:
        while not self._stopping.is_set():
            _do(chore)
            self._stopping.wait(chore.every_seconds)


def _do(chore: PeriodicTask) -> None:
    try:
        chore.run()
    except Exception as e:  # noqa: BLE001 - the edge of a thread: whatever it was, the chore must be done again
        _log.warning("chore_failed", chore=chore.name, error=f"{type(e).__name__}: {e}")
