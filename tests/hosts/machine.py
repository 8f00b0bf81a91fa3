"""A host in namespaces, with its own network, processes, mounts, host name and optionally its own Docker Engine."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import docker

from tests.hosts.lan import Lan
from tests.sandbox.engine_fixture import PrivateEngine
from tests.stack import ROOT, eventually

__all__ = ["Machine", "Program"]

# Process 1 of the host, which reaps orphaned processes.
_BOOT = 'hostname "$1" && exec docker-init -- sleep infinity'
_CGROUPS = Path("/sys/fs/cgroup")


class Program:
    """A process on a machine, with its children."""

    def __init__(self, popen: subprocess.Popen[bytes], log: Path) -> None:
        self._popen = popen
        self.log = log

    def signal(self, number: int) -> None:
        """Send a signal to the process, which is the child of nsenter."""
        for pid in _children(self._popen.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def stop(self, grace_seconds: float = 30) -> None:
        """Send SIGTERM and wait until the process exits."""
        self.signal(signal.SIGTERM)
        self._popen.wait(grace_seconds)

    def wait(self) -> None:
        self._popen.wait(10)


class Machine:
    """A host that can be killed as by a power failure: all processes are killed at once, and no connection is closed.

    Args:
        lan: The network of the host.
        name: Name of the host.
        folder: Folder for logs and data.
        run: Folder for sockets. It must be short, because the path of a socket is limited to 107 bytes.
    """

    def __init__(self, lan: Lan, name: str, folder: Path, run: Path) -> None:
        self.name = name
        self.address = lan.join(name)
        self._namespace = lan.namespace(name)
        self._folder, self._run = folder / name, run / name
        self._folder.mkdir(parents=True)
        self._programs: list[Program] = []
        self._init = 0
        self._boot()

    def _boot(self) -> None:
        isolated = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "--uts", "--mount"]
        command = ["nsenter", f"--net=/run/netns/{self._namespace}", *isolated, "sh", "-c", _BOOT, "sh", self.name]
        # docker-init prints warnings about signals that the kernel does not support.
        self._keeper = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self._init = eventually(lambda: next(iter(_children(self._keeper.pid)), 0), 10, 0.01)
        # The command line changes when the shell has set the host name and executes docker-init.
        eventually(lambda: b"sleep" in Path(f"/proc/{self._init}/cmdline").read_bytes(), 10, 0.01)

    def start(self, *command: str, name: str, environment: Mapping[str, str] | None = None) -> Program:
        """Start a command on the host, in the folder of the checkout."""
        log = self._folder / f"{name}-{len(self._programs)}.log"
        with log.open("wb") as sink:
            popen = subprocess.Popen(
                [*self._enter(), "env", f"--chdir={ROOT}", *command],
                env=None if environment is None else dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
            )
        program = Program(popen, log)
        self._programs.append(program)
        return program

    def start_engine(self, data: Path) -> docker.APIClient:
        """Start a Docker Engine on the host. Its images stay in `data` for the next run, but its containers do not."""
        # With its own parent, the control groups of a killed machine can be found and removed.
        options = ("--bridge=none", f"--cgroup-parent={self._cgroup}")
        self._engine = PrivateEngine(self._run, data, options, (*self._enter(), "dockerd"))
        self.docker_host = self._engine.host
        self.engine = self._engine.start()
        for container in self.engine.containers(all=True):
            self.engine.remove_container(container, force=True)
        return self.engine

    def kill(self) -> None:
        """Kill all processes of the host."""
        if self._init:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._init, signal.SIGKILL)
            self._keeper.wait(10)
            self._init = 0
        for program in self._programs:
            program.wait()
        if hasattr(self, "engine"):
            self.engine.close()
            self._engine.stop()

    def remove(self) -> None:
        """Kill the host and remove its files and control groups."""
        self.kill()
        shutil.rmtree(self._run, ignore_errors=True)
        for top in _CGROUPS.glob(f"*{self._cgroup}"):
            for path in sorted(top.rglob("*/"), reverse=True):
                with contextlib.suppress(OSError):
                    path.rmdir()
            with contextlib.suppress(OSError):
                top.rmdir()

    def logs(self) -> str:
        """Return the ends of all logs."""
        return "\n".join(
            f"--- {program.log}\n{program.log.read_text(errors='replace')[-3000:]}" for program in self._programs
        )

    @property
    def _cgroup(self) -> str:
        return f"/{self._namespace}"

    def _enter(self) -> Sequence[str]:
        # With --root, because the tests themselves may run in a changed root.
        return ("nsenter", f"--target={self._init}", "--mount", "--root", "--uts", "--net", "--pid", "--")


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []
