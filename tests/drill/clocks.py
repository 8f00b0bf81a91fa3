"""A clock of its own for a process: libfaketime stands between it and the machine's."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["FakeClock", "why_no_clock"]

_LIBRARY = Path(f"/usr/lib/{os.uname().machine}-linux-gnu/faketime/libfaketimeMT.so.1")


def why_no_clock() -> str:
    """What is missing to have one; empty when nothing is."""
    return "" if _LIBRARY.exists() else "needs Debian's libfaketime"


class FakeClock:
    """Parameters: file: tells by how many seconds it is off; read again every second."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.step(0)

    @property
    def environment(self) -> dict[str, str]:
        """Of the processes that are to go by it. Their monotonic clock stays as it is, as when a real one is set."""
        options = {"FAKETIME_CACHE_DURATION": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"}
        return {"LD_PRELOAD": str(_LIBRARY), "FAKETIME_TIMESTAMP_FILE": str(self._file), **options}

    def step(self, offset_seconds: int) -> None:
        """To so many seconds off the machine's."""
        self._file.write_text(f"{offset_seconds:+d}\n")
