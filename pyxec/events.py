"""The events of a job, as a viewer reads them, and the messages that it writes."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from typing import Final

import msgspec

from pyxec.errors import UnreadableReply

__all__ = [
    "EOF_MESSAGE",
    "Ending",
    "Event",
    "Finished",
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
# One message takes 65536 characters at most, and JSON writes a control character as six.
PIECE_BYTES: Final = 8 * 1024


class Started(msgspec.Struct, frozen=True, tag="started"):
    """A worker began. ``attempt`` above 1: an earlier worker was lost, and the output so far does not count."""

    cursor: str
    attempt: int


class Phase(msgspec.Struct, frozen=True, tag="phase"):
    """The output from here on is of this phase: ``compile``, ``run`` or ``test``; the latter's name is ``test``."""

    cursor: str
    phase: str
    test: str | None = None


class Output(msgspec.Struct, frozen=True, tag="output"):
    """What the program wrote to ``stdout`` or ``stderr``."""

    cursor: str
    stream: str
    encoded: str = msgspec.field(name="data")
    encoding: str = "utf8"

    @property
    def data(self) -> bytes:
        """The bytes as the program wrote them. Raises UnreadableReply."""
        return text_bytes(self.encoded, self.encoding)

    @property
    def text(self) -> str:
        """The same as text; a chunk may end inside a character, and what is no UTF-8 shows as ``\\ufffd``."""
        return self.data.decode(errors="replace")


class Ending(msgspec.Struct, frozen=True):
    """How a job ended, without its output."""

    outcome: str
    message: str = ""
    exit_code: int | None = None
    signal: int | None = None


class Finished(msgspec.Struct, frozen=True, tag="finished"):
    """The last event of a job."""

    cursor: str
    result: Ending


class ProblemDetail(msgspec.Struct, frozen=True):
    """The members of a problem document that are for people."""

    title: str = ""
    detail: str = ""


class Problem(msgspec.Struct, frozen=True, tag="error"):
    """Why this connection will now be closed; the close code says whether coming back helps."""

    problem: ProblemDetail


class Unknown(msgspec.Struct, frozen=True):
    """A message of a kind that a later service has and this client has not: passed over."""

    type: str
    cursor: str = ""


Event = Started | Phase | Output | Finished

_KNOWN = msgspec.json.Decoder(Started | Phase | Output | Finished | Problem)
_ANY = msgspec.json.Decoder(Unknown)
_TAGS = frozenset({"started", "phase", "output", "finished", "error"})


def read_message(data: str | bytes) -> Event | Problem | Unknown:
    """Decode one message. Raises UnreadableReply when it is not one of a job's stream."""
    try:
        unknown = _ANY.decode(data)
        return _KNOWN.decode(data) if unknown.type in _TAGS else unknown
    except msgspec.MsgspecError as e:
        raise UnreadableReply(f"a message that is not understood: {e}") from e


def read_events(lines: bytes) -> list[Event]:
    """Decode what ``GET .../output`` answers, one message a line. Raises UnreadableReply."""
    messages = [read_message(line) for line in lines.splitlines() if line]
    return [message for message in messages if isinstance(message, Event)]


def stdin_messages(data: bytes | str) -> Iterator[str]:
    """The messages that pass ``data`` on to the program, in pieces that the service takes.

    Nothing makes none: the end of stdin is a message of its own.
    """
    whole = data.encode() if isinstance(data, str) else data
    for start in range(0, len(whole), PIECE_BYTES):
        piece = whole[start : start + PIECE_BYTES]
        try:
            body = {"type": "stdin", "data": piece.decode()}
        except UnicodeDecodeError:
            body = {"type": "stdin", "data": base64.b64encode(piece).decode(), "encoding": "base64"}
        yield msgspec.json.encode(body).decode()


def text_bytes(text: str, encoding: str | None) -> bytes:
    """The bytes behind a text of the API and the encoding beside it. Raises UnreadableReply."""
    if encoding != "base64":
        return text.encode()
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as e:
        raise UnreadableReply(f"text that is no base64: {e}") from e
