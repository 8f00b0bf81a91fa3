"""Checks of single fields of a request, each refusing with the field's path."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from app.core.constraints import MAX_ARGUMENTS
from app.core.errors import InvalidRequest

__all__ = ["MAX_ARGUMENTS", "MAX_ARGUMENTS_BYTES", "arguments", "bounded", "no_nul", "utf8"]

MAX_ARGUMENTS_BYTES: Final = 32 * 1024


def arguments(field: str, args: tuple[str, ...]) -> tuple[str, ...]:
    """Command-line arguments that a program can be given."""
    if not args:
        return args
    if len(args) > MAX_ARGUMENTS:
        raise InvalidRequest(field, f"must be at most {MAX_ARGUMENTS}")
    for index, argument in enumerate(args):
        no_nul(f"{field}[{index}]", argument)
    if _bytes_of(args) > MAX_ARGUMENTS_BYTES:
        raise InvalidRequest(field, f"must be at most {MAX_ARGUMENTS_BYTES} bytes together")
    return args


def no_nul(field: str, text: str) -> None:
    """Text that a C string can hold."""
    if b"\0" in utf8(field, text):
        raise InvalidRequest(field, "must have no NUL character")


def utf8(field: str, text: str) -> bytes:
    """The bytes of a text."""
    try:
        return text.encode()
    except UnicodeEncodeError as e:  # a lone surrogate, which JSON can spell
        raise InvalidRequest(field, "is not valid Unicode") from e


def bounded(field: str, content: bytes, most: int) -> bytes:
    """Content of at most so many bytes."""
    if len(content) > most:
        raise InvalidRequest(field, f"must be at most {most} bytes")
    return content


def _bytes_of(args: Sequence[str]) -> int:
    return sum(len(argument.encode()) + 1 for argument in args)
