"""What a worker process does besides running jobs: say that it is alive, tell its languages, remove orphans."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import structlog

__all__ = ["Chore", "Housekeeping"]

_log = structlog.get_logger(__name__)
_SHORTEST_PAUSE_SECONDS: Final = 0.1


@dataclass(frozen=True)
class Chore:
    """Something to be done every so often."""

    name: str
    every_seconds: float
    run: Callable[[], object]


class Housekeeping:
    """One thread that does its chores when they are due. One that fails is logged and done again when it is due."""

    def __init__(self, chores: Sequence[Chore]) -> None:
        self._chores = chores
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="housekeeping", daemon=True)

    def start(self) -> None:
        """Do every chore now, then by the clock."""
        self._thread.start()

    def stop(self) -> None:
        """Return when the chore at hand is done."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        due = {chore.name: 0.0 for chore in self._chores}
        while not self._stopping.is_set():
            for chore in self._chores:
                if time.monotonic() >= due[chore.name]:
                    self._do(chore)
                    due[chore.name] = time.monotonic() + chore.every_seconds
            self._stopping.wait(max(_SHORTEST_PAUSE_SECONDS, min(due.values()) - time.monotonic()))

    def _do(self, chore: Chore) -> None:
        try:
            chore.run()
        except Exception as e:  # noqa: BLE001 - the edge of a thread: whatever it was, the other chores must go on
            _log.warning("chore_failed", chore=chore.name, error=f"{type(e).__name__}: {e}")
