"""Who submits jobs to a service of several hosts: one by one or as a load, and what came of them."""

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

__all__ = ["THREADS", "WORKER_HOSTS", "Load", "Visitor", "host_of"]

WORKER_HOSTS = ("host-a", "host-b")
# Jobs that a host runs at a time.
THREADS = 2
_LOAD_PAUSE_SECONDS = 0.4
_PATIENCE_SECONDS = 60.0
_REFUSED = (429, 503)


class Visitor:
    """Remembers every job that was accepted, and what it was told instead. ``http`` is where it asks; it may be another
    one from call to call."""

    http: httpx.Client

    def __init__(self) -> None:
        self.accepted: list[str] = []
        self.refused: list[str] = []

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
            try:
                answer = self.http.post("/v1/jobs", json=body, headers={"Idempotency-Key": key})
            except httpx.TransportError as e:
                self.refused.append(str(e))
            else:
                if answer.status_code not in _REFUSED:
                    assert answer.status_code in (200, 202), answer.text
                    self.accepted.append(answer.json()["id"])
                    return self.accepted[-1]
                self.refused.append(answer.text)
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
        return {host: job for job in begun if (host := host_of(self.job(job)))}

    def violations(self) -> list[str]:
        """One line for each broken promise, once everything accepted so far has come to its end."""
        outcomes = {job_id: self.finished(job_id)["outcome"] for job_id in self.accepted}
        ends = {job_id: sum(event["type"] == "finished" for event in self.events(job_id)) for job_id in self.accepted}
        finished = [job_id for job_id, count in ends.items() for _ in range(count)]
        wrong = [f"{job_id} ended as {outcome}" for job_id, outcome in outcomes.items() if outcome != "ok"]
        return [*violations(History(self.accepted, finished, [], left=0)), *wrong]


class Load:
    """Short jobs, one after the other, for as long as the block lasts. What they were is in the visitor's history."""

    def __init__(self, visitor: Visitor) -> None:
        self._visitor = visitor
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
                    self.jobs.append(self._visitor.submit(f"echo {len(self.jobs)}"))
        except BaseException as e:  # noqa: BLE001 - told where the block ends
            self._error = e


def host_of(job: dict[str, Any]) -> str:
    """The host of the worker that a job was run by; empty when there is none yet."""
    return str(job.get("worker") or "").partition(":")[0]
