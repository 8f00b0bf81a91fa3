"""The messages of ``/v1/jobs/{id}/stream``, as a viewer reads and writes them."""

from __future__ import annotations

import base64
import binascii

import msgspec

from app.client.errors import UnreadableReply

__all__ = [
    "AttemptSeen",
    "End",
    "JobEnd",
    "Message",
    "OutputSeen",
    "PhaseSeen",
    "Problem",
    "Unknown",
    "read_message",
    "stdin_text",
]


class AttemptSeen(msgspec.Struct, frozen=True, tag="started"):
    """A worker began. Above 1: an earlier worker was lost, and what it had sent does not count."""

    cursor: str
    attempt: int


class PhaseSeen(msgspec.Struct, frozen=True, tag="phase"):
    """The output from here on is of this phase."""

    cursor: str
    phase: str


class OutputSeen(msgspec.Struct, frozen=True, tag="output"):
    """What the program wrote to ``stdout`` or ``stderr``."""

    cursor: str
    stream: str
    data: str
    encoding: str = "utf8"

    def content(self) -> bytes:
        """The bytes as the program wrote them. Raises UnreadableReply."""
        if self.encoding != "base64":
            return self.data.encode()
        try:
            return base64.b64decode(self.data, validate=True)
        except binascii.Error as e:
            raise UnreadableReply(f"output that is no base64: {e}") from e


class JobEnd(msgspec.Struct, frozen=True):
    """How a job ended: the part of its result that decides what a command exits with."""

    outcome: str
    message: str = ""
    exit_code: int | None = None
    signal: int | None = None


class End(msgspec.Struct, frozen=True, tag="finished"):
    """The last message of a job."""

    cursor: str
    result: JobEnd


class ProblemDetail(msgspec.Struct, frozen=True):
    """The members of a problem document that are for people."""

    title: str = ""
    detail: str = ""


class Problem(msgspec.Struct, frozen=True, tag="error"):
    """Why this connection will now be closed; the close code says whether coming back helps."""

    problem: ProblemDetail


class Unknown(msgspec.Struct, frozen=True):
    """A message of a kind that a later service has and this client has not: to be passed over."""

    type: str
    cursor: str = ""


Message = AttemptSeen | PhaseSeen | OutputSeen | End | Problem | Unknown

_KNOWN = msgspec.json.Decoder(AttemptSeen | PhaseSeen | OutputSeen | End | Problem)
_ANY = msgspec.json.Decoder(Unknown)
_TAGS = frozenset({"started", "phase", "output", "finished", "error"})


def read_message(data: str | bytes) -> Message:
    """Decode one message. Raises UnreadableReply when it is not one of a job's stream."""
    try:
        unknown = _ANY.decode(data)
        return _KNOWN.decode(data) if unknown.type in _TAGS else unknown
    except msgspec.MsgspecError as e:
        raise UnreadableReply(f"a message that is not understood: {e}") from e


def stdin_text(data: bytes) -> str:
    """The message that passes ``data`` on to the program. An empty one would mean nothing: the end has its own."""
    try:
        body = {"type": "stdin", "data": data.decode()}
    except UnicodeDecodeError:
        body = {"type": "stdin", "data": base64.b64encode(data).decode(), "encoding": "base64"}
    return msgspec.json.encode(body).decode()
