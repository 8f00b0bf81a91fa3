"""Messages of the command line, on stderr, so that stdout contains only the program's output."""

from __future__ import annotations

import sys

__all__ = ["note"]


def note(text: str) -> None:
    """Print one line with the prefix ``pyxec:``."""
    sys.stderr.write(f"pyxec: {text}\n")
    sys.stderr.flush()
