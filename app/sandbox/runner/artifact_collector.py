"""Puts the artifacts together that a runner sends, within the bounds that it was told."""

from __future__ import annotations

from app.core.artifacts import Artifact
from app.core.errors import InvalidRequest, ProtocolError
from app.core.resolve import check_file_name
from app.sandbox.runner import frames

__all__ = ["Collector"]


class Collector:
    """Of one job. A runner that sends more than was asked for is no runner of ours.

    Parameters:
        asked: what the runner was told; None for a job that wants nothing back.
    """

    def __init__(self, asked: frames.CollectSpec | None) -> None:
        self._files_left = asked.files if asked else 0
        self._bytes_left = asked.total_bytes if asked else 0
        self._open: list[tuple[bytes, bytearray]] = []

    def begin(self, artifact: frames.Artifact) -> None:
        """A file follows. Raises ProtocolError for one beyond the bounds."""
        self._files_left -= 1
        self._bytes_left -= artifact.size
        if self._files_left < 0 or self._bytes_left < 0:
            raise ProtocolError("the runner sent more artifacts than it was asked for")
        self._open.append((artifact.path, bytearray()))

    def hear(self, data: bytes) -> None:
        """More bytes of it."""
        self._open[-1][1].extend(data)

    def artifacts(self) -> tuple[tuple[Artifact, ...], bool]:
        """All of them, and whether one was left out since its name is nothing that a client could use."""
        named = [(_name(path), data) for path, data in self._open]
        kept = tuple(Artifact(name, bytes(data)) for name, data in named if name is not None)
        return kept, len(kept) < len(named)


def _name(path: bytes) -> str | None:
    try:
        name = path.decode()
        check_file_name("name", name)
    except (UnicodeDecodeError, InvalidRequest):
        return None
    return name
