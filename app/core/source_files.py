"""Files of programs."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from app.core.constraints import FileName, Source
from app.core.files import Content, FileReference

__all__ = ["FileRequest", "SourceFile", "TextEncoding"]


class TextEncoding(StrEnum):
    """The encoding of bytes in a JSON string."""

    UTF8 = "utf8"
    BASE64 = "base64"


class FileRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file of a program. Its name is relative to the working directory. A reference has no encoding."""

    name: FileName
    content: Source | FileReference
    encoding: TextEncoding = TextEncoding.UTF8


class SourceFile(msgspec.Struct, frozen=True, array_like=True):
    """A file of a program. Its name is relative to the working directory."""

    name: str
    content: Content
    executable: bool = False
