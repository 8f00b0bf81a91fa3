"""Input that a caller sends to a queued or running job."""

from __future__ import annotations

from enum import StrEnum

import msgspec

__all__ = ["Input", "InputKind"]


class InputKind(StrEnum):
    """What can be sent to a job that waits or runs."""

    STDIN = "stdin"
    EOF = "eof"
    CANCEL = "cancel"
    RESIZE = "resize"
    SIGNAL = "signal"


class Input(msgspec.Struct, frozen=True):
    """One thing sent to a job; ``data``: bytes of STDIN, the name of a SIGNAL, a RESIZE as TerminalSize packs it."""

    kind: InputKind
    data: bytes = b""
