"""Pyxec on several hosts: an API, two worker hosts each with its own engine, and a store; load, and what came of it."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import httpx

from app.store.connection import create_client
from tests.hosts.handing_over import hand_over
from tests.hosts.machine import Program
from tests.hosts.network import Hosts
from tests.hosts.store import PlainStore, WatchedStore
from tests.hosts.visitor import THREADS, WORKER_HOSTS
from tests.stack import BIN, ROOT, eventually

__all__ = ["LEASE_SECONDS", "Site"]

LEASE_SECONDS = 2.0
IMAGE = "pyxec/bash:latest"
_PORT = 8080


class Site(Hosts):
    """Processes, as the Procfile has them.

    Parameters:
        watched: the store has a replica and Sentinels.
    """

    def __init__(self, folder: Path, *, watched: bool) -> None:
        super().__init__(folder, "hosts")
        self._watched = watched
        self.workers: dict[str, Program] = {}

    def start(self) -> None:
        """See there."""
        for name in ("store-1", *(("store-2",) if self._watched else ()), "front", *WORKER_HOSTS):
            self.add(name)
        self.store = self._make_store()
        self.store.start()
        self._start_api()
        for name in WORKER_HOSTS:
            self.start_host(name)
        for name in WORKER_HOSTS:
            self.wait_for_worker(name)

    def _make_store(self) -> PlainStore | WatchedStore:
        first, front = self.machines["store-1"], self.machines["front"]
        if not self._watched:
            return PlainStore(first, self.folder)
        return WatchedStore(first, self.machines["store-2"], front, self.folder)

    # --- what is started

    def start_host(self, name: str) -> None:
        """Its engine, with the one image, and its worker."""
        data = ROOT / ".pyxec" / "data" / "test-hosts" / name
        hand_over(self.machines[name].start_engine(data), IMAGE)
        self.start_worker(name)

    def start_worker(self, name: str) -> Program:
        """Return at once; see `wait_for_worker`."""
        self._told_before = self._told()
        command = [str(BIN / "dramatiq"), "app.worker:setup", "--skip-logging", "--queues", "jobs", "--processes", "1"]
        grace = ["--threads", str(THREADS), "--worker-shutdown-timeout", "4000"]
        environment = {**self.environment, "DOCKER_HOST": self.machines[name].docker_host}
        worker = self.machines[name].start(*command, *grace, name="worker", environment=environment)
        self.workers[name] = worker
        return worker

    def wait_for_worker(self, name: str) -> None:
        """Until the one that was started last on this host has told which languages it has."""
        field = name.encode()
        eventually(lambda: self._told().get(field) not in (None, self._told_before.get(field)), 60)

    def _told(self) -> dict[bytes, bytes]:
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
        eventually(lambda: self.answer("/readyz") is not None, 30)

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PYXEC_")}
        own = {"REDIS_URL": self.store.url, "PYXEC_NAMESPACE": "hosts", "PYXEC_LEASE_SECONDS": str(LEASE_SECONDS)}
        return {**kept, **own, "PYXEC_RATE_BURST": "100000", "PYXEC_POOL_CEILING": "2"}
