"""What is still to be sent to stdin: a stream for each phase that reads one, within the runner's window."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from app.core.spec import JobSpec
from app.sandbox.runner import encoder
from app.sandbox.runner.frames import STDIN_WINDOW_BYTES

__all__ = ["StdinFeed"]


class StdinFeed:
    """For one job; knows what the runner has room for.

    Parameters:
        streams: the whole stdin of each phase but the last.
        last: the beginning of the last one's.
        stays_open: whether more of it will come.
    """

    def __init__(self, streams: Sequence[bytes], last: bytes, *, stays_open: bool) -> None:
        self._pieces: deque[bytes | None] = deque()  # None: the end of a stream
        self._held = 0
        self._window = STDIN_WINDOW_BYTES
        self._open = True
        for data in streams:
            self._hold(data)
            self._pieces.append(None)
        self.add(last)
        if not stays_open:
            self.end()

    @classmethod
    def of(cls, spec: JobSpec) -> StdinFeed:
        """For all phases of a job."""
        if spec.tests:
            *first, last = (test.stdin for test in spec.tests)
            return cls(first, last, stays_open=False)
        return cls((), spec.stdin, stays_open=spec.interactive)

    @property
    def room(self) -> int:
        """How many more bytes it is worth to have at hand."""
        return max(0, self._window - self._held)

    def add(self, data: bytes) -> None:
        """More for the last phase; after its end to no effect."""
        if self._open:
            self._hold(data)

    def end(self) -> None:
        """No more will come."""
        if self._open:
            self._open = False
            self._pieces.append(None)

    def acknowledged(self, count: int) -> None:
        """The runner has room for more."""
        self._window += count

    def take(self) -> bytes:
        """The frames that the runner has room for: what a program does not read stays here, so control frames pass."""
        taken = bytearray()
        while self._pieces:
            piece = self._pieces.popleft()
            if piece is None:
                taken += encoder.encode_stdin_eof()
                continue
            now, later = piece[: self._window], piece[self._window :]
            self._window -= len(now)
            self._held -= len(now)
            taken += encoder.encode_stdin(now)
            if later:
                self._pieces.appendleft(later)
                break
        return bytes(taken)

    def _hold(self, data: bytes) -> None:
        if data:
            self._pieces.append(data)
            self._held += len(data)
