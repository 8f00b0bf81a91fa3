"""Separate clocks for processes, with libfaketime."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["LIBRARY", "FakeClock", "missing_for_clock"]

#: `make drill` installs it.
LIBRARY = Path(f"/usr/lib/{os.uname().machine}-linux-gnu/faketime/libfaketimeMT.so.1")


def missing_for_clock() -> str:
    """Return what is missing for a fake clock, an empty string if it is available."""
    return "" if LIBRARY.exists() else "requires libfaketime (Debian)"


class FakeClock:
    """A clock with an adjustable offset.

    Args:
        file: Contains the offset in seconds. libfaketime reads it again every second.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self.step(0)

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables for the processes that use the clock. Their monotonic clock is not changed."""
        options = {"FAKETIME_CACHE_DURATION": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"}
        return {"LD_PRELOAD": str(LIBRARY), "FAKETIME_TIMESTAMP_FILE": str(self._file), **options}

    def step(self, offset_seconds: int) -> None:
        """Set the clock to an offset from the clock of the machine."""
        self._file.write_text(f"{offset_seconds:+d}\n")
