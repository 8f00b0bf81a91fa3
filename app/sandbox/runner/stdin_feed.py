"""Flow control of stdin: sends no more than the runner's window."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

from app.core.files import Content
from app.core.job.spec import JobSpec
from app.files.content import ContentReader
from app.sandbox.runner import encoder
from app.sandbox.runner.frames import STDIN_WINDOW_BYTES

__all__ = ["StdinFeed"]


class StdinFeed:
    """Holds the stdin of all phases of one job until the runner has room for it.

    Data that the program does not read stays on the host, so that it never delays other frames. Files are read when
    the runner has room for them.

    Args:
        complete: The stdin of each phase except the last.
        last: The stdin of the last phase, or its beginning.
        stays_open: Whether more stdin of the last phase may follow.
    """

    def __init__(self, complete: Sequence[Content], last: Content, *, stays_open: bool) -> None:
        self._pieces: deque[ContentReader | None] = deque()  # None is the end of a stream
        self._buffered_bytes = 0
        self._window_bytes = STDIN_WINDOW_BYTES
        self._open = True
        for content in complete:
            self._buffer(content)
            self._pieces.append(None)
        self._buffer(last)
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

    def add_test(self, contents: Iterable[Content], *, stays_open: bool) -> None:
        """Add the stdin of the next test of a job whose tests are held, or its beginning.

        Args:
            contents: The stdin, one content after the other.
            stays_open: Whether more stdin of this test may follow.
        """
        self._open = True
        for content in contents:
            self._buffer(content)
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
        """Remove and return the frames for which the window has room.

        Raises:
            InfrastructureError: A file cannot be read.
        """
        encoded = bytearray()
        while self._pieces:
            piece = self._pieces.popleft()
            if piece is None:
                encoded += encoder.encode_stdin_eof()
                continue
            data = piece.read(self._window_bytes)
            self._window_bytes -= len(data)
            self._buffered_bytes -= len(data)
            encoded += encoder.encode_stdin(data)
            if piece.remaining_bytes:
                self._pieces.appendleft(piece)
                break
        return bytes(encoded)

    def close(self) -> None:
        """Close the open file."""
        for piece in self._pieces:
            if piece is not None:
                piece.close()

    def _buffer(self, content: Content) -> None:
        if len(content):
            self._pieces.append(ContentReader(content))
            self._buffered_bytes += len(content)
