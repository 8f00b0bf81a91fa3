"""The load of a drill: clients that submit jobs and retry until each is accepted."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

import httpx

__all__ = ["Load", "Program"]

_RESPONSE_SECONDS = 5.0
_PAUSE_SECONDS = 0.2
_CLIENTS = 3


@dataclass(frozen=True)
class Program:
    """A Bash program and its standard output."""

    source: str
    printed: bytes


def _quick(number: int) -> Program:
    return Program(f"echo {number}", b"%d\n" % number)


def _slow(number: int) -> Program:
    lines = b"".join(b"%d.%d\n" % (number, line) for line in range(1, 13))
    return Program(f"for i in {{1..12}}; do echo {number}.$i; sleep 0.1; done", lines)


def _verbose(number: int) -> Program:
    lines = b"".join(b"%d.%05d\n" % (number, line) for line in range(1, 12_001))
    return Program(f"for i in {{00001..12000}}; do echo {number}.$i; done", lines)


def _failing(number: int) -> Program:
    return Program(f"echo {number}; exit 3", b"%d\n" % number)


_KINDS: tuple[Callable[[int], Program], ...] = (_quick, _slow, _quick, _verbose, _quick, _failing, _quick, _slow)


class Load:
    """Three clients that submit jobs until ``finish`` is called. Each submission has an idempotency key.

    Args:
        url: URL of the gateway.
        at_least: Minimum number of jobs.
        pause_seconds: Pause of a client between two jobs.
        timeout_seconds: After this time, a client gives up a submission, and the drill fails.

    Attributes:
        accepted: Program by job id.
        rejections: Number of responses and broken connections after which a client retried.
    """

    def __init__(self, url: str, at_least: int, *, pause_seconds: float = 1.0, timeout_seconds: float = 90.0) -> None:
        self._url = url
        self._at_least = at_least
        self._pause_seconds = pause_seconds
        self._patience_seconds = timeout_seconds
        self._numbers = count()
        self._submitted = 0
        self._finishing = threading.Event()
        self._name = secrets.token_hex(4)
        self.accepted: dict[str, Program] = {}
        self.rejections = 0
        self._threads = [threading.Thread(target=self._submit_all, daemon=True) for _ in range(_CLIENTS)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    @property
    def is_running(self) -> bool:
        return any(thread.is_alive() for thread in self._threads)

    def finish(self) -> None:
        """Submit the remaining jobs without pauses, then stop."""
        self._finishing.set()

    def join(self) -> None:
        """Wait until all jobs are accepted. Raises AssertionError if a client has given up."""
        for thread in self._threads:
            thread.join()
        assert len(self.accepted) == self._submitted, f"{len(self.accepted)} of {self._submitted} jobs were accepted"

    def _submit_all(self) -> None:
        with httpx.Client(base_url=self._url, timeout=_RESPONSE_SECONDS, trust_env=False) as client:
            while not (self._finishing.is_set() and self._submitted >= self._at_least):
                number = next(self._numbers)
                self._submitted = max(self._submitted, number + 1)
                program = _KINDS[number % len(_KINDS)](number)
                if (job_id := self._submit(client, number, program)) is None:
                    return
                self.accepted[job_id] = program
                self._finishing.wait(self._pause_seconds)

    def _submit(self, client: httpx.Client, number: int, program: Program) -> str | None:
        body = {"language": "bash", "source": program.source, "priority": "batch" if number % 3 == 0 else "interactive"}
        headers = {"Idempotency-Key": f"{self._name}-{number}"}
        deadline = time.monotonic() + self._patience_seconds
        while time.monotonic() < deadline:
            try:
                response = client.post("/v1/jobs", json=body, headers=headers)
            except httpx.TransportError:
                self.rejections += 1
                time.sleep(_PAUSE_SECONDS)
                continue
            if response.is_success:
                return str(response.json()["id"])
            assert response.status_code in (429, 502, 503), response.text
            self.rejections += 1
            time.sleep(_PAUSE_SECONDS)
        return None
