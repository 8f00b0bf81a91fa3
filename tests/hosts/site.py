"""Pyxec on several hosts: an API, two worker hosts each with its own engine, and a store; load, and what came of it."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import secrets
import shutil
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import docker
import httpx

from app.wiring.connections import client_of
from tests.drill.checker import History, violations
from tests.hosts.lan import Lan
from tests.hosts.lan import why_not as why_no_lan
from tests.hosts.machine import Machine, Program
from tests.hosts.store import PlainStore, WatchedStore
from tests.sandbox.own_engine import why_not as why_no_engine
from tests.stack import BIN, ROOT, eventually

__all__ = ["LEASE_SECONDS", "WORKER_HOSTS", "Load", "Site", "host_of", "why_not"]

LEASE_SECONDS = 2.0
WORKER_HOSTS = ("host-a", "host-b")
# Jobs that a host runs at a time.
THREADS = 2
IMAGE = "pyxec/bash:latest"
_PORT = 8080
_LOAD_PAUSE_SECONDS = 0.4
_PATIENCE_SECONDS = 60.0
_REFUSED = (429, 503)


@functools.cache
def why_not() -> str:
    """What is missing for it; empty when nothing is."""
    return why_no_lan() or why_no_engine()


class Site:
    """Everything is started when entered; whatever was started, made or mounted is gone when it is left.

    Parameters:
        watched: the store has a replica and Sentinels.
    """

    def __init__(self, folder: Path, *, watched: bool) -> None:
        self._folder = folder
        self._run = Path(f"/run/pyxec-hosts-{secrets.token_hex(2)}")
        self._watched = watched
        self._stack = contextlib.ExitStack()
        self.machines: dict[str, Machine] = {}
        self.workers: dict[str, Program] = {}
        self.accepted: list[str] = []

    def __enter__(self) -> Site:
        try:
            self._start()
        except BaseException:
            print(self.logs())  # noqa: T201 - what pytest shows beside the failure
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _start(self) -> None:
        self._stack.callback(shutil.rmtree, self._run, ignore_errors=True)
        lan = self.lan = self._stack.enter_context(Lan())
        for name in ("store-1", *(("store-2",) if self._watched else ()), "front", *WORKER_HOSTS):
            self.machines[name] = Machine(lan, name, self._folder, self._run)
            self._stack.callback(self.machines[name].remove)
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
            return PlainStore(first, self._folder)
        return WatchedStore(first, self.machines["store-2"], front, self._folder)

    # --- what is started

    def start_host(self, name: str) -> None:
        """Its engine, with the one image, and its worker."""
        data = ROOT / ".pyxec" / "data" / "test-hosts" / name
        _hand_over(self.machines[name].start_engine(data))
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
        with contextlib.closing(client_of(self.store.url, 2)) as client:
            return dict(client.hgetall("hosts:languages"))

    def _start_api(self) -> None:
        front = self.machines["front"]
        command = ["gunicorn", "app.asgi:create()", "-k", "app.asgi.Worker", "--logger-class", "app.asgi.Logs"]
        options = ["-b", f"0.0.0.0:{_PORT}", "--no-control-socket"]
        front.start(str(BIN / command[0]), *command[1:], *options, name="api", environment=self.environment)
        self.http = httpx.Client(base_url=f"http://{front.address}:{_PORT}", timeout=10, trust_env=False)
        self._stack.callback(self.http.close)
        eventually(lambda: self.answer("/readyz") is not None, 30)

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PYXEC_")}
        own = {"REDIS_URL": self.store.url, "PYXEC_NAMESPACE": "hosts", "PYXEC_LEASE_SECONDS": str(LEASE_SECONDS)}
        return {**kept, **own, "PYXEC_RATE_BURST": "100000", "PYXEC_POOL_CEILING": "2"}

    # --- what a client sees

    def answer(self, path: str) -> Any:
        """The JSON of a GET, or None when there is none to be had now."""
        try:
            answer = self.http.get(path)
        except httpx.TransportError:
            return None
        return answer if answer.status_code == httpx.codes.OK else None

    def submit(self, source: str) -> str:
        """The id of a job that was accepted, however often it had to be sent: the key makes it one."""
        body, key = {"language": "bash", "source": source}, secrets.token_hex(8)
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            with contextlib.suppress(httpx.TransportError):
                answer = self.http.post("/v1/jobs", json=body, headers={"Idempotency-Key": key})
                if answer.status_code not in _REFUSED:
                    assert answer.status_code in (200, 202), answer.text
                    self.accepted.append(answer.json()["id"])
                    return self.accepted[-1]
            assert time.monotonic() < deadline, "the API takes nothing"
            time.sleep(0.1)

    def job(self, job_id: str) -> dict[str, Any]:
        return dict(eventually(lambda: self.answer(f"/v1/jobs/{job_id}"), 20).json())

    def finished(self, job_id: str, within_seconds: float = _PATIENCE_SECONDS) -> dict[str, Any]:
        """The job, once it has its result."""
        return dict(eventually(lambda: (job := self.job(job_id))["status"] == "finished" and job, within_seconds))

    def events(self, job_id: str) -> list[dict[str, Any]]:
        answer = eventually(lambda: self.answer(f"/v1/jobs/{job_id}/output"), 20)
        return [json.loads(line) for line in answer.text.splitlines()]

    def begun_on_each(self, source: str) -> dict[str, str]:
        """A job that runs, of each host: three are submitted, and no host has room for all of them."""
        jobs = [self.submit(source) for _ in range(THREADS + 1)]
        return dict(eventually(lambda: len(found := self._begun(jobs)) == len(WORKER_HOSTS) and found, 40))

    def _begun(self, jobs: Sequence[str]) -> dict[str, str]:
        begun = [job for job in jobs if any(event["type"] == "output" for event in self.events(job))]
        return {host_of(self.job(job)): job for job in begun}

    # --- what came of it

    def running(self, name: str) -> Sequence[str]:
        """The containers of this host in which a program runs, beside the runner."""
        return [one["Id"] for one in self.machines[name].engine.containers() if self._processes(name, one["Id"]) > 1]

    def _processes(self, name: str, container: str) -> int:
        try:
            return len(self.machines[name].engine.top(container)["Processes"])
        except docker.errors.APIError:  # it went away in between
            return 0

    def violations(self) -> list[str]:
        """One line for each broken promise, once everything accepted so far has come to its end."""
        outcomes = {job_id: self.finished(job_id)["outcome"] for job_id in self.accepted}
        ends = {job_id: sum(event["type"] == "finished" for event in self.events(job_id)) for job_id in self.accepted}
        finished = [job_id for job_id, count in ends.items() for _ in range(count)]
        wrong = [f"{job_id} ended as {outcome}" for job_id, outcome in outcomes.items() if outcome != "ok"]
        waiting = self.answer("/v1/jobs?status=queued"), self.answer("/v1/jobs?status=running")
        left = sum(len(answer.json()["jobs"]) for answer in waiting if answer is not None)
        return [*violations(History(self.accepted, finished, [], left)), *wrong]

    def logs(self) -> str:
        return "\n".join(machine.logs() for machine in self.machines.values())


class Load:
    """Short jobs, one after the other, for as long as the block lasts. What they were is in the site's history."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._over = threading.Event()
        self._paused = threading.Lock()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run)
        self.jobs: list[str] = []

    def __enter__(self) -> Load:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        if self._error is not None:
            raise self._error

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """No submission is under way inside."""
        with self._paused:
            yield

    def _run(self) -> None:
        try:
            while not self._over.wait(_LOAD_PAUSE_SECONDS):
                with self._paused:
                    self.jobs.append(self._site.submit(f"echo {len(self.jobs)}"))
        except BaseException as e:  # noqa: BLE001 - told where the block ends
            self._error = e


def host_of(job: dict[str, Any]) -> str:
    """The host of the worker that a job was run by."""
    return next((name for name in WORKER_HOSTS if str(job["worker"]).startswith(name)), "")


def _hand_over(engine: docker.APIClient) -> None:
    """The image, unless it is there from the last time."""
    with contextlib.closing(docker.APIClient(version="auto", timeout=600)) as source:
        if _id(source) == _id(engine):
            return
        sys.stderr.write(f"handing over {IMAGE}\n")
        with contextlib.closing(source.get_image(IMAGE)) as archive:
            for _ in engine.load_image(archive):
                pass


def _id(engine: docker.APIClient) -> str | None:
    found = engine.images(IMAGE)
    return found[0]["Id"] if found else None
