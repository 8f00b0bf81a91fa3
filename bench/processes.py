"""What processes took of the processors, as /proc counts it (to 10 ms)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

__all__ = ["children", "cpu_ms", "family_cpu_ms"]

_MS_A_TICK: Final = 1000 / os.sysconf("SC_CLK_TCK")
# Of /proc/PID/stat behind the name, which may have blanks: user, system; the same of children that were waited for.
_OWN: Final = slice(11, 13)
_WITH_CHILDREN: Final = slice(11, 15)


def cpu_ms(pid: int) -> float:
    """Of this process alone. Raises FileNotFoundError when there is none."""
    return sum(map(int, _stat(pid)[_OWN])) * _MS_A_TICK


def family_cpu_ms(pid: int) -> float:
    """With all its descendants, those that have ended included."""
    own = sum(map(int, _stat(pid)[_WITH_CHILDREN])) * _MS_A_TICK
    return own + sum(family_cpu_ms(child) for child in children(pid))


def children(pid: int) -> list[int]:
    """Of all its threads."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text().split()]


def _stat(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
