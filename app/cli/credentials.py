"""The key that requests are sent with: from the environment, because what is typed on a command line is seen by all."""

from __future__ import annotations

import os

__all__ = ["has_key"]


def has_key() -> bool:
    """Whether there is one."""
    return bool(os.environ.get("PYXEC_API_KEY"))
