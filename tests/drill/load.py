"""The load of a drill: clients that submit jobs and retry until each is accepted."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count

import httpx

__all__ = ["DEFAULT_KINDS", "Load", "Program", "ProgramKind", "print_slowly_for", "print_text", "run_python"]

_RESPONSE_SECONDS = 5.0
_PAUSE_SECONDS = 0.2
_CLIENTS = 3
# On a busy machine, a program takes several times as long. None may be stopped at the default limit.
_WALL_SECONDS = 50
# After a job was accepted, its client reads the job that was accepted this many jobs before.
_READ_JOBS_BEFORE = 8


@dataclass(frozen=True)
class Program:
    """A program and its standard output.

    Attributes:
        kind: Name of the kind of the program.
        source: Source code.
        printed: Standard output of one complete run.
        language: Language of the source code.
    """

    kind: str
    source: str
    printed: bytes
    language: str = "bash"


#: Returns the program with a number.
ProgramKind = Callable[[int], Program]


def print_text(number: int) -> Program:
    return Program("text", f"echo {number}", b"%d\n" % number)


def print_slowly_for(seconds: float) -> ProgramKind:
    """Return a kind of programs that print a line every 0.1 s."""
    count_lines = round(seconds * 10)

    def create(number: int) -> Program:
        lines = b"".join(b"%d.%d\n" % (number, line) for line in range(1, count_lines + 1))
        source = f"for i in {{1..{count_lines}}}; do echo {number}.$i; sleep 0.1; done"
        return Program(f"{seconds:g} s", source, lines)

    return create


def _print_a_lot(number: int) -> Program:
    lines = b"".join(b"%d.%05d\n" % (number, line) for line in range(1, 12_001))
    return Program("100 kB", f"for i in {{00001..12000}}; do echo {number}.$i; done", lines)


def _fail(number: int) -> Program:
    return Program("failing", f"echo {number}; exit 3", b"%d\n" % number)


def run_python(number: int) -> Program:
    return Program("python", f"print({number})", b"%d\n" % number, "python")


_PRINT_SLOWLY = print_slowly_for(1.2)
DEFAULT_KINDS: Sequence[ProgramKind] = (
    print_text, _PRINT_SLOWLY, print_text, _print_a_lot, print_text, _fail, print_text, _PRINT_SLOWLY
)  # fmt: skip


class Load:
    """Three clients that submit jobs until ``finish`` is called. Each submission has an idempotency key.

    Args:
        url: URL of the gateway.
        at_least: Minimum number of jobs.
        kinds: Kinds of the programs, in turn.
        pause_seconds: Pause of a client between two jobs.
        timeout_seconds: After this time, a client gives up a submission, and the drill fails.

    Attributes:
        accepted: Program by job id.
        seen: Outcome and attempt of finished jobs that clients have read, by job id.
        rejections: Number of responses and broken connections after which a client retried.
        pause_seconds: See above. It can be changed at any time.
    """

    def __init__(
        self,
        url: str,
        at_least: int,
        kinds: Sequence[ProgramKind] = DEFAULT_KINDS,
        *,
        pause_seconds: float = 1.0,
        timeout_seconds: float = 90.0,
    ) -> None:
        self._url = url
        self._at_least = at_least
        self._kinds = kinds
        self._patience_seconds = timeout_seconds
        self._numbers = count()
        self._submitted = 0
        self._finishing = threading.Event()
        self._name = secrets.token_hex(4)
        self.accepted: dict[str, Program] = {}
        self.seen: dict[str, tuple[str, int]] = {}
        self.rejections = 0
        self.pause_seconds = pause_seconds
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
                program = self._kinds[number % len(self._kinds)](number)
                if (job_id := self._submit(client, number, program)) is None:
                    return
                self.accepted[job_id] = program
                self._read_earlier_job(client)
                self._finishing.wait(self.pause_seconds)

    def _submit(self, client: httpx.Client, number: int, program: Program) -> str | None:
        priority = "batch" if number % 3 == 0 else "interactive"
        limits = {"wall_seconds": _WALL_SECONDS}
        body = {"language": program.language, "source": program.source, "priority": priority, "limits": limits}
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
            is_not_installed = "/problems/unknown-language" in response.text
            assert is_not_installed or response.status_code in (429, 502, 503), response.text
            self.rejections += 1
            time.sleep(_PAUSE_SECONDS)
        return None

    def _read_earlier_job(self, client: httpx.Client) -> None:
        """Read a job and keep its end, if it has finished. During a fault, the API may not respond."""
        job_ids = list(self.accepted)
        if len(job_ids) <= _READ_JOBS_BEFORE or (job_id := job_ids[-_READ_JOBS_BEFORE]) in self.seen:
            return
        try:
            response = client.get(f"/v1/jobs/{job_id}")
        except httpx.TransportError:
            return
        if response.is_success and (job := response.json())["status"] == "finished":
            self.seen[job_id] = job["outcome"], job["attempt"]
