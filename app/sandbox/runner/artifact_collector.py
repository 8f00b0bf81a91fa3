"""Assembles the artifacts that a runner sends."""

from __future__ import annotations

from app.core.errors import InvalidRequest, ProtocolError
from app.core.job.resolve import check_file_name
from app.core.job.results import Artifact
from app.sandbox.runner import frames

__all__ = ["ArtifactCollector"]


class ArtifactCollector:
    """Collects the artifacts of one job.

    Args:
        requested: Limits that were sent to the runner. None for a job without artifacts.
    """

    def __init__(self, requested: frames.CollectSpec | None) -> None:
        self._remaining_files = requested.files if requested else 0
        self._remaining_bytes = requested.total_bytes if requested else 0
        self._files: list[tuple[bytes, bytearray]] = []

    def start_file(self, artifact: frames.Artifact) -> None:
        """Start the next file.

        Raises:
            ProtocolError: The runner sent more files or bytes than were requested.
        """
        self._remaining_files -= 1
        self._remaining_bytes -= artifact.size
        if self._remaining_files < 0 or self._remaining_bytes < 0:
            raise ProtocolError("runner sent more artifacts than were requested")
        self._files.append((artifact.path, bytearray()))

    def append(self, data: bytes) -> None:
        """Append data to the current file."""
        self._files[-1][1].extend(data)

    def artifacts(self) -> tuple[tuple[Artifact, ...], bool]:
        """Return the artifacts, and whether one was left out because its name is not valid in the API."""
        named = [(_decode_name(path), data) for path, data in self._files]
        artifacts = tuple(Artifact(name, bytes(data)) for name, data in named if name is not None)
        return artifacts, len(artifacts) < len(named)


def _decode_name(path: bytes) -> str | None:
    try:
        name = path.decode()
        check_file_name("name", name)
    except (UnicodeDecodeError, InvalidRequest):
        return None
    return name
