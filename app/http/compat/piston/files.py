"""The files of an execution, from what Piston's clients send to what our jobs take."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any, Final

from app.core.errors import InvalidRequest
from app.core.languages import LanguageInfo
from app.core.spec import FileRequest, TextEncoding

__all__ = ["check_files", "read_files"]

UTF8: Final = "utf8"
PISTON_SUFFIX: Final = ".code"
_FROM_URL_SAFE: Final = str.maketrans("-_", "+/", " \t\r\n=")


def check_files(files: Any) -> list[dict[str, Any]]:
    """Raises InvalidRequest: this is not a list of files."""
    if not isinstance(files, list):
        raise InvalidRequest("files", "is required as an array")
    for index, file in enumerate(files):
        if not isinstance(file, dict) or not isinstance(file.get("content"), str):
            raise InvalidRequest(f"files[{index}].content", "is required as a string")
        if not isinstance(file.get("name") or "", str):
            raise InvalidRequest(f"files[{index}].name", "must be a string")
    if not any(_encoding(file) == UTF8 for file in files):
        raise InvalidRequest("files", "must include at least one utf8 encoded file")
    return files


def read_files(files: Sequence[dict[str, Any]], language: LanguageInfo) -> tuple[tuple[FileRequest, ...], str]:
    """The files, and the name of the first one in UTF-8: the one to start with.

    Raises:
        InvalidRequest: a file is not encoded as it says.
    """
    first = next(index for index, file in enumerate(files) if _encoding(file) == UTF8)
    names = [file.get("name") or f"file{index}{PISTON_SUFFIX}" for index, file in enumerate(files)]
    names[first] = _understood(files[first].get("name") or language.file_name, language)
    return tuple(_file(index, name, files[index]) for index, name in enumerate(names)), names[first]


def _understood(name: str, language: LanguageInfo) -> str:
    """Piston's packages give a source the ending that its compiler goes by. So do we, where it has none."""
    path = PurePosixPath(name)
    if not language.compiled or path.suffix not in ("", PISTON_SUFFIX) or not path.name:
        return name
    return name.removesuffix(PISTON_SUFFIX) + PurePosixPath(language.file_name).suffix


def _encoding(file: dict[str, Any]) -> str:
    encoding = file.get("encoding")
    return encoding if encoding in ("base64", "hex") else UTF8


def _file(index: int, name: str, file: dict[str, Any]) -> FileRequest:
    content, encoding = file["content"], _encoding(file)
    if encoding == UTF8:
        return FileRequest(name=name, content=content)
    try:
        data = bytes.fromhex(content) if encoding == "hex" else _from_base64(content)
    except ValueError as e:
        raise InvalidRequest(f"files[{index}].content", f"is not valid {encoding}") from e
    return FileRequest(name=name, content=base64.b64encode(data).decode(), encoding=TextEncoding.BASE64)


def _from_base64(text: str) -> bytes:
    """With either alphabet, with padding or without. Raises ValueError."""
    bare = text.translate(_FROM_URL_SAFE)
    try:
        return base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except binascii.Error as e:
        raise ValueError(str(e)) from e
