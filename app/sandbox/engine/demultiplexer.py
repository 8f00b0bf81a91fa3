"""Decoder for the stream format of ``attach``: an 8-byte header before each piece of stdout or stderr.

The format is described at https://docs.docker.com/reference/api/engine/ under "Attach to a container".
"""

from __future__ import annotations

from typing import Final

from app.core.errors import ProtocolError

__all__ = ["Demultiplexer"]

_HEADER_BYTES: Final = 8
_STDOUT: Final = 1
_STDERR: Final = 2
_MAX_STDERR_BYTES: Final = 1024


class Demultiplexer:
    """Separates stdout from stderr. The input may be split at any byte.

    Attributes:
        stderr: The last 1024 bytes of stderr. The runner writes there only if it cannot start.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._remaining_bytes = 0
        self._stream = _STDOUT
        self.stderr = b""

    def feed(self, data: bytes) -> bytes:
        """Return the bytes of stdout in ``data``.

        Raises:
            ProtocolError: The data contains an invalid header.
        """
        self._buffer += data
        stdout: list[bytes] = []
        position = 0
        while position < len(self._buffer):
            if self._remaining_bytes == 0:
                if len(self._buffer) - position < _HEADER_BYTES:
                    break
                self._read_header(self._buffer[position : position + _HEADER_BYTES])
                position += _HEADER_BYTES
                continue
            piece = bytes(self._buffer[position : position + self._remaining_bytes])
            position += len(piece)
            self._remaining_bytes -= len(piece)
            if self._stream == _STDOUT:
                stdout.append(piece)
            else:
                self.stderr = (self.stderr + piece)[-_MAX_STDERR_BYTES:]
        del self._buffer[:position]
        return b"".join(stdout)

    def _read_header(self, header: bytearray) -> None:
        if header[0] not in (_STDOUT, _STDERR) or header[1:4] != b"\0\0\0":
            raise ProtocolError(f"Docker Engine: invalid stream header {bytes(header)!r}")
        self._stream = header[0]
        self._remaining_bytes = int.from_bytes(header[4:8], "big")
