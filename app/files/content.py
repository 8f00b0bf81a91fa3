"""Access to the content of a job, which is in memory or in the file cache of the worker."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from app.core.errors import InfrastructureError
from app.core.files import Content, StoredFile

__all__ = ["ContentReader", "read_content"]


class ContentReader:
    """Reads a content from its start to its end. A file is opened with the first read.

    Args:
        content: The content. A stored file must have a path.

    Attributes:
        remaining_bytes: Number of bytes that were not read.
    """

    def __init__(self, content: Content) -> None:
        self._content = content
        self._file: BinaryIO | None = None
        self.remaining_bytes = len(content)

    def read(self, max_bytes: int) -> bytes | memoryview:
        """Return the next bytes, at most ``max_bytes``. Less only at the end.

        Raises:
            InfrastructureError: The file cannot be read.
        """
        count = min(max_bytes, self.remaining_bytes)
        position = len(self._content) - self.remaining_bytes
        self.remaining_bytes -= count
        if not isinstance(self._content, StoredFile):
            return memoryview(self._content)[position : position + count]
        data = self._read_file(self._content, count)
        if not self.remaining_bytes:
            self.close()
        return data

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _read_file(self, stored: StoredFile, count: int) -> bytes:
        try:
            if self._file is None:
                self._file = Path(stored.path).open("rb")  # noqa: SIM115 - closed by `close`
            data = self._file.read(count)
        except OSError as e:
            raise InfrastructureError(f"a file of the job cannot be read from the file cache: {e}") from e
        if len(data) < count:
            raise InfrastructureError("a file of the job is incomplete in the file cache")
        return data


def read_content(content: Content) -> bytes:
    """Return a whole content.

    Raises:
        InfrastructureError: The file cannot be read.
    """
    return bytes(ContentReader(content).read(len(content))) if isinstance(content, StoredFile) else content
