"""Signal handling of ``pyxec run``: the first Ctrl-C cancels the job, the second exits at once."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any, Self

from pyxec import Job, PyxecError
from pyxec.cli.notes import note

__all__ = ["CancelOnInterrupt"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class CancelOnInterrupt:
    """Context manager that cancels the job on SIGINT and SIGTERM, as soon as it is accepted."""

    def __init__(self) -> None:
        self._job: Job | None = None
        self._interrupted = False
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> Self:
        self._previous = {number: signal.signal(number, self._on_signal) for number in _SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def accepted(self, job: Job) -> None:
        """Set the accepted job. Cancels it if a signal arrived before."""
        self._job = job
        if self._interrupted:
            self.cancel()

    def cancel(self) -> None:
        """Request cancellation. The stream reports when the job has finished. An error is printed, not raised."""
        assert self._job is not None
        try:
            self._job.cancel()
        except PyxecError as e:
            note(f"could not cancel {self._job.id}: {e}")

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self._interrupted:
            raise KeyboardInterrupt
        self._interrupted = True
        if self._job is not None:
            # Not in the handler: it interrupts the code that prints the output of the program.
            threading.Thread(target=self.cancel, daemon=True).start()
