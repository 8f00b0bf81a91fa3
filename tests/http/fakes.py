"""The ports, filled in memory: a second, small implementation beside the one on Redis, with the worker's side too."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from app.core.callers import ApiKey, Caller, NewApiKey
from app.core.errors import InvalidRequest, JobNotFound, NotFound, QueueFull, RateLimited, StoreUnavailable
from app.core.events import AttemptStarted, Event, JobFinished, LoggedEvent, Output, PhaseStarted, Stream
from app.core.job_input import Input, InputKind
from app.core.languages import HostLanguages, LanguageInfo, index_languages
from app.core.limits import LimitOverrides
from app.core.metrics import Meter, Sample
from app.core.outcomes import Outcome, PhaseReport, StopReason
from app.core.rate_limit import RateLimit
from app.core.results import JobPage, JobRecord, JobResult, JobSummary, QueuePosition, Usage
from app.core.states import JobState
from app.core.submission import NewJob
from app.core.tiers import Priority
from app.store.stats import DeadMessage, QueueStats, WorkerStats
from app.store.submission import Receipt

__all__ = ["PYTHON", "InMemoryAdmissions", "InMemoryApiKeys", "InMemoryJobs", "InMemoryLanguages", "phase_report"]

PYTHON = LanguageInfo(
    id="python",
    name="Python",
    file_name="main.py",
    aliases=("py", "python3"),
    version="3.11.2",
    limits=LimitOverrides(wall_seconds=20),
    template="print('hello')\n",
    piston=("python", "py", "py3", "python3"),
)
START_MS = 1_700_000_000_000


def phase_report(name: str = "run", **changes: Any) -> PhaseReport:
    """A phase that went well, but for the changes."""
    report = PhaseReport(
        name=name,
        exit_code=0,
        signal=None,
        stopped_by=StopReason.NONE,
        start_error=None,
        wall_seconds=0.02,
        cpu_seconds=0.01,
        memory_peak_bytes=8_000_000,
        oom_kills=0,
        stdout_bytes=0,
        stderr_bytes=0,
        stdout_truncated=False,
        stderr_truncated=False,
    )
    return msgspec.structs.replace(report, **changes)


class EventWatch:
    """Woken by an event; ``deaf`` loses every wake-up, ``patient`` never times out."""

    def __init__(self, deaf: bool, patient: bool) -> None:
        self._event = asyncio.Event()
        self._deaf = deaf
        self._patient = patient

    def wake(self) -> None:
        if not self._deaf:
            self._event.set()

    async def wait(self, timeout_seconds: float) -> None:
        try:
            await asyncio.wait_for(self._event.wait(), None if self._patient else timeout_seconds)
        except TimeoutError:
            return
        self._event.clear()


class InMemoryJobs:
    """In place of app.store.jobs.JobStore; the methods below the line are what a worker does."""

    def __init__(self) -> None:
        #: Asked about jobs that come with an Entrance.
        self.admissions = InMemoryAdmissions(10**9)
        self.records: dict[str, JobRecord] = {}
        self.logs: dict[str, list[LoggedEvent]] = {}
        self.inputs: dict[str, list[Input]] = {}
        self.artifacts: dict[str, dict[str, bytes]] = {}
        self.watches: dict[str, list[EventWatch]] = {}
        self.down = False
        self.full = False
        self.deaf = False
        self.patient = False
        self.when_submitted: Callable[[NewJob], None] = lambda job: None
        self._changed = asyncio.Event()

    @property
    def rate_limiter(self) -> InMemoryAdmissions:
        return self.admissions

    async def submit(self, job: NewJob, caller: Caller) -> Receipt:
        self._check()
        rate_limit = await self.admissions.charge(caller)
        if self.full:
            raise QueueFull(retry_after_seconds=7)
        self.records[job.id] = JobRecord(
            id=job.id,
            state=JobState.QUEUED,
            spec=job.spec,
            owner=job.owner,
            request_id=job.request_id,
            created_at_ms=job.created_at_ms,
            priority=job.priority,
            labels=job.labels,
            foreign=job.foreign,
        )
        self.logs[job.id] = []
        self.inputs[job.id] = []
        self.when_submitted(job)
        self._wake(job.id)
        return Receipt(job.id, True, rate_limit)

    async def get(self, job_id: str) -> JobRecord:
        self._check()
        if job_id not in self.records:
            raise JobNotFound(job_id)
        return self.records[job_id]

    async def events(self, job_id: str, after: str | None, count: int = 100) -> list[LoggedEvent]:
        self._check()
        if after is not None and not after.isdigit():
            raise InvalidRequest("after", "must be a cursor that an event carried")
        start = 0 if after is None else int(after)
        return self.logs.get(job_id, [])[start : start + count]

    async def artifact(self, job_id: str, name: str) -> bytes:
        self._check()
        if name not in self.artifacts.get(job_id, {}):
            raise NotFound("there is no such file")
        return self.artifacts[job_id][name]

    @asynccontextmanager
    async def watch(self, job_id: str, end_only: bool = False) -> AsyncIterator[EventWatch]:
        watch = EventWatch(self.deaf, self.patient)
        self.watches.setdefault(job_id, []).append(watch)
        self._note()
        try:
            yield watch
        finally:
            self.watches[job_id].remove(watch)
            self._note()

    async def send(self, job_id: str, item: Input) -> None:
        record = await self.get(job_id)
        if record.state is JobState.FINISHED:
            return
        if item.kind is InputKind.CANCEL and record.state is JobState.QUEUED:
            self.finish(job_id, outcome=Outcome.CANCELLED, message="cancelled", usage=None, phases=())
            return
        self.inputs[job_id].append(item)
        self._note()

    async def position(self, job_id: str, priority: Priority) -> QueuePosition | None:
        queued = [record.id for record in self.records.values() if record.state is JobState.QUEUED]
        if job_id not in queued:
            return None
        return QueuePosition(before=queued.index(job_id), estimated_wait_seconds=None)

    async def page(self, owner: str, after: str | None, count: int, wanted: Callable[[JobSummary], bool]) -> JobPage:
        raise NotImplementedError("lists are tested on the real store")

    async def delete(self, job: JobRecord) -> None:
        raise NotImplementedError("deletion is tested on the real store")

    async def ping(self) -> None:
        self._check()

    # ------------------------------------------------------------------------------------------------------------------

    def start(self, job_id: str, attempt: int = 1) -> None:
        """A worker has it."""
        self.change(job_id, state=JobState.RUNNING, attempt=attempt, worker="w1", started_at_ms=START_MS + 250)
        self.log(job_id, AttemptStarted(attempt))

    def phase(self, job_id: str, name: str = "run") -> None:
        """A phase begins."""
        self.log(job_id, PhaseStarted(name))

    def write(self, job_id: str, data: bytes, stream: Stream = Stream.STDOUT) -> None:
        """The program wrote."""
        self.log(job_id, Output(stream, data))

    def finish(self, job_id: str, **changes: Any) -> None:
        """The job ended well, but for the changes to its result."""
        usage = Usage(wall_seconds=0.02, cpu_seconds=0.01, memory_peak_bytes=8_000_000, oom_killed=False)
        result = JobResult(
            outcome=Outcome.OK,
            exit_code=0,
            message="exited normally",
            usage=usage,
            phases=(phase_report(),),
            version="3.11.2",
        )
        result = msgspec.structs.replace(result, **changes)
        self.change(job_id, state=JobState.FINISHED, finished_at_ms=START_MS + 300, result=result)
        self.log(job_id, JobFinished(result))

    def run(self, job_id: str, stdout: bytes = b"") -> None:
        """All of it at once."""
        self.start(job_id)
        self.phase(job_id)
        if stdout:
            self.write(job_id, stdout)
        self.finish(job_id)

    def log(self, job_id: str, event: Event) -> None:
        """Append; the cursor is the number of events so far."""
        log = self.logs[job_id]
        log.append(LoggedEvent(str(len(log) + 1), event))
        self._wake(job_id)

    async def until(self, condition: Callable[[InMemoryJobs], bool]) -> None:
        """Wait for something that the gateway will do."""
        while not condition(self):
            self._changed.clear()
            await self._changed.wait()

    def viewers(self, job_id: str) -> int:
        """How many watch it now."""
        return len(self.watches.get(job_id, []))

    def change(self, job_id: str, **changes: Any) -> None:
        """Set fields of the record."""
        self.records[job_id] = msgspec.structs.replace(self.records[job_id], **changes)

    def _wake(self, job_id: str) -> None:
        for watch in self.watches.get(job_id, []):
            watch.wake()
        self._note()

    def _note(self) -> None:
        self._changed.set()

    def _check(self) -> None:
        if self.down:
            raise StoreUnavailable("no answer from 10.1.2.3:6379")


class InMemoryLanguages:
    """In place of app.store.languages.LanguageStore."""

    def __init__(self, *languages: LanguageInfo) -> None:
        self._languages = languages

    async def accepted(self) -> Mapping[str, LanguageInfo]:
        return index_languages(self._languages)

    async def installed(self) -> Sequence[LanguageInfo]:
        return self._languages

    async def hosts(self) -> Sequence[HostLanguages]:
        return (HostLanguages(host="here", last_seen_seconds_ago=0, languages=self._languages),)


class InMemoryApiKeys:
    """Implements app.core.callers.ApiKeys; the text of a key is its name."""

    def __init__(self) -> None:
        self.keys: dict[str, ApiKey] = {}
        self.tickets: dict[str, str] = {}

    async def find(self, text: str) -> ApiKey | None:
        return self.keys.get(text)

    async def create(self, name: str, tier: str, is_admin: bool, now_ms: int) -> NewApiKey:
        self.keys[name] = ApiKey(id=name, name=name, tier=tier, is_admin=is_admin, created_at_ms=now_ms)
        return NewApiKey(key=self.keys[name], text=name, webhook_secret="whsec")

    async def list(self) -> Sequence[ApiKey]:
        return tuple(self.keys.values())

    async def revoke(self, key_id: str) -> bool:
        return self.keys.pop(key_id, None) is not None

    async def issue_ticket(self, key_id: str) -> str:
        ticket = f"ticket-{len(self.tickets)}"
        self.tickets[ticket] = key_id
        return ticket

    async def redeem_ticket(self, ticket: str) -> ApiKey | None:
        return self.keys.get(self.tickets.pop(ticket, ""))


class NoMetrics:
    """In the place of app.core.metrics.MetricStore, which is tested on the real store."""

    async def publish(self, meter: Meter) -> None:
        meter.take_increments()

    async def read(self) -> dict[Sample, float]:
        return {}


class NoAdministration:
    """In the place of app.core.admin.Administration, which is tested on the real store."""

    async def queues(self) -> Sequence[QueueStats]:
        raise NotImplementedError

    async def workers(self) -> Sequence[WorkerStats]:
        raise NotImplementedError

    async def dead_letters(self, queue: str, count: int, before: str | None) -> Sequence[DeadMessage]:
        raise NotImplementedError

    async def dead_letter(self, queue: str, dead_letter_id: str) -> DeadMessage:
        raise NotImplementedError

    async def replay(self, queue: str, dead_letter_id: str) -> None:
        raise NotImplementedError

    async def drop(self, queue: str, dead_letter_id: str) -> None:
        raise NotImplementedError


class InMemoryAdmissions:
    """In place of app.store.rate_limits.RateLimiter: so many tokens, never refilled."""

    def __init__(self, tokens: int) -> None:
        self.limit = tokens
        self.taken: list[str] = []

    async def charge(self, caller: Caller) -> RateLimit:
        taken = len(self.taken) < self.limit
        self.taken += [caller.account] * taken
        rate_limit = RateLimit(limit=self.limit, remaining=self.limit - len(self.taken), reset_seconds=9.2)
        if not taken:
            raise RateLimited(2.4, rate_limit)
        return rate_limit

    def check_cached_rejection(self, caller: Caller) -> None:
        return None
