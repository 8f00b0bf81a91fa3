"""Sizes as people type them."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["parse_size"]

_SIZE: Final = re.compile(r"(\d+)\s*([kmg]?)(?:i?b)?", re.IGNORECASE)
_SHIFTS: Final = {"": 0, "k": 10, "m": 20, "g": 30}


def parse_size(text: str) -> int:
    """Bytes from ``65536``, ``64k``, ``256m``, ``256MiB`` or ``1g``, each step 1024.

    Raises:
        ValueError: it is no size.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is no size; write it as 65536, 64k, 256m or 1g")
    return int(match[1]) << _SHIFTS[match[2].lower()]
