"""How far apt is, told by what it prints: the one thing that takes time when an image or a machine is set up."""

from __future__ import annotations

import re

__all__ = ["InstallProgress"]

_NEW_PACKAGES = re.compile(r"\b(\d+) newly installed")


class InstallProgress:
    """Reads apt-get's output line by line."""

    def __init__(self) -> None:
        self._packages = 0
        self._done = 0

    def read(self, line: str) -> float:
        """Take one line; return the fraction of the installation that is done, 0 to 1."""
        if found := _NEW_PACKAGES.search(line):
            self._packages = int(found[1])
        # Every package is unpacked, then set up.
        self._done += line.startswith(("Unpacking ", "Setting up "))
        return min(1.0, self._done / (2 * self._packages)) if self._packages else 0.0
