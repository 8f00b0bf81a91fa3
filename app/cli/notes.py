"""What a command says to people: on stderr, marked, so that a program's own output stays whole."""

from __future__ import annotations

import sys

__all__ = ["note"]


def note(text: str) -> None:
    """Print one line."""
    sys.stderr.write(f"pyxec: {text}\n")
    sys.stderr.flush()
