"""Ctrl-C ends the job, not the view of it: the first one asks the service, a second one leaves at once."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any, Self

from app.cli.notes import note
from pyxec import Job, PyxecError

__all__ = ["CancelOnInterrupt"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class CancelOnInterrupt:
    """While entered, SIGINT and SIGTERM cancel the job, as soon as there is one."""

    def __init__(self) -> None:
        self._job: Job | None = None
        self._asked = False
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> Self:
        self._previous = {number: signal.signal(number, self._on_signal) for number in _SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def accepted(self, job: Job) -> None:
        """The service has the job. Cancels it if that was asked for meanwhile."""
        self._job = job
        if self._asked:
            self.cancel()

    def cancel(self) -> None:
        """Ask for the job's end; its last event tells when it came. A refusal is noted, not raised."""
        assert self._job is not None
        try:
            self._job.cancel()
        except PyxecError as e:
            note(f"could not cancel {self._job.id}: {e}")

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self._asked:
            raise KeyboardInterrupt
        self._asked = True
        if self._job is not None:
            # Not in the handler itself: it has interrupted whatever shows the program's output.
            threading.Thread(target=self.cancel, daemon=True).start()
