"""Large results that are encoded while they are sent.

The JSON encoding of an output has up to six times its size. A response with large outputs is therefore encoded without
them, with a placeholder for each, and the outputs are encoded piece by piece.
"""

from __future__ import annotations

import asyncio
import base64
import codecs
import re
import secrets
from collections.abc import AsyncIterator, Iterable, Iterator
from enum import Enum
from typing import Final

import msgspec

from app.core.job.spec import TextEncoding
from app.http.memory import Reservation

__all__ = ["ByteStream", "JsonStream", "LargeTexts", "TextForm", "is_utf8", "join_pieces"]

MAX_INLINE_BYTES: Final = 64 * 1024
PIECE_BYTES: Final = 48 * 1024  # a multiple of 3, so that the Base64 of pieces can be joined
_MIN_BYTES_PER_SECOND: Final = 64 * 1024
_GRACE_SECONDS: Final = 30

Bytes = bytes | bytearray


class TextForm(Enum):
    """How bytes become a JSON string: as UTF-8, with U+FFFD for what is not UTF-8, or in Base64."""

    UTF8 = "utf-8"
    REPLACED = "replaced"
    BASE64 = "base64"


class LargeTexts:
    """The texts of one response.

    Args:
        max_inline_bytes: The texts up to this size together are part of the document.

    Attributes:
        total_bytes: The size of all texts.
    """

    def __init__(self, max_inline_bytes: int = MAX_INLINE_BYTES) -> None:
        self._max_inline_bytes = max_inline_bytes
        self._texts: list[tuple[Bytes, TextForm]] = []
        self._prefix = ""
        self._inline_bytes = 0
        self.total_bytes = 0

    def __bool__(self) -> bool:
        """Whether the document has placeholders."""
        return bool(self._texts)

    def add(self, data: Bytes, form: TextForm) -> str:
        """Return the string for some bytes: its text, or a placeholder. For UTF8, the bytes must be valid."""
        self.total_bytes += len(data)
        if self._inline_bytes + len(data) <= self._max_inline_bytes:
            self._inline_bytes += len(data)
            return _encode_piece(data, form)
        if not self._prefix:
            self._prefix = secrets.token_hex(16)  # a program cannot guess it, so no output contains a placeholder
        self._texts.append((data, form))
        return f"{self._prefix}-{len(self._texts) - 1}-"

    def add_output(self, data: Bytes) -> tuple[str, TextEncoding]:
        """Return the string for an output and its encoding: Base64 if it is not UTF-8."""
        if is_utf8(data):
            return self.add(data, TextForm.UTF8), TextEncoding.UTF8
        return self.add(data, TextForm.BASE64), TextEncoding.BASE64

    def stream(self, document: bytes) -> Iterator[bytes]:
        """Yield the document in pieces, with the texts in place of the placeholders."""
        position = 0
        for match in re.finditer(b"%b-([0-9]+)-" % self._prefix.encode(), document):
            yield document[position : match.start()]
            yield from _stream_text(*self._texts[int(match[1])])
            position = match.end()
        yield document[position:]


class MemoryStream:
    """A response stream of Falcon that holds its memory until it is sent.

    The client has to read at least ``_MIN_BYTES_PER_SECOND``, so that slow clients cannot hold the memory for ever.

    Args:
        pieces: The content.
        size_bytes: The size of the content, approximately.
        reservation: The memory of the content.
    """

    def __init__(self, pieces: Iterator[bytes], size_bytes: int, reservation: Reservation | None) -> None:
        self._pieces = pieces
        self._reservation = reservation
        self._deadline = asyncio.get_running_loop().time() + _GRACE_SECONDS + size_bytes / _MIN_BYTES_PER_SECOND

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if asyncio.get_running_loop().time() > self._deadline:
            raise TimeoutError("the client reads its response too slowly")
        piece = next(self._pieces, None)
        if piece is None:
            raise StopAsyncIteration
        await asyncio.sleep(0)  # other requests continue while a large response is encoded
        return piece

    async def aclose(self) -> None:
        """Release the memory."""
        self._pieces = iter(())
        if self._reservation is not None:
            self._reservation.release()


class JsonStream(MemoryStream):
    """A JSON document with its large texts."""

    def __init__(self, texts: LargeTexts, document: bytes, reservation: Reservation | None) -> None:
        super().__init__(texts.stream(document), texts.total_bytes, reservation)


class ByteStream(MemoryStream):
    """Bytes that are sent in pieces, so that the connection does not buffer them."""

    def __init__(self, data: bytes, reservation: Reservation | None) -> None:
        pieces = (data[start : start + PIECE_BYTES] for start in range(0, len(data), PIECE_BYTES))
        super().__init__(pieces, len(data), reservation)


def join_pieces(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Join small pieces to pieces of about PIECE_BYTES. A connection buffers one of them for a client that is slow."""
    joined = bytearray()
    for piece in pieces:
        joined += piece
        if len(joined) >= PIECE_BYTES:
            yield bytes(joined)
            joined.clear()
    if joined:
        yield bytes(joined)


def is_utf8(data: Bytes) -> bool:
    """Whether bytes are UTF-8. The text is decoded piece by piece."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    view = memoryview(data)
    try:
        for start in range(0, len(view), PIECE_BYTES):
            decoder.decode(view[start : start + PIECE_BYTES])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _encode_piece(data: Bytes, form: TextForm) -> str:
    if form is TextForm.BASE64:
        return base64.b64encode(data).decode("ascii")
    return data.decode(errors="strict" if form is TextForm.UTF8 else "replace")


def _stream_text(data: Bytes, form: TextForm) -> Iterator[bytes]:
    """Yield the content of the JSON string for some bytes, without the quotes."""
    view = memoryview(data)
    pieces = (view[start : start + PIECE_BYTES] for start in range(0, len(view), PIECE_BYTES))
    if form is TextForm.BASE64:
        yield from (base64.b64encode(piece) for piece in pieces)
        return
    decoder = codecs.getincrementaldecoder("utf-8")("strict" if form is TextForm.UTF8 else "replace")
    for piece in pieces:
        yield msgspec.json.encode(decoder.decode(piece))[1:-1]
    yield msgspec.json.encode(decoder.decode(b"", final=True))[1:-1]
