"""The protocol of /connect, whole.

client -> server   {"type": "init", ...}   as the body of /execute
                   {"type": "data", "stream": "stdin", "data"}   {"type": "signal", "signal"}
server -> client   {"type": "runtime", "language", "version"}
                   {"type": "stage", "stage"}
                   {"type": "data", "stream", "data"}
                   {"type": "exit", "stage", "code", "signal"}
                   {"type": "error", "message"}
and the close codes of Closing. A message of any other type is passed over.
"""

from __future__ import annotations

from enum import Enum
from typing import Any, Final

import msgspec

from app.core.errors import InvalidRequest
from app.core.job_input import Input, InputKind
from app.http.websocket.job_stream import CloseFrame

__all__ = ["SIGNALS", "Closed", "Closing", "encode_message", "error_ending", "read_input"]

# Those that can be sent into a sandbox; Piston knows all that the system has, and sends none of them on.
SIGNALS: Final = frozenset({"SIGINT", "SIGTERM", "SIGKILL", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"})
_ENCODER: Final = msgspec.json.Encoder()


class Closing(Enum):
    """Why Piston closes a socket: code and reason."""

    ALREADY_INITIALIZED = (4000, "Already Initialized")
    INITIALIZATION_TIMEOUT = (4001, "Initialization Timeout")
    NOTIFIED_ERROR = (4002, "Notified Error")
    NOT_YET_INITIALIZED = (4003, "Not yet initialized")
    ONLY_STDIN = (4004, "Can only write to stdin")
    INVALID_SIGNAL = (4005, "Invalid signal")
    JOB_COMPLETED = (4999, "Job Completed")

    def ending(self, last: str | None = None) -> CloseFrame:
        """The same for our sockets."""
        return CloseFrame(*self.value, last)


class Closed(Exception):
    """What the client has sent closes its socket."""

    def __init__(self, closing: Closing) -> None:
        super().__init__(closing.name)
        self.closing = closing


def encode_message(kind: str, **fields: Any) -> str:
    """A message to the client."""
    return _ENCODER.encode({"type": kind, **fields}).decode()


def error_ending(message: str) -> CloseFrame:
    """The error is told in a message of its own: a close frame has no room for it."""
    return Closing.NOTIFIED_ERROR.ending(encode_message("error", message=message))


def read_input(message: Any) -> Input | None:
    """What a message to a program that was started asks for; None: nothing.

    Raises:
        Closed: it ends the connection.
        InvalidRequest: it is none that can be understood.
    """
    kind = message.get("type") if isinstance(message, dict) else None
    if kind == "init":
        raise Closed(Closing.ALREADY_INITIALIZED)
    if kind == "data":
        return Input(InputKind.STDIN, _stdin(message))
    if kind == "signal":
        return Input(InputKind.SIGNAL, _signal(message).encode())
    return None


def _stdin(message: dict[str, Any]) -> bytes:
    if message.get("stream") != "stdin":
        raise Closed(Closing.ONLY_STDIN)
    data = message.get("data")
    if not isinstance(data, str):
        raise InvalidRequest("data", "must be a string")
    return data.encode(errors="replace")  # half a character is written as JavaScript writes it: as a question mark


def _signal(message: dict[str, Any]) -> str:
    name = message.get("signal")
    if not isinstance(name, str) or name not in SIGNALS:
        raise Closed(Closing.INVALID_SIGNAL)
    return name.removeprefix("SIG")
