"""Input that a caller sends to a queued or running job."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from app.core.files import Content

__all__ = ["Input", "InputKind"]


class InputKind(StrEnum):
    """The kinds of input.

    Callers send all of them except START_TEST, which the worker sends to a job whose tests are held.
    """

    STDIN = "stdin"
    EOF = "eof"
    CANCEL = "cancel"
    RESIZE = "resize"
    SIGNAL = "signal"
    START_TEST = "start_test"


class Input(msgspec.Struct, frozen=True):
    """One input.

    Attributes:
        kind: The kind of input.
        data: The bytes of STDIN, the name of a SIGNAL, or a RESIZE as `TerminalSize.pack` encodes it; empty for the
            other kinds.
        contents: For START_TEST, what follows the stdin of the test.
    """

    kind: InputKind
    data: bytes = b""
    contents: tuple[Content, ...] = ()
