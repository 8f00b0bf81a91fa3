"""The supervisor's log when nobody watches: a full file is put aside, a new one begun, and a few old ones are kept."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path

__all__ = ["RotatingLog"]

_LIMIT_BYTES = 20 * 2**20
_KEPT = 3


class RotatingLog:
    """What honcho's printer writes its lines to; ``pyxec.log.1`` is the newest of the old files.

    Parameters:
        path: the file.
        descriptors: file descriptors that are to lead into it, too, whichever file it is: the standard output and
            error of a process, where a traceback goes that nobody caught.
        limit_bytes: what a file holds.
        kept: how many old files stay.
    """

    def __init__(
        self, path: Path, descriptors: Sequence[int] = (), limit_bytes: int = _LIMIT_BYTES, kept: int = _KEPT
    ) -> None:
        self._handler = _Handler(path, descriptors, limit_bytes, kept)
        self._line = ""

    def write(self, text: str) -> None:
        """Take a part of a line; it is written with the next :meth:`flush`."""
        self._line += text

    def flush(self) -> None:
        """Write the line. A disk that is full loses it and does not stop the supervisor."""
        line, self._line = self._line.removesuffix("\n"), ""
        self._handler.emit(logging.makeLogRecord({"msg": line}))

    def close(self) -> None:
        """Close the file; the descriptors go on leading into it."""
        self._handler.close()


class _Handler(RotatingFileHandler):
    def __init__(self, path: Path, descriptors: Sequence[int], limit_bytes: int, kept: int) -> None:
        self._descriptors = descriptors  # _open() reads it, and is called below
        super().__init__(path, maxBytes=limit_bytes, backupCount=kept, encoding="utf-8", errors="replace")

    def _open(self) -> TextIOWrapper:
        # Called for the first file, and for the new one after each rotation.
        stream = super()._open()
        for descriptor in self._descriptors:
            os.dup2(stream.fileno(), descriptor)
        return stream
