"""The engine's way to carry stdout and stderr of a container on one connection: an 8-byte header before each piece."""

from __future__ import annotations

from typing import Final

from app.core.errors import ProtocolError

__all__ = ["Demultiplexer"]

_HEADER_BYTES: Final = 8
_STDOUT: Final = 1
_STDERR: Final = 2


class Demultiplexer:
    """Takes the pieces apart, however the bytes arrive. What the container wrote to stderr is kept apart, the last of
    it only: the runner says nothing there but why it could not begin."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._left = 0
        self._kind = _STDOUT
        self.stderr = b""

    def feed(self, data: bytes) -> bytes:
        """Return the bytes of stdout in ``data``.

        Raises:
            ProtocolError: a header that the engine never sends.
        """
        self._buffer += data
        stdout: list[bytes] = []
        position = 0
        while position < len(self._buffer):
            if self._left == 0:
                if len(self._buffer) - position < _HEADER_BYTES:
                    break
                self._read_header(self._buffer[position : position + _HEADER_BYTES])
                position += _HEADER_BYTES
                continue
            piece = bytes(self._buffer[position : position + self._left])
            position += len(piece)
            self._left -= len(piece)
            if self._kind == _STDOUT:
                stdout.append(piece)
            else:
                self.stderr = (self.stderr + piece)[-1024:]
        del self._buffer[:position]
        return b"".join(stdout)

    def _read_header(self, header: bytearray) -> None:
        if header[0] not in (_STDOUT, _STDERR) or header[1:4] != b"\0\0\0":
            raise ProtocolError(f"the engine sent the stream header {bytes(header)!r}")
        self._kind = header[0]
        self._left = int.from_bytes(header[4:8], "big")
