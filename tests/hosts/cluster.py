"""The service on several hosts: an API, Redis, and two worker hosts with their own engines."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import httpx

from app.store.connection import create_client
from tests.hosts.client import THREADS, WORKER_HOSTS
from tests.hosts.hosts import Hosts
from tests.hosts.image_transfer import transfer_images
from tests.hosts.machine import Program
from tests.hosts.store import ReplicatedStore, SingleStore
from tests.stack import BIN, ROOT, eventually

__all__ = ["LEASE_SECONDS", "Cluster"]

LEASE_SECONDS = 2.0
IMAGE = "pyxec/bash:latest"
_PORT = 8080


class Cluster(Hosts):
    """The processes of the Procfile on several hosts.

    Args:
        folder: Folder for logs and data.
        replicated: Whether Redis has a replica and Sentinels.
    """

    def __init__(self, folder: Path, *, replicated: bool) -> None:
        super().__init__(folder, "hosts")
        self._replicated = replicated
        self.workers: dict[str, Program] = {}

    def start(self) -> None:
        """Start all processes. Return when both workers are ready."""
        for name in ("store-1", *(("store-2",) if self._replicated else ()), "front", *WORKER_HOSTS):
            self.add(name)
        self.store = self._create_store()
        self.store.start()
        self._start_api()
        for name in WORKER_HOSTS:
            self.start_host(name)
        for name in WORKER_HOSTS:
            self.wait_for_worker(name)

    def _create_store(self) -> SingleStore | ReplicatedStore:
        first, front = self.machines["store-1"], self.machines["front"]
        if not self._replicated:
            return SingleStore(first, self.folder)
        return ReplicatedStore(first, self.machines["store-2"], front, self.folder)

    def start_host(self, name: str) -> None:
        """Start the engine of a host with one language image, and its worker."""
        data = ROOT / ".pyxec" / "data" / "test-hosts" / name
        transfer_images(self.machines[name].start_engine(data), IMAGE)
        self.start_worker(name)

    def start_worker(self, name: str) -> Program:
        """Start the worker of a host without waiting for it."""
        self._languages_before = self._read_languages()
        command = [str(BIN / "python"), "-m", "app.worker", "--skip-logging", "--queues", "jobs", "--processes", "1"]
        grace = ["--threads", str(THREADS), "--worker-shutdown-timeout", "4000"]
        environment = {**self.environment, "DOCKER_HOST": self.machines[name].docker_host}
        worker = self.machines[name].start(*command, *grace, name="worker", environment=environment)
        self.workers[name] = worker
        return worker

    def wait_for_worker(self, name: str) -> None:
        """Wait until the worker that was last started on a host has published its languages."""
        field = name.encode()
        eventually(lambda: self._read_languages().get(field) not in (None, self._languages_before.get(field)), 60)

    def _read_languages(self) -> dict[bytes, bytes]:
        with contextlib.closing(create_client(self.store.url, 2)) as client:
            return dict(client.hgetall("hosts:languages"))

    def _start_api(self) -> None:
        front = self.machines["front"]
        command = [
            "gunicorn",
            "app.asgi:create()",
            "-k",
            "app.asgi.Worker",
            "--logger-class",
            "app.asgi.GunicornLogger",
        ]
        options = ["-b", f"0.0.0.0:{_PORT}", "--no-control-socket"]
        front.start(str(BIN / command[0]), *command[1:], *options, name="api", environment=self.environment)
        self.http = httpx.Client(base_url=f"http://{front.address}:{_PORT}", timeout=10, trust_env=False)
        self.stack.callback(self.http.close)
        eventually(lambda: self.get("/readyz") is not None, 30)

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PYXEC_")}
        own = {"REDIS_URL": self.store.url, "PYXEC_NAMESPACE": "hosts", "PYXEC_LEASE_SECONDS": str(LEASE_SECONDS)}
        own["PYXEC_REDIS_TIMEOUT_SECONDS"] = "1"
        return {**kept, **own, "PYXEC_RATE_BURST": "100000", "PYXEC_POOL_CEILING": "2"}
