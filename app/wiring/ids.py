"""Names for jobs and requests that nobody guesses."""

from __future__ import annotations

import os
from typing import Final

__all__ = ["new_id"]

_BYTES: Final = 16
_DRAWN_AT_ONCE: Final = 256

# Drawn ahead: asking the kernel takes many times as long as the rest of an id, and a submission has two.
_ready: Final[list[str]] = []
# A child that went on with them would give the same names as its parent.
os.register_at_fork(after_in_child=_ready.clear)


def new_id() -> str:
    """128 random bits in hexadecimal. Safe to use from many threads, and in processes that were forked."""
    while True:
        try:
            return _ready.pop()
        except IndexError:
            drawn = os.urandom(_DRAWN_AT_ONCE * _BYTES).hex()
            _ready.extend(drawn[start : start + 2 * _BYTES] for start in range(0, len(drawn), 2 * _BYTES))
