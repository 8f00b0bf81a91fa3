"""The host's memory, as all its processes share it: what keeps the pools of several workers from filling it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

__all__ = ["HostMemory"]

_MEMINFO: Final = Path("/proc/meminfo")
# For the jobs that are to come, and for everybody else on the host.
_RESERVE: Final = 0.10
# Below this part of the reserve even what waits already is given back.
_DIRE: Final = 0.5


class HostMemory:
    """Read anew at each question. It is the same for every worker of the host, however many there are and in whatever
    containers they run, so none has to know of the others.

    Parameters:
        meminfo: as the kernel writes it. Where there is none, memory is never short.
    """

    def __init__(self, meminfo: Path = _MEMINFO) -> None:
        self._meminfo = meminfo

    def is_short(self) -> bool:
        """Whether less than a tenth is available: nothing is to be made in advance."""
        return self._available_part() < _RESERVE

    def is_dire(self) -> bool:
        """Whether less than a twentieth is available: what was made in advance is to go."""
        return self._available_part() < _RESERVE * _DIRE

    def _available_part(self) -> float:
        try:
            lines = dict(line.split(":", 1) for line in self._meminfo.read_text().splitlines())
            return int(lines["MemAvailable"].split()[0]) / int(lines["MemTotal"].split()[0])
        except (OSError, KeyError, ValueError, ZeroDivisionError):
            return 1.0
