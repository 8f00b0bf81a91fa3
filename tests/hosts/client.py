"""A client of a service on several hosts, which submits jobs and checks their results."""

from __future__ import annotations

import contextlib
import json
import secrets
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

import httpx

from tests.drill.checker import History, violations
from tests.stack import eventually

__all__ = ["THREADS", "WORKER_HOSTS", "JobClient", "Load", "host_of"]

WORKER_HOSTS = ("host-a", "host-b")
# Jobs that a host runs at once.
THREADS = 2
_LOAD_PAUSE_SECONDS = 0.4
_TIMEOUT_SECONDS = 60.0
_REJECTED = (429, 503)


class JobClient:
    """Submits jobs and records the accepted jobs and the rejections.

    Attributes:
        http: Client of an API process. It may be replaced between calls.
        accepted: Ids of the accepted jobs.
        rejected: Responses and errors of rejected submissions.
    """

    http: httpx.Client

    def __init__(self) -> None:
        self.accepted: list[str] = []
        self.rejected: list[str] = []

    def get(self, path: str) -> Any:
        """Return the response to a GET request, or None if it is not 200."""
        try:
            response = self.http.get(path)
        except httpx.TransportError:
            return None
        return response if response.status_code == httpx.codes.OK else None

    def submit(self, source: str) -> str:
        """Submit a job until it is accepted, always with the same idempotency key. Return its id."""
        body, key = {"language": "bash", "source": source}, secrets.token_hex(8)
        deadline = time.monotonic() + _TIMEOUT_SECONDS
        while True:
            try:
                response = self.http.post("/v1/jobs", json=body, headers={"Idempotency-Key": key})
            except httpx.TransportError as e:
                self.rejected.append(str(e))
            else:
                if response.status_code not in _REJECTED:
                    assert response.status_code in (200, 202), response.text
                    self.accepted.append(response.json()["id"])
                    return self.accepted[-1]
                self.rejected.append(response.text)
            assert time.monotonic() < deadline, "the API rejects all jobs"
            time.sleep(0.1)

    def job(self, job_id: str) -> dict[str, Any]:
        return dict(eventually(lambda: self.get(f"/v1/jobs/{job_id}"), 20).json())

    def wait_until_finished(self, job_id: str, timeout_seconds: float = _TIMEOUT_SECONDS) -> dict[str, Any]:
        """Wait until a job is finished. Return the job."""
        return dict(eventually(lambda: (job := self.job(job_id))["status"] == "finished" and job, timeout_seconds))

    def events(self, job_id: str) -> list[dict[str, Any]]:
        response = eventually(lambda: self.get(f"/v1/jobs/{job_id}/output"), 20)
        return [json.loads(line) for line in response.text.splitlines()]

    def start_on_each_host(self, source: str) -> dict[str, str]:
        """Submit one job more than a host runs at once, and wait until each host runs one. Return the jobs by host."""
        jobs = [self.submit(source) for _ in range(THREADS + 1)]
        return dict(eventually(lambda: len(found := self._running(jobs)) == len(WORKER_HOSTS) and found, 40))

    def _running(self, jobs: Sequence[str]) -> dict[str, str]:
        running = [job for job in jobs if any(event["type"] == "output" for event in self.events(job))]
        return {host: job for job in running if (host := host_of(self.job(job)))}

    def violations(self) -> list[str]:
        """Wait until all accepted jobs are finished. Return a line for each violated guarantee."""
        outcomes = {job_id: self.wait_until_finished(job_id)["outcome"] for job_id in self.accepted}
        ends = {job_id: sum(event["type"] == "finished" for event in self.events(job_id)) for job_id in self.accepted}
        finished = [job_id for job_id, count in ends.items() for _ in range(count)]
        wrong = [f"{job_id} has the outcome {outcome}" for job_id, outcome in outcomes.items() if outcome != "ok"]
        return [*violations(History(self.accepted, finished, [], left=0)), *wrong]


class Load:
    """Submits short jobs, one after another, until the block ends."""

    def __init__(self, client: JobClient) -> None:
        self._client = client
        self._stopping = threading.Event()
        self._paused = threading.Lock()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run)
        self.jobs: list[str] = []

    def __enter__(self) -> Load:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()
        if self._error is not None:
            raise self._error

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Submit no job during the block."""
        with self._paused:
            yield

    def _run(self) -> None:
        try:
            while not self._stopping.wait(_LOAD_PAUSE_SECONDS):
                with self._paused:
                    self.jobs.append(self._client.submit(f"echo {len(self.jobs)}"))
        except BaseException as e:  # noqa: BLE001 - raised at the end of the block
            self._error = e


def host_of(job: dict[str, Any]) -> str:
    """Return the host of the worker that runs or ran a job, or an empty string."""
    return str(job.get("worker") or "").partition(":")[0]
