"""The messages of /connect.

client -> server   {"type": "init", ...}   as the body of /execute
                   {"type": "data", "stream": "stdin", "data"}   {"type": "signal", "signal"}
server -> client   {"type": "runtime", "language", "version"}
                   {"type": "stage", "stage"}
                   {"type": "data", "stream", "data"}
                   {"type": "exit", "stage", "code", "signal"}
                   {"type": "error", "message"}

CloseReason has the close codes. Messages of other types are ignored.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from enum import Enum
from typing import Any, Final

import msgspec

from app.core.errors import InvalidRequest
from app.core.job.events import AttemptStarted, JobFinished, LoggedEvent, Output, PhaseStarted, Stream
from app.core.job.job_input import Input, InputKind
from app.core.job.results import JobResult
from app.core.outcomes import COMPILE
from app.http.compat.piston.stages import exit_code, signal_name
from app.http.websocket.job_stream import CloseFrame

__all__ = ["SIGNALS", "CloseReason", "EventEncoder", "ProtocolError", "encode_message", "error_frame", "read_input"]

# The signals that a sandbox accepts. Piston accepts every signal name and sends none of them to the program.
SIGNALS: Final = frozenset({"SIGINT", "SIGTERM", "SIGKILL", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"})
_ENCODER: Final = msgspec.json.Encoder()


class CloseReason(Enum):
    """Piston's close codes and reasons: https://github.com/engineer-man/piston/blob/master/api/src/api/v2.js."""

    ALREADY_INITIALIZED = (4000, "Already Initialized")
    INITIALIZATION_TIMEOUT = (4001, "Initialization Timeout")
    NOTIFIED_ERROR = (4002, "Notified Error")
    NOT_YET_INITIALIZED = (4003, "Not yet initialized")
    ONLY_STDIN = (4004, "Can only write to stdin")
    INVALID_SIGNAL = (4005, "Invalid signal")
    JOB_COMPLETED = (4999, "Job Completed")

    def to_frame(self, final_message: str | None = None) -> CloseFrame:
        """Return the close frame. ``final_message`` is sent before it."""
        return CloseFrame(*self.value, final_message)


class ProtocolError(Exception):
    """A message of the client that closes the connection."""

    def __init__(self, reason: CloseReason) -> None:
        super().__init__(reason.name)
        self.reason = reason


def encode_message(kind: str, **fields: Any) -> str:
    """Encode a message to the client."""
    return _ENCODER.encode({"type": kind, **fields}).decode()


def error_frame(message: str) -> CloseFrame:
    """Return a close frame that follows an error message; the frame itself has no room for the error."""
    return CloseReason.NOTIFIED_ERROR.to_frame(encode_message("error", message=message))


def read_input(message: Any) -> Input | None:
    """Return the input of a message to a started program, or None if the message is to be ignored.

    Raises:
        ProtocolError: The message closes the connection.
        InvalidRequest: The data is not a string.
    """
    kind = message.get("type") if isinstance(message, dict) else None
    if kind == "init":
        raise ProtocolError(CloseReason.ALREADY_INITIALIZED)
    if kind == "data":
        return Input(InputKind.STDIN, _read_stdin(message))
    if kind == "signal":
        return Input(InputKind.SIGNAL, _read_signal(message).encode())
    return None


class EventEncoder:
    """Encodes the events of one execution for one client.

    A job has no event for the end of a phase, so the ``exit`` message is sent when the next phase starts or the job
    finishes.

    Attributes:
        result: The result of the job, after the last event.
    """

    def __init__(self) -> None:
        self.result: JobResult | None = None
        self._start_stage(None)

    def encode(self, logged: LoggedEvent) -> Iterator[str]:
        """Return the messages of the next event."""
        match logged.event:
            case AttemptStarted():
                self._start_stage(None)
            case PhaseStarted(phase=phase):
                # A program is started only after its compiler has succeeded.
                yield from self._end_stage(code=0, signal=None) if self._stage == COMPILE else ()
                self._start_stage(phase)
                yield encode_message("stage", stage=phase)
            case Output(stream=stream, data=data):
                yield from self._encode_output(stream, data)
            case JobFinished(result=result):
                self.result = result
                if self._stage is not None and result.phases:
                    yield from self._end_stage(exit_code(result.phases[-1]), signal_name(result.phases[-1]))

    def _start_stage(self, stage: str | None) -> None:
        self._stage = stage
        # A chunk can end inside a character.
        decoder = codecs.getincrementaldecoder("utf-8")
        self._decoders = {stream: decoder(errors="replace") for stream in Stream}

    def _end_stage(self, code: int | None, signal: str | None) -> Iterator[str]:
        for stream in Stream:
            yield from self._encode_output(stream, b"", final=True)
        yield encode_message("exit", stage=self._stage, code=code, signal=signal)

    def _encode_output(self, stream: Stream, data: bytes, final: bool = False) -> Iterator[str]:
        if text := self._decoders[stream].decode(data, final):
            yield encode_message("data", stream=stream, data=text)


def _read_stdin(message: dict[str, Any]) -> bytes:
    if message.get("stream") != "stdin":
        raise ProtocolError(CloseReason.ONLY_STDIN)
    data = message.get("data")
    if not isinstance(data, str):
        raise InvalidRequest("data", "must be a string")
    return data.encode(errors="replace")  # half of a surrogate pair becomes a question mark


def _read_signal(message: dict[str, Any]) -> str:
    name = message.get("signal")
    if not isinstance(name, str) or name not in SIGNALS:
        raise ProtocolError(CloseReason.INVALID_SIGNAL)
    return name.removeprefix("SIG")
