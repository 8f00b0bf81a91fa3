"""The messages of a job's stream: events from the service, input to it (docs/api.md)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from typing import Final

import msgspec

from pyxec.errors import UnreadableReply

__all__ = [
    "EOF_MESSAGE",
    "Event",
    "Finished",
    "FinishedResult",
    "Output",
    "Phase",
    "Problem",
    "ProblemDetail",
    "Started",
    "Unknown",
    "read_events",
    "read_message",
    "stdin_messages",
    "text_bytes",
]

EOF_MESSAGE: Final = '{"type":"eof"}'
_MAX_MESSAGE_CHARACTERS: Final = 65_536  # the limit of the service
#: A chunk in base64 fits into one message.
CHUNK_BYTES: Final = 45 * 1024


class Started(msgspec.Struct, frozen=True, tag="started"):
    """A worker started the job. If ``attempt`` is above 1, discard the earlier output: that worker was lost."""

    cursor: str
    attempt: int


class Phase(msgspec.Struct, frozen=True, tag="phase"):
    """A phase starts: ``compile``, ``run`` or ``test``. ``test`` is the name of the test."""

    cursor: str
    phase: str
    test: str | None = None


class Output(msgspec.Struct, frozen=True, tag="output"):
    """Output of the program. ``stream`` is ``stdout`` or ``stderr``."""

    cursor: str
    stream: str
    encoded: str = msgspec.field(name="data")
    encoding: str = "utf8"

    @property
    def data(self) -> bytes:
        """The output as bytes. Raises UnreadableReply."""
        return text_bytes(self.encoded, self.encoding)

    @property
    def text(self) -> str:
        """The output as text. Invalid UTF-8 becomes ``\\ufffd``; a chunk may end inside a character."""
        return self.data.decode(errors="replace")


class FinishedResult(msgspec.Struct, frozen=True):
    """How a job finished, without its output."""

    outcome: str
    message: str = ""
    exit_code: int | None = None
    signal: int | None = None


class Finished(msgspec.Struct, frozen=True, tag="finished"):
    """The last event of a job."""

    cursor: str
    result: FinishedResult


class ProblemDetail(msgspec.Struct, frozen=True):
    """The members of a problem document for people."""

    title: str = ""
    detail: str = ""


class Problem(msgspec.Struct, frozen=True, tag="error"):
    """Why the service closes the connection. The close code determines whether to reconnect."""

    problem: ProblemDetail


class Unknown(msgspec.Struct, frozen=True):
    """A message of a later version of the service. It is ignored."""

    type: str
    cursor: str = ""


Event = Started | Phase | Output | Finished

_KNOWN = msgspec.json.Decoder(Started | Phase | Output | Finished | Problem)
_ANY = msgspec.json.Decoder(Unknown)
_TAGS = frozenset({"started", "phase", "output", "finished", "error"})


def read_message(data: str | bytes) -> Event | Problem | Unknown:
    """Decode one message. Raises UnreadableReply."""
    try:
        unknown = _ANY.decode(data)
        return _KNOWN.decode(data) if unknown.type in _TAGS else unknown
    except msgspec.MsgspecError as e:
        raise UnreadableReply(f"a message cannot be decoded: {e}") from e


def read_events(lines: bytes) -> list[Event]:
    """Decode the NDJSON body of ``GET .../output``. Raises UnreadableReply."""
    messages = [read_message(line) for line in lines.splitlines() if line]
    return [message for message in messages if isinstance(message, Event)]


def stdin_messages(data: bytes | str) -> Iterator[str]:
    """Split input into messages within the size limit of the service. Empty input gives no message."""
    content = data.encode() if isinstance(data, str) else data
    for start in range(0, len(content), CHUNK_BYTES):
        chunk = content[start : start + CHUNK_BYTES]
        yield _encode_text(chunk) or _encode_base64(chunk)


def _encode_text(chunk: bytes) -> str | None:
    """Return a message, or None if the chunk is not UTF-8 or has too many characters that JSON escapes."""
    try:
        message = msgspec.json.encode({"type": "stdin", "data": chunk.decode()}).decode()
    except UnicodeDecodeError:
        return None
    return message if len(message) <= _MAX_MESSAGE_CHARACTERS else None


def _encode_base64(chunk: bytes) -> str:
    return msgspec.json.encode(
        {"type": "stdin", "data": base64.b64encode(chunk).decode(), "encoding": "base64"}
    ).decode()


def text_bytes(text: str, encoding: str | None) -> bytes:
    """Decode a text field of the API.

    Args:
        text: The value of the field.
        encoding: The value of its encoding field: ``utf8`` or ``base64``.

    Raises:
        UnreadableReply: The text is not valid base64.
    """
    if encoding != "base64":
        return text.encode()
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as e:
        raise UnreadableReply(f"a text is not valid base64: {e}") from e
