"""The actor that runs a job: it claims the job, runs it in a sandbox, writes its output and commits one result."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import cast

import structlog
from dramatiq.middleware import CurrentMessage

from app.actors.job_delivery import JobDelivery
from app.actors.job_output import JobSink, OutputLogWriter
from app.actors.job_sandbox import JobSandbox
from app.actors.job_workspace import JobWorkspace
from app.actors.judging.judged_run import JudgedRun, JudgingServices
from app.actors.local_files import local_files
from app.broker import Effect, StreamMessage, StreamsBroker
from app.core.errors import (
    BlobNotFound,
    FileStorageUnavailable,
    ImageMissing,
    InfrastructureError,
    OwnershipLost,
    SandboxUnavailable,
)
from app.core.execution.sandbox import Sandbox
from app.core.job.job_input import Input, InputKind
from app.core.job.results import JobResult
from app.core.outcomes import Outcome
from app.core.states import IllegalTransition, JobEvent, JobState, transition
from app.files.cache import FileCache
from app.store.jobs.effects import JobEffects, is_cancelled, read_claim
from app.store.jobs.job_input import JobInbox, JobInputs
from app.store.jobs.records import Claim, decode_spec
from app.store.workspaces.workspace_jobs import WorkspaceJobs
from app.telemetry.metrics import Meter
from app.telemetry.spans import annotate

__all__ = ["JobRunner"]

_log = structlog.get_logger(__name__)
_CANCELLED_BEFORE_START = JobResult(outcome=Outcome.CANCELLED, message="cancelled before it started")
_CANCELLED_BETWEEN_ATTEMPTS = JobResult(outcome=Outcome.CANCELLED, message="cancelled between two attempts to run it")
_WORKSPACE_EXPIRED = JobResult(
    outcome=Outcome.INFRASTRUCTURE_ERROR, message="the workspace expired before the job started"
)
# Another worker may be able to run a released job at once. The message of a job of a missing image, of which there may
# be many, is fetched less often.
_MIN_RELEASE_DELAY_MS = 1_000
_MAX_RELEASE_DELAY_MS = 5_000
_MAX_IMAGE_DELAY_MS = 30_000
_MIN_WORKSPACE_DELAY_MS = 50
_MAX_WORKSPACE_DELAY_MS = 500


class JobRunner:
    """Runs jobs for one worker process, in any number of threads.

    Everything the program does is a result. ``run`` raises InfrastructureError if a started job was lost by a fault of
    Pyxec; the retry middleware then enqueues the job again, or dead-letters it after the last attempt. A job for which
    this host cannot provide a container is released: it uses no retry, and no attempt if it was not started.

    Args:
        broker: Broker of the worker; all writes are fenced by the lease of the message.
        effects: Redis commands that record the progress of a job.
        sandbox: Runs the program.
        inputs: Delivers stdin, signals and cancellation to running jobs.
        file_cache: Provides the files that jobs refer to.
        workspaces: Provides the files of workspaces, and stores what jobs leave in them.
        now_ms: Clock, Unix time in milliseconds.
        meter: Counts jobs and their durations.
    """

    def __init__(
        self,
        broker: StreamsBroker,
        effects: JobEffects,
        sandbox: Sandbox,
        inputs: JobInputs,
        file_cache: FileCache,
        workspaces: WorkspaceJobs,
        now_ms: Callable[[], int],
        meter: Meter,
    ) -> None:
        self._broker = broker
        self._effects = effects
        self._sandbox = sandbox
        self._inputs = inputs
        self._file_cache = file_cache
        self._workspaces = workspaces
        self._now_ms = now_ms
        self._meter = meter
        self._judging = JudgingServices(lambda: broker.deliveries.limit.max_held or 1)

    def run(self, job_id: str) -> None:
        """Run the job of the message that the current Dramatiq thread processes.

        Raises:
            InfrastructureError: The sandbox or Redis failed.
        """
        delivery = JobDelivery(self._broker, cast(StreamMessage, CurrentMessage.get_current_message()))
        fields: dict[str, str | int] = {
            "job_id": job_id,
            "attempt": delivery.message.attempt,
            "worker": self._broker.consumer_name,
        }
        annotate(**fields)
        # Bound for the log events of the sandbox as well. The request id is known only after the record was read.
        with structlog.contextvars.bound_contextvars(**fields, request_id=None):
            try:
                with self._inputs.open(job_id) as inbox:
                    delivery.message.finish_with(self._run_attempt(job_id, delivery, inbox))
            except OwnershipLost:
                # Another worker owns the job. The broker rejects the finish of this delivery as well.
                _log.warning("job_fenced")
            except InfrastructureError as e:
                _log.warning("job_attempt_failed", error=f"{type(e).__name__}: {e}")
                self._meter.count("pyxec_job_attempts_failed_total", type(e).__name__)
                raise

    def _run_attempt(self, job_id: str, delivery: JobDelivery, inbox: JobInbox) -> Sequence[Effect]:
        """Run the job unless it was cancelled or has expired.

        Returns:
            The effects that the finish of the message writes.
        """
        worker = self._broker.consumer_name
        claim = read_claim(delivery.commit(self._effects.claim(job_id, worker)))
        # A worker of an earlier version did not mark its delivery as started, so that the delivery was not counted.
        attempt = max(delivery.message.attempt, claim.attempts + 1)
        annotate(attempt=attempt)
        structlog.contextvars.bind_contextvars(request_id=claim.request_id, attempt=attempt)
        if claim.spec is None or not _is_startable(claim):
            return self._effects.unclaim(job_id)
        if claim.cancel_requested:
            return self._effects.finish(job_id, _cancelled_result(claim), self._now_ms(), claim=claim)
        log = OutputLogWriter(job_id, claim.owner, delivery, self._effects)

        def record_start() -> None:
            log.start(attempt, worker, self._now_ms())
            self._observe_queue_time(claim)
            if claim.has_input:
                self._inputs.wake(job_id)

        # The result will be rejected, so that the program is stopped at once.
        delivery.message.on_lease_lost(lambda: inbox.put(Input(InputKind.CANCEL)))
        spec = decode_spec(claim.spec)
        sink = JobSink(log)
        sandbox = JobSandbox(self._sandbox, job_id, attempt, claim.account)
        job_workspace: JobWorkspace | None = None
        effects: Sequence[Effect] = ()
        try:
            if spec.workspace is not None:
                job_workspace = JobWorkspace.take(self._workspaces, spec, job_id)
                if job_workspace is None:
                    return self._wait_for_workspace(job_id, delivery, claim)
                spec = job_workspace.spec
        except KeyError:
            return self._effects.finish(job_id, _WORKSPACE_EXPIRED, self._now_ms(), claim=claim)
        except InfrastructureError as e:
            return self._release(job_id, delivery, claim, e)
        try:
            with local_files(spec, self._file_cache, lambda: inbox.is_cancelled) as local_spec:
                if local_spec is not spec and inbox.is_cancelled:  # while the files were fetched
                    return self._effects.finish(job_id, _cancelled_result(claim), self._now_ms(), claim=claim)
                with self._measure_run(), sink.spans, self._judging.slots.open() as slots:
                    judged = JudgedRun(sandbox, local_spec, sink, inbox, self._judging, slots)
                    result, artifacts = judged.run(record_start)
            if job_workspace is not None:
                result, effects = job_workspace.write(self._workspaces, result, artifacts, delivery.commit)
                artifacts = ()
        except OwnershipLost:
            raise
        except InfrastructureError as e:
            if not log.is_started and not isinstance(e, BlobNotFound):
                return self._release(job_id, delivery, claim, e)
            if isinstance(e, SandboxUnavailable):
                return self._release(job_id, delivery, dataclasses.replace(claim, state=JobState.RUNNING), e)
            # If the job becomes a dead letter, its output is kept.
            with suppress(InfrastructureError):
                log.flush()
            raise
        annotate(language=spec.language, outcome=result.outcome.value, request_id=claim.request_id)
        _log.info("job_ended", language=spec.language, outcome=result.outcome.value)
        self._count_result(spec.language, result)
        finish = self._effects.finish(job_id, result, self._now_ms(), claim=claim, artifacts=artifacts)
        return [*log.take_effects(), *finish, *effects]

    def _wait_for_workspace(self, job_id: str, delivery: JobDelivery, claim: Claim) -> Sequence[Effect]:
        """Return a job to the queue whose workspace is used by an earlier job. It uses neither a retry nor a slot.

        Returns:
            The effects that finish the job if it was cancelled since its claim.
        """
        if is_cancelled(delivery.commit(self._effects.release(job_id, claim, delivery.message.lane.value))):
            finish = self._effects.finish(job_id, _cancelled_result(claim), self._now_ms(), claim=claim)
            return [*self._effects.leave_queue(job_id), *finish]
        waited_ms = self._now_ms() - delivery.message.created_ms
        delay_ms = min(_MAX_WORKSPACE_DELAY_MS, max(_MIN_WORKSPACE_DELAY_MS, waited_ms // 8))
        delivery.message.release_later(delay_ms, was_started=False)
        return ()

    def _release(
        self, job_id: str, delivery: JobDelivery, claim: Claim, error: InfrastructureError
    ) -> Sequence[Effect]:
        """Return a job to the queue for which this host has no container. It uses no retry.

        The delay is a quarter of the time that the job has waited, within limits: the message has no counter.

        Args:
            job_id: The job.
            delivery: Its delivery.
            claim: Its claim. Its state is RUNNING if the job was started, in this attempt or an earlier one.
            error: Why there is no container.

        Returns:
            The effects that finish the job if it was cancelled since its claim.
        """
        if is_cancelled(delivery.commit(self._effects.release(job_id, claim, delivery.message.lane.value))):
            finish = self._effects.finish(job_id, _cancelled_result(claim), self._now_ms(), claim=claim)
            return [*self._effects.leave_queue(job_id), *finish]
        is_missing = any(isinstance(cause, ImageMissing) for cause in (error, error.__cause__))
        max_delay_ms = _MAX_IMAGE_DELAY_MS if is_missing else _MAX_RELEASE_DELAY_MS
        waited_ms = self._now_ms() - delivery.message.created_ms
        delay_ms = min(max_delay_ms, max(_MIN_RELEASE_DELAY_MS, waited_ms // 4))
        delivery.message.release_later(delay_ms, was_started=isinstance(error, SandboxUnavailable))
        reason = "file-storage-unavailable" if isinstance(error, FileStorageUnavailable) else "launch-failed"
        self._meter.count("pyxec_jobs_released_total", "image-missing" if is_missing else reason)
        error_text = f"{type(error).__name__}: {error}"
        _log.warning("job_released", error=error_text, retry_in_seconds=delay_ms / 1000)
        return ()

    def _observe_queue_time(self, claim: Claim) -> None:
        """Measure the time in the queue of a first attempt."""
        if claim.state is JobState.QUEUED and claim.created_at_ms is not None:
            queued_ms = self._now_ms() - claim.created_at_ms
            self._meter.observe("pyxec_job_queue_seconds", max(0, queued_ms) / 1000)

    @contextmanager
    def _measure_run(self) -> Iterator[None]:
        started = time.monotonic()
        self._meter.add("pyxec_sandboxes_running", 1)
        try:
            yield
        finally:
            self._meter.add("pyxec_sandboxes_running", -1)
            self._meter.observe("pyxec_job_run_seconds", time.monotonic() - started)

    def _count_result(self, language: str, result: JobResult) -> None:
        self._meter.count("pyxec_jobs_total", result.outcome.value, language)
        if any(phase.stdout_truncated or phase.stderr_truncated for phase in result.phases):
            self._meter.count("pyxec_output_truncated_total")


def _is_startable(claim: Claim) -> bool:
    """Whether the job may start: not if it was cancelled or has expired while it was queued."""
    try:
        transition(claim.state, JobEvent.START)
    except IllegalTransition:
        return False
    return True


def _cancelled_result(claim: Claim) -> JobResult:
    return _CANCELLED_BEFORE_START if claim.state is JobState.QUEUED else _CANCELLED_BETWEEN_ATTEMPTS
