"""Bytes in JSON strings: UTF-8 text, or base64 (RFC 4648, section 4) if the bytes are not UTF-8."""

from __future__ import annotations

import base64
import binascii

from app.core.errors import InvalidRequest
from app.core.job.spec import TextEncoding

__all__ = ["decode_text", "encode_text"]


def encode_text(data: bytes) -> tuple[str, TextEncoding]:
    """Return the string for some bytes, and its encoding."""
    try:
        return data.decode(), TextEncoding.UTF8
    except UnicodeDecodeError:
        return base64.b64encode(data).decode("ascii"), TextEncoding.BASE64


def decode_text(field: str, text: str, encoding: TextEncoding) -> bytes:
    """Return the bytes of a string from a client.

    Args:
        field: The path of the string, for errors.

    Raises:
        InvalidRequest: ``encoding`` is ``base64``, and the string is not.
    """
    if encoding is TextEncoding.UTF8:
        return text.encode()
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as e:
        raise InvalidRequest(field, "is not valid base64") from e
