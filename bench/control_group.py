"""A control group of one's own: what took all processes that were ever in it, and those that they started."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Final

__all__ = ["ControlGroup"]

_ROOT: Final = Path("/sys/fs/cgroup")


class ControlGroup:
    """Of version 2 where the machine has it, else of version 1's ``cpuacct``. Making one needs root."""

    def __init__(self, path: str) -> None:
        self._version_2 = (_ROOT / "cgroup.controllers").exists()
        self.path = path
        self._folder = (_ROOT if self._version_2 else _ROOT / "cpuacct") / path.lstrip("/")

    def create(self) -> None:
        """Raises OSError where we may not."""
        self._folder.mkdir(parents=True, exist_ok=True)

    @property
    def members(self) -> Path:
        """The file to which a process writes its number to join."""
        return self._folder / "cgroup.procs"

    def cpu_ms(self) -> float:
        """Of those that are in it and below it, and of those that were."""
        if self._version_2:
            fields = dict(line.split() for line in (self._folder / "cpu.stat").read_text().splitlines())
            return int(fields["usage_usec"]) / 1000
        return int((self._folder / "cpuacct.usage").read_text()) / 1e6

    def remove(self) -> None:
        """From every hierarchy, as far as it is empty: an engine makes it in all of them."""
        for root in [_ROOT] if self._version_2 else [one for one in _ROOT.iterdir() if one.is_dir()]:
            with contextlib.suppress(OSError):
                (root / self.path.lstrip("/")).rmdir()
