"""Bytes in a JSON string: as text where they are UTF-8, as base64 where they are not, always said which."""

from __future__ import annotations

import base64
import binascii

from app.core.errors import InvalidRequest
from app.core.spec import TextEncoding

__all__ = ["decode_text", "encode_text"]


def encode_text(data: bytes) -> tuple[str, TextEncoding]:
    """The string and how to read it."""
    try:
        return data.decode(), TextEncoding.UTF8
    except UnicodeDecodeError:
        return base64.b64encode(data).decode("ascii"), TextEncoding.BASE64


def decode_text(field: str, text: str, encoding: TextEncoding) -> bytes:
    """The bytes that a client meant.

    Raises:
        InvalidRequest: with ``field``.
    """
    if encoding is TextEncoding.UTF8:
        return text.encode()
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as e:
        raise InvalidRequest(field, "is not valid base64") from e
