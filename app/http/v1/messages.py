"""The whole live protocol: what a viewer is sent (NDJSON, SSE and WebSocket alike) and what it may send.

server -> viewer   {"type": "started",  "cursor", "attempt"}
                   {"type": "phase",    "cursor", "phase", "test"?}
                   {"type": "output",   "cursor", "stream", "data", "encoding"?}
                   {"type": "finished", "cursor", "result"}
                   {"type": "error",    "problem"}
viewer -> server   {"type": "stdin", "data", "encoding"?}   {"type": "eof"}   {"type": "cancel"}
                   {"type": "resize", "rows", "cols"}   {"type": "signal", "name"}
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, Literal

import msgspec
from msgspec import UNSET, UnsetType

from app.core.events import AttemptStarted, JobFinished, LoggedEvent, Output, PhaseStarted, Stream
from app.core.job_input import Input, InputKind
from app.core.results import JobResult
from app.core.spec import TextEncoding
from app.core.terminals import Cells, TerminalSize
from app.http.decoding import decode
from app.http.errors import Problem
from app.http.text_encoding import decode_text, encode_text

__all__ = ["ClientMessage", "ServerMessage", "encode_error", "encode_event", "event_text", "read_client_message"]


class StartedMessage(msgspec.Struct, frozen=True, tag="started"):
    """A worker began. What was sent before does not count any more."""

    cursor: str
    attempt: int


class PhaseMessage(msgspec.Struct, frozen=True, tag="phase"):
    """What follows was written by this phase; ``test`` is the name of the test that it is."""

    cursor: str
    phase: str
    test: str | UnsetType = UNSET


class OutputMessage(msgspec.Struct, frozen=True, tag="output"):
    """Bytes as the program wrote them: text, or base64 where ``encoding`` says so."""

    cursor: str
    stream: Stream
    data: str
    encoding: TextEncoding | UnsetType = UNSET


class FinishedMessage(msgspec.Struct, frozen=True, tag="finished"):
    """The last message of a job."""

    cursor: str
    result: JobResult


class ErrorMessage(msgspec.Struct, frozen=True, tag="error"):
    """The last message of a connection that cannot go on. The job is not concerned."""

    problem: Problem


class StdinMessage(msgspec.Struct, frozen=True, tag="stdin", forbid_unknown_fields=True):
    """For the program's standard input."""

    data: str
    encoding: TextEncoding = TextEncoding.UTF8


class EofMessage(msgspec.Struct, frozen=True, tag="eof", forbid_unknown_fields=True):
    """No more standard input will come."""


class CancelMessage(msgspec.Struct, frozen=True, tag="cancel", forbid_unknown_fields=True):
    """Stop the job."""


class ResizeMessage(TerminalSize, frozen=True, kw_only=True, tag="resize", forbid_unknown_fields=True):
    """The viewer's window has another size."""

    rows: Cells
    cols: Cells


class SignalMessage(msgspec.Struct, frozen=True, tag="signal", forbid_unknown_fields=True):
    """For the program: as with Ctrl-C, what it does then is its own matter."""

    name: Literal["INT", "TERM", "KILL", "HUP", "QUIT", "USR1", "USR2"]


ServerMessage = StartedMessage | PhaseMessage | OutputMessage | FinishedMessage | ErrorMessage
ClientMessage = StdinMessage | EofMessage | CancelMessage | ResizeMessage | SignalMessage

_ENCODER: Final = msgspec.json.Encoder()
_DECODER: Final[msgspec.json.Decoder[ClientMessage]] = msgspec.json.Decoder(ClientMessage)


def encode_event(logged: LoggedEvent) -> bytes:
    """One line of JSON without its line end."""
    return _encode_output(logged) if isinstance(logged.event, Output) else _ENCODER.encode(_message_of(logged))


def event_text(logged: LoggedEvent) -> str:
    """The same, for a text message."""
    return _output_text(logged) if isinstance(logged.event, Output) else encode_event(logged).decode()


# Viewers who watch a job together are told the same, most of them in the same moment.
@lru_cache(maxsize=64)
def _encode_output(logged: LoggedEvent) -> bytes:
    return _ENCODER.encode(_message_of(logged))


@lru_cache(maxsize=64)
def _output_text(logged: LoggedEvent) -> str:
    return _encode_output(logged).decode()


def encode_error(problem: Problem) -> bytes:
    """One line of JSON without its line end."""
    return _ENCODER.encode(ErrorMessage(problem))


def read_client_message(text: str) -> Input:
    """What a viewer asks for.

    Raises:
        InvalidRequest: it is not one of the messages above.
        falcon.HTTPBadRequest: it is not JSON.
    """
    message = decode(_DECODER, text)
    match message:
        case StdinMessage(data=data, encoding=encoding):
            return Input(InputKind.STDIN, decode_text("data", data, encoding))
        case EofMessage():
            return Input(InputKind.EOF)
        case CancelMessage():
            return Input(InputKind.CANCEL)
        case ResizeMessage():
            return Input(InputKind.RESIZE, message.pack())
        case SignalMessage(name=name):
            return Input(InputKind.SIGNAL, name.encode())


def _message_of(logged: LoggedEvent) -> msgspec.Struct:
    match logged.event:
        case AttemptStarted(attempt=attempt):
            return StartedMessage(logged.cursor, attempt)
        case PhaseStarted(phase=phase, test=test):
            return PhaseMessage(logged.cursor, phase, UNSET if test is None else test)
        case JobFinished(result=result):
            return FinishedMessage(logged.cursor, result)
        case Output(stream=stream, data=data):
            text, encoding = encode_text(data)
            return OutputMessage(logged.cursor, stream, text, UNSET if encoding is TextEncoding.UTF8 else encoding)
