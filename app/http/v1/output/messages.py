"""The messages of the live protocol: events for NDJSON, Server-Sent Events and WebSockets, and messages of clients.

server -> client   {"type": "started",  "cursor", "attempt"}
                   {"type": "phase",    "cursor", "phase", "test"?}
                   {"type": "output",   "cursor", "stream", "data", "encoding"?}
                   {"type": "finished", "cursor", "result"}
                   {"type": "error",    "problem"}
client -> server   {"type": "stdin", "data", "encoding"?}   {"type": "eof"}   {"type": "cancel"}
                   {"type": "resize", "rows", "cols"}   {"type": "signal", "name"}
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, Literal

import msgspec
from msgspec import UNSET, UnsetType

from app.core.job.events import AttemptStarted, JobFinished, LoggedEvent, Output, PhaseStarted, Stream
from app.core.job.job_input import Input, InputKind
from app.core.job.results import JobResult
from app.core.job.spec import Cells, TerminalSize, TextEncoding
from app.http.decoding import decode
from app.http.errors import Problem
from app.http.v1.output.text_encoding import decode_text, encode_text

__all__ = ["ClientMessage", "ServerMessage", "encode_error", "encode_event", "encode_event_text", "read_client_message"]


class StartedMessage(msgspec.Struct, frozen=True, tag="started"):
    """A worker has started the job. Discard the output of earlier attempts."""

    cursor: str
    attempt: int


class PhaseMessage(msgspec.Struct, frozen=True, tag="phase"):
    """A phase has started. The following output belongs to it. ``test`` is the name of the test, if it is a test."""

    cursor: str
    phase: str
    test: str | UnsetType = UNSET


class OutputMessage(msgspec.Struct, frozen=True, tag="output"):
    """Output of the program: text, or base64 if ``encoding`` is ``base64``."""

    cursor: str
    stream: Stream
    data: str
    encoding: TextEncoding | UnsetType = UNSET


class FinishedMessage(msgspec.Struct, frozen=True, tag="finished"):
    """The job has finished. This is the last event of a job."""

    cursor: str
    result: JobResult


class ErrorMessage(msgspec.Struct, frozen=True, tag="error"):
    """The stream ends with an error. The job is not affected."""

    problem: Problem


class StdinMessage(msgspec.Struct, frozen=True, tag="stdin", forbid_unknown_fields=True):
    """Write to the standard input of the program."""

    data: str
    encoding: TextEncoding = TextEncoding.UTF8


class EofMessage(msgspec.Struct, frozen=True, tag="eof", forbid_unknown_fields=True):
    """Close the standard input of the program."""


class CancelMessage(msgspec.Struct, frozen=True, tag="cancel", forbid_unknown_fields=True):
    """Cancel the job."""


class ResizeMessage(TerminalSize, frozen=True, kw_only=True, tag="resize", forbid_unknown_fields=True):
    """Set the size of the terminal."""

    rows: Cells
    cols: Cells


class SignalMessage(msgspec.Struct, frozen=True, tag="signal", forbid_unknown_fields=True):
    """Send a signal to the program."""

    name: Literal["INT", "TERM", "KILL", "HUP", "QUIT", "USR1", "USR2"]


ServerMessage = StartedMessage | PhaseMessage | OutputMessage | FinishedMessage | ErrorMessage
ClientMessage = StdinMessage | EofMessage | CancelMessage | ResizeMessage | SignalMessage

_ENCODER: Final = msgspec.json.Encoder()
_DECODER: Final[msgspec.json.Decoder[ClientMessage]] = msgspec.json.Decoder(ClientMessage)


def encode_event(logged: LoggedEvent) -> bytes:
    """Encode an event as JSON, without a line break."""
    return _encode_output(logged) if isinstance(logged.event, Output) else _ENCODER.encode(_create_message(logged))


def encode_event_text(logged: LoggedEvent) -> str:
    """Encode an event as JSON text, for a WebSocket text message."""
    return _output_text(logged) if isinstance(logged.event, Output) else encode_event(logged).decode()


# Clients that watch the same job receive the same output at nearly the same time.
@lru_cache(maxsize=64)
def _encode_output(logged: LoggedEvent) -> bytes:
    return _ENCODER.encode(_create_message(logged))


@lru_cache(maxsize=64)
def _output_text(logged: LoggedEvent) -> str:
    return _encode_output(logged).decode()


def encode_error(problem: Problem) -> bytes:
    """Encode an ``error`` message as JSON, without a line break."""
    return _ENCODER.encode(ErrorMessage(problem))


def read_client_message(text: str) -> Input:
    """Decode a message of a client.

    Raises:
        InvalidRequest: The message has none of the formats above.
        falcon.HTTPBadRequest: The message is not JSON.
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


def _create_message(logged: LoggedEvent) -> msgspec.Struct:
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
