"""Reads ``additional_files``: a zip archive of files that are placed beside the source."""

from __future__ import annotations

import io
import stat
import zipfile
import zlib
from collections.abc import Mapping
from typing import Final

from app.core.constraints import MAX_FILES, MAX_FILES_BYTES, check_size
from app.core.errors import InvalidRequest
from app.core.job.resolve import check_file_name

__all__ = ["read_archive"]

_FIELD: Final = "additional_files"
# The other methods need an amount of memory or time that the archive itself determines.
_COMPRESSION_METHODS: Final = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_MAX_ENTRIES: Final = 4 * MAX_FILES  # folders are entries, too
# The exceptions of zipfile for archives that are damaged, encrypted or use unknown features.
_UNREADABLE: Final = (
    zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, OSError, ValueError, UnicodeError,
    LookupError, OverflowError, MemoryError,
)  # fmt: skip


def read_archive(data: bytes) -> Mapping[str, bytes]:
    """Return the content of each file by its name.

    Reading can take half a second, so call it in a thread. No size that the archive states is trusted.

    Raises:
        InvalidRequest: The field is ``additional_files``.
    """
    check_size(_FIELD, data, MAX_FILES_BYTES)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return _read_files(archive)
    except InvalidRequest:
        raise
    except _UNREADABLE as e:
        raise InvalidRequest(_FIELD, "is not a zip archive that can be read") from e


def _read_files(archive: zipfile.ZipFile) -> Mapping[str, bytes]:
    entries = archive.infolist()
    file_entries = [entry for entry in entries if not entry.is_dir()]
    if len(file_entries) > MAX_FILES or len(entries) > _MAX_ENTRIES:
        raise InvalidRequest(_FIELD, f"must have at most {MAX_FILES} files")
    remaining_bytes = MAX_FILES_BYTES
    files: dict[str, bytes] = {}
    for entry in file_entries:
        if entry.compress_type not in _COMPRESSION_METHODS:
            raise InvalidRequest(_FIELD, "must be packed with deflate, or not at all")
        name = _check_entry(entry)
        with archive.open(entry) as compressed:
            content = compressed.read(remaining_bytes + 1)  # reads no more of a zip bomb
        remaining_bytes -= len(content)
        if remaining_bytes < 0:
            raise InvalidRequest(_FIELD, f"must be at most {MAX_FILES_BYTES} bytes unpacked")
        files.setdefault(name, content)  # the first file of a name is used, as by unzip -n
    return files


def _check_entry(entry: zipfile.ZipInfo) -> str:
    name = entry.filename.removeprefix("./")
    try:
        check_file_name(_FIELD, name)
    except InvalidRequest as e:
        raise InvalidRequest(_FIELD, f"has a file whose name {e.reason}") from e
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise InvalidRequest(_FIELD, "must have no links")
    return name
