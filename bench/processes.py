"""CPU time of processes from /proc, with a resolution of 10 ms (see proc(5))."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

__all__ = ["children", "cpu_ms", "tree_cpu_ms"]

_MS_PER_TICK: Final = 1000 / os.sysconf("SC_CLK_TCK")
# Fields of /proc/PID/stat after the command name: utime, stime; cutime, cstime.
_OWN: Final = slice(11, 13)
_WITH_CHILDREN: Final = slice(11, 15)


def cpu_ms(pid: int) -> float:
    """Return the CPU time of a process in ms. Raises FileNotFoundError if it does not exist."""
    return sum(map(int, _stat(pid)[_OWN])) * _MS_PER_TICK


def tree_cpu_ms(pid: int) -> float:
    """Return the CPU time of a process and its descendants in ms, including those that have exited."""
    own = sum(map(int, _stat(pid)[_WITH_CHILDREN])) * _MS_PER_TICK
    return own + sum(tree_cpu_ms(child) for child in children(pid))


def children(pid: int) -> list[int]:
    """Return the children of all threads of a process."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text().split()]


def _stat(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
