"""Ctrl-C ends the job, not the view of it: the first one asks the service, a second one leaves at once."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any, Self

from app.client.errors import ClientError
from app.client.service import Service
from app.commands.notes import note

__all__ = ["CancelOnInterrupt"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class CancelOnInterrupt:
    """While entered, SIGINT and SIGTERM cancel the job, as soon as there is one."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._job_id: str | None = None
        self._asked = False
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> Self:
        self._previous = {number: signal.signal(number, self._on_signal) for number in _SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def accepted(self, job_id: str) -> None:
        """The service has the job. Cancels it if that was asked for meanwhile."""
        self._job_id = job_id
        if self._asked:
            self.cancel()

    def cancel(self) -> None:
        """Ask for the job's end; its last event tells when it came. A refusal is noted, not raised."""
        assert self._job_id is not None
        # A connection of its own: the one that the job came in on may be in the middle of something.
        service = Service(self._url)
        try:
            service.cancel(self._job_id)
        except ClientError as e:
            note(f"could not cancel {self._job_id}: {e}")
        finally:
            service.close()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self._asked:
            raise KeyboardInterrupt
        self._asked = True
        if self._job_id is not None:
            # Not in the handler itself: it has interrupted whatever shows the program's output.
            threading.Thread(target=self.cancel, daemon=True).start()
