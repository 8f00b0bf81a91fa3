"""Escapes untrusted text for terminals."""

from __future__ import annotations

import msgspec

__all__ = ["escape_control", "format_json"]

_KEPT = "\n\t"


def escape_control(text: str) -> str:
    r"""Replace control and invisible characters, except newline and tab, with Python escapes such as ``\x1b``."""
    return "".join(c if c.isprintable() or c in _KEPT else c.encode("unicode_escape").decode() for c in text)


def format_json(text: str) -> str:
    """Indent JSON and escape it. Text that is not valid JSON, such as truncated JSON, is only escaped."""
    try:
        return escape_control(msgspec.json.format(text, indent=2))
    except msgspec.DecodeError:
        return escape_control(text)
