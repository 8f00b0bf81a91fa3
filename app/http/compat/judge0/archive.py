"""``additional_files``: a zip whose files lie beside the source. Whatever it says of itself is not believed."""

from __future__ import annotations

import io
import stat
import zipfile
import zlib
from collections.abc import Mapping
from typing import Final

from app.core.constraints import MAX_FILES, MAX_FILES_BYTES
from app.core.errors import InvalidRequest
from app.core.fields import bounded
from app.core.resolve import check_file_name

__all__ = ["read_archive"]

_FIELD: Final = "additional_files"
# What unzip knows everywhere. The others take memory, or time, that an archive may name for itself.
_PACKINGS: Final = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
# Folders are entries too.
_MOST_ENTRIES: Final = 4 * MAX_FILES
# What the standard library makes of an archive that is broken, encrypted, or packed in a way it does not know.
_BROKEN: Final = (
    zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, OSError, ValueError, UnicodeError,
    LookupError, OverflowError, MemoryError,
)  # fmt: skip


def read_archive(data: bytes) -> Mapping[str, bytes]:
    """Name and content of each file. May take half a second: not for an event loop.

    Raises:
        InvalidRequest: with ``additional_files``.
    """
    bounded(_FIELD, data, MAX_FILES_BYTES)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return _read(archive)
    except InvalidRequest:
        raise
    except _BROKEN as e:
        raise InvalidRequest(_FIELD, "is not a zip archive that can be read") from e


def _read(archive: zipfile.ZipFile) -> Mapping[str, bytes]:
    entries = archive.infolist()
    files = [entry for entry in entries if not entry.is_dir()]
    if len(files) > MAX_FILES or len(entries) > _MOST_ENTRIES:
        raise InvalidRequest(_FIELD, f"must have at most {MAX_FILES} files")
    room = MAX_FILES_BYTES
    read: dict[str, bytes] = {}
    for entry in files:
        if entry.compress_type not in _PACKINGS:
            raise InvalidRequest(_FIELD, "must be packed with deflate, or not at all")
        name = _name(entry)
        with archive.open(entry) as packed:
            content = packed.read(room + 1)  # a bomb goes off no further than this
        room -= len(content)
        if room < 0:
            raise InvalidRequest(_FIELD, f"must be at most {MAX_FILES_BYTES} bytes unpacked")
        read.setdefault(name, content)  # as unzip -n: the first of a name stays
    return read


def _name(entry: zipfile.ZipInfo) -> str:
    name = entry.filename.removeprefix("./")
    try:
        check_file_name(_FIELD, name)
    except InvalidRequest as e:
        raise InvalidRequest(_FIELD, f"has a file whose name {e.reason}") from e
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise InvalidRequest(_FIELD, "must have no links")
    return name
