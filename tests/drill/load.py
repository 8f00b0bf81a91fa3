"""What runs while things break: jobs of some kinds, submitted by clients that try again until they are told yes."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

import httpx

__all__ = ["Load", "Program"]

_ANSWER_SECONDS = 5.0
_PAUSE_SECONDS = 0.2
_CLIENTS = 3


@dataclass(frozen=True)
class Program:
    """A Bash program, and what it prints."""

    source: str
    printed: bytes


def _quick(number: int) -> Program:
    return Program(f"echo {number}", b"%d\n" % number)


def _slow(number: int) -> Program:
    lines = b"".join(b"%d.%d\n" % (number, line) for line in range(1, 13))
    return Program(f"for i in {{1..12}}; do echo {number}.$i; sleep 0.1; done", lines)


def _loud(number: int) -> Program:
    lines = b"".join(b"%d.%05d\n" % (number, line) for line in range(1, 12_001))
    return Program(f"for i in {{00001..12000}}; do echo {number}.$i; done", lines)


def _failing(number: int) -> Program:
    return Program(f"echo {number}; exit 3", b"%d\n" % number)


_KINDS: tuple[Callable[[int], Program], ...] = (_quick, _slow, _quick, _loud, _quick, _failing, _quick, _slow)


class Load:
    """Jobs of three clients, until it is to finish. Each submission has a name: to try again makes no second job.

    Parameters:
        at_least: so many jobs, however soon it is to finish.
        pause_seconds: between two jobs of a client.
        patience_seconds: after which a client gives up one submission, which is a failure of the drill.

    Attributes:
        accepted: job id -> its program.
        refusals: answers and broken connections after which a client tried again.
    """

    def __init__(self, url: str, at_least: int, *, pause_seconds: float = 1.0, patience_seconds: float = 90.0) -> None:
        self._url = url
        self._at_least = at_least
        self._pause_seconds = pause_seconds
        self._patience_seconds = patience_seconds
        self._numbers = count()
        self._asked = 0
        self._finishing = threading.Event()
        self._name = secrets.token_hex(4)
        self.accepted: dict[str, Program] = {}
        self.refusals = 0
        self._threads = [threading.Thread(target=self._submit_all, daemon=True) for _ in range(_CLIENTS)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    @property
    def is_running(self) -> bool:
        return any(thread.is_alive() for thread in self._threads)

    def finish(self) -> None:
        """What is still to be submitted is submitted at once; then it ends."""
        self._finishing.set()

    def join(self) -> None:
        """Wait until everything is accepted. Raises AssertionError when a client gave up."""
        for thread in self._threads:
            thread.join()
        assert len(self.accepted) == self._asked, f"{len(self.accepted)} of {self._asked} jobs were accepted"

    def _submit_all(self) -> None:
        with httpx.Client(base_url=self._url, timeout=_ANSWER_SECONDS, trust_env=False) as client:
            while not (self._finishing.is_set() and self._asked >= self._at_least):
                number = next(self._numbers)
                self._asked = max(self._asked, number + 1)
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
                answer = client.post("/v1/jobs", json=body, headers=headers)
            except httpx.TransportError:
                self.refusals += 1
                time.sleep(_PAUSE_SECONDS)
                continue
            if answer.is_success:
                return str(answer.json()["id"])
            assert answer.status_code in (429, 502, 503), answer.text
            self.refusals += 1
            time.sleep(_PAUSE_SECONDS)
        return None
