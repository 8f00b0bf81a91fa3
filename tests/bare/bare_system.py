"""A minimal system of a release of Debian or Ubuntu in its own mount and process namespace."""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Self

from app.local.state import tail
from tests.bare.network_settings import copy_network_files, find_index_folders, select_network_variables

__all__ = ["CHECKOUT", "BareSystem", "remove_root"]

CHECKOUT: Final = "/root/pyxec"

_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_LOG_LINES: Final = 60
_START_SECONDS: Final = 10.0
_STOP_SECONDS: Final = 30.0

# Run by `unshare` as process 1 of the new namespaces: $1 is the root, the other arguments are folders of the machine.
# It prints a line when the system is complete. Then it reaps the processes that lose their parent.
_IDLE: Final = "sleep 86399"
_INIT: Final = f"""
root=$1; shift
mount --bind "$root" "$root"
for folder; do mkdir -p "$root$folder"; mount --bind -o ro "$folder" "$root$folder"; done
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/run"
mount -t tmpfs tmpfs "$root/tmp"
mkdir -p "$root/run/lock" "$root/old"
cd "$root"
pivot_root . old
umount -l /old
rmdir /old
echo started
while :; do {_IDLE} & wait $! || :; done
"""


class BareSystem:
    """Runs commands in a root file system.

    The system has its own processes, mounts and ``/run``. It shares the network, ``/dev`` and the control groups of the
    machine. The end of the block kills all processes of the system. Requires root.

    Args:
        root: The root file system.
        variables: Environment variables of all commands, in addition to those that configure the network.
        log: File to which the output of all commands is appended.
    """

    def __init__(self, root: Path, variables: Mapping[str, str], log: Path) -> None:
        self._root = root
        self._log = log
        self._environment = {
            "HOME": "/root",
            "USER": "root",
            "PATH": _PATH,
            "TERM": "dumb",
            "LANG": "C.UTF-8",
            **select_network_variables(),
            **variables,
        }

    def __enter__(self) -> Self:
        copy_network_files(self._root)
        command = ["unshare", "--mount", "--pid", "--ipc", "--uts", "--fork", "--kill-child", "--propagation=private"]
        self._unshare = subprocess.Popen(
            [*command, "sh", "-eu", "-c", _INIT, "sh", str(self._root), *map(str, find_index_folders())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert self._unshare.stdout is not None
            if self._unshare.stdout.readline() != "started\n":
                raise RuntimeError(f"the system at {self._root} does not start")
            self._init = _find_child(self._unshare.pid)
            self.run(["update-ca-certificates"], timeout_seconds=60)
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def run(self, command: Sequence[str], timeout_seconds: float) -> None:
        """Run a command in the folder of the checkout, or in ``/`` before there is one.

        Raises:
            AssertionError: The command failed. The message contains the end of the log.
            subprocess.TimeoutExpired: The command did not exit in time.
        """
        folder = CHECKOUT if (self._root / CHECKOUT.lstrip("/")).exists() else "/"
        variables = [f"{name}={value}" for name, value in self._environment.items()]
        enter = ["nsenter", f"--target={self._init}", "--mount", "--pid", "--ipc", "--uts", f"--wdns={folder}"]
        with self._log.open("ab") as sink:
            done = subprocess.run(
                [*enter, "env", "-i", *variables, *command],
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                timeout=timeout_seconds,
            )
        end = tail(self._log, _LOG_LINES)
        assert done.returncode == 0, f"{' '.join(command)} exited with status {done.returncode}:\n{end}"

    def list_processes(self) -> list[str]:
        """Return the command lines of the processes of the system, except for those that keep it running."""
        namespace = Path(f"/proc/{self._init}/ns/pid").readlink()
        commands = []
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):  # the process has exited
                if (folder / "ns/pid").readlink() == namespace and int(folder.name) != self._init:
                    commands.append((folder / "cmdline").read_text().replace("\0", " ").strip())
        return sorted(command for command in commands if command != _IDLE)

    def _stop(self) -> None:
        """Kill process 1 of the namespace. The kernel then kills all others and removes the mounts."""
        self._unshare.send_signal(signal.SIGKILL)
        self._unshare.wait(_STOP_SECONDS)
        init = getattr(self, "_init", None)
        deadline = time.monotonic() + _STOP_SECONDS
        while init is not None and Path(f"/proc/{init}").exists() and time.monotonic() < deadline:
            time.sleep(0.1)


def remove_root(root: Path) -> None:
    """Delete a root file system. Refuses to delete one with mounted file systems."""
    mounted = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    if any(Path(point).is_relative_to(root) for point in mounted):
        raise RuntimeError(f"{root} contains mounted file systems")
    shutil.rmtree(root, ignore_errors=True)


def _find_child(pid: int) -> int:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        if children:
            return int(children[0])
        time.sleep(0.05)
    raise RuntimeError("unshare has started no process")
