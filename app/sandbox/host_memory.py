"""Available memory of the host."""

from __future__ import annotations

from pathlib import Path
from typing import Final

__all__ = ["HostMemory"]

# See proc_meminfo(5).
_MEMINFO: Final = Path("/proc/meminfo")
_LOW_FRACTION: Final = 0.10
_CRITICAL_FRACTION: Final = 0.05


class HostMemory:
    """Reads the available memory at each call.

    Every worker on a host reads the same value, in a container as well. Together, their pools leave a reserve for jobs
    and other processes without coordination.

    Args:
        meminfo: File in the format of /proc/meminfo. If it cannot be read, memory never counts as low.
    """

    def __init__(self, meminfo: Path = _MEMINFO) -> None:
        self._meminfo = meminfo

    def is_low(self) -> bool:
        """Return whether less than 10 % is available. The pool then launches no more containers."""
        return self._available_fraction() < _LOW_FRACTION

    def is_critical(self) -> bool:
        """Return whether less than 5 % is available. The pool then closes its idle containers."""
        return self._available_fraction() < _CRITICAL_FRACTION

    def _available_fraction(self) -> float:
        try:
            lines = dict(line.split(":", 1) for line in self._meminfo.read_text().splitlines())
            return int(lines["MemAvailable"].split()[0]) / int(lines["MemTotal"].split()[0])
        except (OSError, KeyError, ValueError, ZeroDivisionError):
            return 1.0
