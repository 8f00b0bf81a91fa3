"""The folder ``.pyxec``: logs, data and records of the processes that were started on this machine."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

__all__ = ["ProcessRecord", "StateFolder", "lock_folder", "read_start_ticks", "tail"]

# proc_pid_stat(5): starttime is field 22. The first two fields are the pid and the name, which can contain spaces.
_STARTTIME_INDEX = 22 - 3


@dataclass(frozen=True)
class StateFolder:
    """The folder ``.pyxec`` of a checkout. Subfolders are created on first use."""

    path: Path

    @classmethod
    def for_checkout(cls, root: Path) -> StateFolder:
        """Return the folder of the checkout at `root`."""
        return cls(root / ".pyxec")

    def log(self, name: str) -> Path:
        """Return the path of a log file."""
        return self._folder("log") / f"{name}.log"

    def record(self, name: str) -> Path:
        """Return the path of a process record."""
        return self._folder("run") / f"{name}.json"

    def data(self, name: str) -> Path:
        """Return a folder for data that `make down` keeps."""
        return self._folder("data", name)

    def _folder(self, *parts: str) -> Path:
        folder = self.path.joinpath(*parts)
        folder.mkdir(parents=True, exist_ok=True)
        return folder


class ProcessRecord(msgspec.Struct, frozen=True):
    """A process that was started on this machine.

    Attributes:
        pid: Process id.
        start_ticks: Start time in clock ticks since boot. It distinguishes the process from a later one with the same
            pid.
        url: URL of the service, if the process serves one.
    """

    pid: int
    start_ticks: int
    url: str = ""

    @classmethod
    def create(cls, pid: int, url: str = "") -> ProcessRecord:
        """Create the record of a running process.

        Raises:
            ProcessLookupError: The process does not exist.
        """
        ticks = read_start_ticks(pid)
        if ticks is None:
            raise ProcessLookupError(pid)
        return cls(pid, ticks, url)

    @classmethod
    def read(cls, path: Path) -> ProcessRecord | None:
        """Read a record. Return None if there is no valid record, or if its process no longer runs."""
        try:
            record = msgspec.json.decode(path.read_bytes(), type=cls)
        except (FileNotFoundError, msgspec.DecodeError):
            return None
        return record if record.is_alive() else None

    def write(self, path: Path) -> None:
        """Write the record atomically."""
        draft = path.with_suffix(f".{os.getpid()}")
        draft.write_bytes(msgspec.json.encode(self))
        draft.replace(path)

    def is_alive(self) -> bool:
        """Whether the process runs. A zombie does not run."""
        return read_start_ticks(self.pid) == self.start_ticks


def read_start_ticks(pid: int) -> int | None:
    """Return the start time of a process in clock ticks since boot, or None if it does not exist or is a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in ("Z", "X") else int(fields[_STARTTIME_INDEX])


@contextlib.contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Hold an exclusive lock of an existing folder. Other processes and threads wait.

    The kernel releases the lock when the process exits, so that a killed process leaves no lock file.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def tail(log: Path, lines: int = 10) -> str:
    """Return the last lines of a log file."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
