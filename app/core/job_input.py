"""Input that a caller sends to a queued or running job."""

from __future__ import annotations

from enum import StrEnum

import msgspec

__all__ = ["Input", "InputKind"]


class InputKind(StrEnum):
    """The kinds of input."""

    STDIN = "stdin"
    EOF = "eof"
    CANCEL = "cancel"
    RESIZE = "resize"
    SIGNAL = "signal"


class Input(msgspec.Struct, frozen=True):
    """One input.

    Attributes:
        kind: The kind of input.
        data: The bytes of STDIN, the name of a SIGNAL, or a RESIZE as `TerminalSize.pack` encodes it; empty for the
            other kinds.
    """

    kind: InputKind
    data: bytes = b""
