"""Progress of an apt-get installation, read from its output."""

from __future__ import annotations

import re

__all__ = ["AptProgress"]

_NEW_PACKAGES = re.compile(r"\b(\d+) newly installed")


class AptProgress:
    """Estimates the progress of one installation. The packages take most of the time of an image build."""

    def __init__(self) -> None:
        self._packages = 0
        self._finished_steps = 0

    def read(self, line: str) -> float:
        """Read one line of output; return the finished fraction, from 0 to 1."""
        if match := _NEW_PACKAGES.search(line):
            self._packages = int(match[1])
        # apt-get unpacks each package, then sets it up.
        self._finished_steps += line.startswith(("Unpacking ", "Setting up "))
        return min(1.0, self._finished_steps / (2 * self._packages)) if self._packages else 0.0
