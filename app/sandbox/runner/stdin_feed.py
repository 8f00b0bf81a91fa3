"""Flow control of stdin: sends no more than the runner's window."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from app.core.spec import JobSpec
from app.sandbox.runner import encoder
from app.sandbox.runner.frames import STDIN_WINDOW_BYTES

__all__ = ["StdinFeed"]


class StdinFeed:
    """Holds the stdin of all phases of one job until the runner has room for it.

    Data that the program does not read stays on the host, so that it never delays other frames.

    Args:
        complete: The stdin of each phase except the last.
        last: The stdin of the last phase, or its beginning.
        stays_open: Whether more stdin of the last phase may follow.
    """

    def __init__(self, complete: Sequence[bytes], last: bytes, *, stays_open: bool) -> None:
        self._pieces: deque[memoryview | None] = deque()  # None is the end of a stream
        self._buffered_bytes = 0
        self._window_bytes = STDIN_WINDOW_BYTES
        self._open = True
        for data in complete:
            self._buffer(data)
            self._pieces.append(None)
        self.add(last)
        if not stays_open:
            self.end()

    @classmethod
    def for_job(cls, spec: JobSpec) -> StdinFeed:
        """Return the feed for all phases of a job. It is empty if the tests of the job are held."""
        if spec.hold_tests:
            feed = cls((), b"", stays_open=True)
            feed._open = False
            return feed
        if spec.tests:
            *complete, last = (test.stdin for test in spec.tests)
            return cls(complete, last, stays_open=False)
        return cls((), spec.stdin, stays_open=spec.interactive)

    @property
    def free_bytes(self) -> int:
        """Number of bytes that can be added and sent immediately."""
        return max(0, self._window_bytes - self._buffered_bytes)

    def add(self, data: bytes) -> None:
        """Add stdin for the last phase, or for the last test that was added. Ignored after its end."""
        if self._open:
            self._buffer(data)

    def add_test(self, data: bytes, *, stays_open: bool) -> None:
        """Add the stdin of the next test of a job whose tests are held, or its beginning.

        Args:
            data: The stdin.
            stays_open: Whether more stdin of this test may follow.
        """
        self._open = True
        self._buffer(data)
        if not stays_open:
            self.end()

    def end(self) -> None:
        """End the stdin of the last phase, or of the last test that was added."""
        if self._open:
            self._open = False
            self._pieces.append(None)

    def acknowledge(self, count: int) -> None:
        """Enlarge the window by the bytes that the runner has acknowledged."""
        self._window_bytes += count

    def take_frames(self) -> bytes:
        """Remove and return the frames for which the window has room."""
        encoded = bytearray()
        while self._pieces:
            piece = self._pieces.popleft()
            if piece is None:
                encoded += encoder.encode_stdin_eof()
                continue
            now, later = piece[: self._window_bytes], piece[self._window_bytes :]
            self._window_bytes -= len(now)
            self._buffered_bytes -= len(now)
            encoded += encoder.encode_stdin(now)
            if later:
                self._pieces.appendleft(later)
                break
        return bytes(encoded)

    def _buffer(self, data: bytes) -> None:
        if data:
            self._pieces.append(memoryview(data))
            self._buffered_bytes += len(data)
