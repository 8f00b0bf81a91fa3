"""Text that others wrote, for a terminal: what would be a command to it is shown as it is written in Python."""

from __future__ import annotations

import msgspec

__all__ = ["plain", "readable"]

_KEPT = "\n\t"


def plain(text: str) -> str:
    r"""The text with its control and invisible characters as ``\x1b``."""
    return "".join(one if one.isprintable() or one in _KEPT else _written(one) for one in text)


def readable(text: str) -> str:
    """JSON with an indent; what is none stays as it is, which is true of JSON that was cut off, too. Plain as above."""
    try:
        return plain(msgspec.json.format(text, indent=2))
    except msgspec.DecodeError:
        return plain(text)


def _written(character: str) -> str:
    return character.encode("unicode_escape").decode()
