"""Converts the files of an execution to the files of a job."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, Final

from app.core.errors import InvalidRequest
from app.core.job.spec import FileRequest, TextEncoding
from app.core.languages import LanguageInfo

__all__ = ["check_files", "convert_files"]

_UTF8: Final = "utf8"
_PISTON_SUFFIX: Final = ".code"
#: Suffixes that compilers accept besides that of the language's default file name.
_OTHER_SUFFIXES: Final[Mapping[str, frozenset[str]]] = {
    "cpp": frozenset({".cc", ".cxx", ".c++", ".C", ".cp"}),
    "fortran": frozenset({".f", ".for", ".f95", ".f03", ".f08", ".F90"}),
    "haskell": frozenset({".lhs"}),
    "nasm": frozenset({".nasm", ".s"}),
    "pascal": frozenset({".pp", ".p"}),
}
_FROM_URL_SAFE: Final = str.maketrans("-_", "+/", " \t\r\n=")


def check_files(files: Any) -> list[dict[str, Any]]:
    """Return ``files``, which must be a list of files, one of them in UTF-8.

    Raises:
        InvalidRequest: It is not such a list. The messages are Piston's.
    """
    if not isinstance(files, list):
        raise InvalidRequest("files", "is required as an array")
    for index, file in enumerate(files):
        if not isinstance(file, dict) or not isinstance(file.get("content"), str):
            raise InvalidRequest(f"files[{index}].content", "is required as a string")
        if not isinstance(file.get("name") or "", str):
            raise InvalidRequest(f"files[{index}].name", "must be a string")
    if not any(_encoding(file) == _UTF8 for file in files):
        raise InvalidRequest("files", "must include at least one utf8 encoded file")
    return files


def convert_files(files: Sequence[dict[str, Any]], language: LanguageInfo) -> tuple[tuple[FileRequest, ...], str]:
    """Convert files that ``check_files`` has accepted.

    Returns:
        The files, and the name of the entrypoint, which is the first file in UTF-8.

    Raises:
        InvalidRequest: The content of a file does not match its encoding.
    """
    first = next(index for index, file in enumerate(files) if _encoding(file) == _UTF8)
    names = [file.get("name") or f"file{index}{_PISTON_SUFFIX}" for index, file in enumerate(files)]
    names[first] = _add_suffix(files[first].get("name") or language.file_name, language)
    return tuple(_convert_file(index, name, files[index]) for index, name in enumerate(names)), names[first]


def _add_suffix(name: str, language: LanguageInfo) -> str:
    """Add the suffix that a compiler requires to any name without it, as Piston's packages do."""
    suffix, default_suffix = PurePosixPath(name).suffix, PurePosixPath(language.file_name).suffix
    if not language.compiled or suffix == default_suffix or suffix in _OTHER_SUFFIXES.get(language.id, ()):
        return name
    return name.removesuffix(_PISTON_SUFFIX) + default_suffix


def _encoding(file: dict[str, Any]) -> str:
    encoding = file.get("encoding")
    return encoding if encoding in ("base64", "hex") else _UTF8


def _convert_file(index: int, name: str, file: dict[str, Any]) -> FileRequest:
    content, encoding = file["content"], _encoding(file)
    if encoding == _UTF8:
        return FileRequest(name=name, content=content)
    try:
        data = bytes.fromhex(content) if encoding == "hex" else _decode_base64(content)
    except ValueError as e:
        raise InvalidRequest(f"files[{index}].content", f"is not valid {encoding}") from e
    return FileRequest(name=name, content=base64.b64encode(data).decode(), encoding=TextEncoding.BASE64)


def _decode_base64(text: str) -> bytes:
    """Decode either alphabet (RFC 4648, sections 4 and 5), with or without padding. Raises ValueError."""
    unpadded = text.translate(_FROM_URL_SAFE)
    try:
        return base64.b64decode(unpadded + "=" * (-len(unpadded) % 4), validate=True)
    except binascii.Error as e:
        raise ValueError(str(e)) from e
