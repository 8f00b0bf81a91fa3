"""A cgroup that measures the CPU time of a process tree."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Final

__all__ = ["ControlGroup"]

_ROOT: Final = Path("/sys/fs/cgroup")


class ControlGroup:
    """A cgroup v2, or a cgroup v1 of the ``cpuacct`` controller. Requires root."""

    def __init__(self, path: str) -> None:
        self._version_2 = (_ROOT / "cgroup.controllers").exists()
        self.path = path
        self._folder = (_ROOT if self._version_2 else _ROOT / "cpuacct") / path.lstrip("/")

    def create(self) -> None:
        """Create the cgroup. Raises OSError without permission."""
        self._folder.mkdir(parents=True, exist_ok=True)

    @property
    def members(self) -> Path:
        """The cgroup.procs file. A process joins by writing its id."""
        return self._folder / "cgroup.procs"

    def cpu_ms(self) -> float:
        """Return the CPU time of all present and past members in ms."""
        if self._version_2:
            fields = dict(line.split() for line in (self._folder / "cpu.stat").read_text().splitlines())
            return int(fields["usage_usec"]) / 1000
        return int((self._folder / "cpuacct.usage").read_text()) / 1e6

    def remove(self) -> None:
        """Remove the cgroup from every hierarchy: an engine creates it in all of them."""
        for root in [_ROOT] if self._version_2 else [path for path in _ROOT.iterdir() if path.is_dir()]:
            with contextlib.suppress(OSError):
                (root / self.path.lstrip("/")).rmdir()
