"""Output of ``--json``."""

from __future__ import annotations

import sys
from typing import Any

import msgspec

__all__ = ["print_json"]


def print_json(value: Any) -> None:
    """Print a value that msgspec can encode as indented JSON on stdout."""
    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n")
    sys.stdout.buffer.flush()
