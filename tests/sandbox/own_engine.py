"""A Docker Engine of a test's own, beside the machine's: with its own socket and folders, without firewall rules."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import docker
import requests
from docker.errors import DockerException

__all__ = ["OwnEngine", "why_not"]

START_SECONDS = 60
STOP_SECONDS = 30
CALL_SECONDS = 600
POLL_SECONDS = 0.1


def why_not() -> str:
    """What is missing to start one; empty when nothing is."""
    if os.geteuid() != 0:
        return "an engine of its own needs root"
    return "" if shutil.which("dockerd") else "an engine of its own needs dockerd"


class OwnEngine:
    """One that can be stopped, killed and started again.

    Parameters:
        run: for its sockets; short, since the path of a socket may have 107 bytes only.
        data: for its images and containers.
        options: of dockerd, besides.
        launcher: a command that starts dockerd, given dockerd's arguments; dockerd itself when empty.
    """

    def __init__(self, run: Path, data: Path, options: Sequence[str] = (), launcher: Sequence[str] = ()) -> None:
        self.host = f"unix://{run}/docker.sock"
        self._log = run / "docker.log"
        self._containerd = run / "exec" / "containerd" / "containerd.pid"
        self._daemon: subprocess.Popen[bytes] | None = None
        for folder in (run, data):
            folder.mkdir(parents=True, exist_ok=True)
        self._command = [
            *(launcher or ("dockerd",)),
            *(f"--host={self.host}", f"--data-root={data}", f"--exec-root={run}/exec", f"--pidfile={run}/docker.pid"),
            # An engine told to have no bridge would delete the one of the machine's own engine.
            *("--iptables=false", "--ip6tables=false", "--shutdown-timeout=1", *options),
        ]

    def start(self) -> docker.APIClient:
        """Return a client of it once it answers."""
        with self._log.open("ab") as sink:
            self._daemon = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, start_new_session=True
            )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._daemon.poll() is None:
            try:
                return docker.APIClient(base_url=self.host, version="auto", timeout=CALL_SECONDS)
            except (DockerException, requests.RequestException):
                time.sleep(POLL_SECONDS)
        self.stop()
        raise AssertionError(f"the engine does not start: {self._log.read_text(errors='replace')[-2000:]}")

    def stop(self) -> None:
        """As a machine does that shuts down; with force when that does not help."""
        if self._daemon is None:
            return
        self._daemon.send_signal(signal.SIGTERM)
        try:
            self._daemon.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """As when it crashes: its containers are not told, and neither is its containerd."""
        assert self._daemon is not None
        self._daemon.kill()
        self._daemon.wait()
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            os.kill(int(self._containerd.read_text()), signal.SIGKILL)
        # Until somebody reaps it, the next dockerd would take it for a living one, and wait for it in vain.
        self._containerd.unlink(missing_ok=True)
