"""Version numbers as programs write them."""

from __future__ import annotations

import re

__all__ = ["has_runc_escape", "version_of"]


def version_of(text: str) -> tuple[int, int, int]:
    """The first ``major.minor.patch`` in a text, a missing patch as 0; (0, 0, 0) where there is none."""
    match = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?", text)
    return (int(match[1]), int(match[2]), int(match[3] or 0)) if match else (0, 0, 0)


def has_runc_escape(version: tuple[int, int, int]) -> bool:
    """Whether this runc, as released, lets a container that races its mounts out (CVE-2025-31133, -52565, -52881).

    Fixed in 1.2.8 and in 1.3.3; 1.4 never had it in a release.
    """
    if version[:2] == (1, 2):
        return version < (1, 2, 8)
    return version < (1, 3, 3)
