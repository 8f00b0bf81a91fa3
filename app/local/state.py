"""What Pyxec keeps beside itself on one machine, all of it below ``.pyxec/``: logs, data, and who was started by us."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import msgspec

__all__ = ["ProcessRecord", "StateFolder", "start_ticks"]

_START_TICKS_FIELD = 19  # of /proc/PID/stat, counted behind the name, which may itself have spaces


@dataclass(frozen=True)
class StateFolder:
    """The folder ``.pyxec`` of one checkout."""

    path: Path

    @classmethod
    def of_repository(cls, root: Path) -> StateFolder:
        """The folder of the repository at `root`; made when first written to."""
        return cls(root / ".pyxec")

    def log(self, name: str) -> Path:
        """Path of a log file; its folder exists afterwards."""
        return _within(self.path / "log", f"{name}.log")

    def record(self, name: str) -> Path:
        """Path of a process record; its folder exists afterwards."""
        return _within(self.path / "run", f"{name}.json")

    def data(self, name: str) -> Path:
        """A folder for data that outlives a stop; it exists afterwards."""
        folder = self.path / "data" / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder


class ProcessRecord(msgspec.Struct, frozen=True):
    """A process that we started. Its start time tells it from a later process that got the same pid.

    ``url`` is where it answers, for a process that serves something.
    """

    pid: int
    start_ticks: int
    url: str = ""

    @classmethod
    def of(cls, pid: int, url: str = "") -> ProcessRecord:
        """The record of a process that runs now.

        Raises:
            ProcessLookupError: there is none.
        """
        ticks = start_ticks(pid)
        if ticks is None:
            raise ProcessLookupError(pid)
        return cls(pid, ticks, url)

    @classmethod
    def read(cls, path: Path) -> ProcessRecord | None:
        """The record in a file, if there is one and its process still runs."""
        try:
            record = msgspec.json.decode(path.read_bytes(), type=cls)
        except (FileNotFoundError, msgspec.DecodeError):
            return None
        return record if record.is_alive() else None

    def write(self, path: Path) -> None:
        """Write it in one step: a reader sees the whole record or none."""
        draft = path.with_suffix(f".{os.getpid()}")
        draft.write_bytes(msgspec.json.encode(self))
        draft.replace(path)

    def is_alive(self) -> bool:
        """Whether this very process still runs; a zombie does not."""
        return start_ticks(self.pid) == self.start_ticks


def start_ticks(pid: int) -> int | None:
    """When a process started, in clock ticks since boot; None when it is gone or a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    state, *fields = stat.rpartition(")")[2].split()
    return None if state in ("Z", "X") else int(fields[_START_TICKS_FIELD - 1])


def _within(folder: Path, name: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder / name
