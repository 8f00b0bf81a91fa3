"""A second Docker Engine for one test, with its own socket and folders and without firewall rules."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import docker
import requests
from docker.errors import DockerException

from app.sandbox.engine.client import connect_docker

__all__ = ["PrivateEngine", "missing_requirement"]

START_SECONDS = 60
STOP_SECONDS = 30
CALL_SECONDS = 600
POLL_SECONDS = 0.1


def missing_requirement() -> str:
    """Return why no private engine can be started here, or an empty string."""
    if os.geteuid() != 0:
        return "a private engine requires root"
    return "" if shutil.which("dockerd") else "a private engine requires dockerd"


class PrivateEngine:
    """A Docker Engine that can be stopped, killed and started again.

    Args:
        run: Folder for its sockets. The path must be short: the path of a Unix socket has at most 107 bytes.
        data: Folder for its images and containers.
        options: Additional options of dockerd.
        launcher: Command that starts dockerd, followed by the arguments of dockerd. By default, the environment
            variable PYXEC_TEST_DOCKERD or dockerd itself.

    Attributes:
        host: Address of the engine, as in DOCKER_HOST.
    """

    def __init__(self, run: Path, data: Path, options: Sequence[str] = (), launcher: Sequence[str] = ()) -> None:
        self.host = f"unix://{run}/docker.sock"
        self._run = run
        self._log = run / "docker.log"
        self._containerd = run / "exec" / "containerd" / "containerd.pid"
        self._daemon: subprocess.Popen[bytes] | None = None
        for folder in (run, data):
            folder.mkdir(parents=True, exist_ok=True)
        self._command = [
            *(launcher or shlex.split(os.environ.get("PYXEC_TEST_DOCKERD", "dockerd"))),
            *(f"--host={self.host}", f"--data-root={data}", f"--exec-root={run}/exec", f"--pidfile={run}/docker.pid"),
            # With --bridge=none, the engine would delete the bridge of the engine of this machine.
            *("--iptables=false", "--ip6tables=false", "--shutdown-timeout=1", *options),
        ]

    def start(self) -> docker.APIClient:
        """Start the engine; return a client when it answers."""
        with self._log.open("ab") as log:
            self._daemon = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._daemon.poll() is None:
            try:
                return connect_docker(self.host, CALL_SECONDS)
            except (DockerException, requests.RequestException):
                time.sleep(POLL_SECONDS)
        self.stop()
        raise AssertionError(f"the engine does not start: {self._log.read_text(errors='replace')[-2000:]}")

    def stop(self) -> None:
        """Stop the engine as at the shutdown of a machine; kill it if it does not stop in time."""
        if self._daemon is None:
            return
        self._daemon.send_signal(signal.SIGTERM)
        try:
            self._daemon.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def signal_daemon(self, number: int) -> None:
        """Send a signal to dockerd."""
        assert self._daemon is not None
        self._daemon.send_signal(number)

    def signal_containerd(self, number: int) -> None:
        """Send a signal to containerd, without which dockerd creates containers but does not start them."""
        os.kill(int(self._containerd.read_text()), number)

    def kill(self) -> None:
        """Kill dockerd and its containerd. Their containers keep running."""
        assert self._daemon is not None
        self._daemon.kill()
        self._daemon.wait()
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            os.kill(int(self._containerd.read_text()), signal.SIGKILL)
        # The next dockerd would wait for the process in this file, which may exist as a zombie.
        self._containerd.unlink(missing_ok=True)

    def kill_shims(self) -> None:
        """Kill the remaining shim processes: a killed engine does not stop them, and they use its disk."""
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if f"{self._run}/".encode() in (process / "cmdline").read_bytes():
                    os.kill(int(process.name), signal.SIGKILL)
