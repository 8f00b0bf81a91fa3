"""Parses version numbers for the checks of ``pyxec doctor``."""

from __future__ import annotations

import re

__all__ = ["has_runc_escape", "parse_version"]


def parse_version(text: str) -> tuple[int, int, int]:
    """Return the first ``major.minor[.patch]`` in a text; (0, 0, 0) if there is none."""
    match = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?", text)
    return (int(match[1]), int(match[2]), int(match[3] or 0)) if match else (0, 0, 0)


def has_runc_escape(version: tuple[int, int, int]) -> bool:
    """Return whether a released runc has the mount races CVE-2025-31133, CVE-2025-52565 and CVE-2025-52881.

    Fixed in 1.2.8 and 1.3.3; no release of 1.4 is affected.
    """
    if version[:2] == (1, 2):
        return version < (1, 2, 8)
    return version < (1, 3, 3)
