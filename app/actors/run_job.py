"""The actor that runs a job: claim it, run it in a sandbox, stream its output, commit its one result."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

import structlog
from dramatiq.middleware import CurrentMessage

from app.actors.job_metrics import JobMetrics
from app.broker import BrokerUnavailable, Effect, LeaseLost, StreamMessage, StreamsBroker
from app.core.artifacts import ArtifactInfo
from app.core.case_checker import CaseChecker
from app.core.errors import InfrastructureError, OwnershipLost
from app.core.events import Output, PhaseStarted
from app.core.job_input import Input, InputKind
from app.core.outcomes import Outcome, PhaseReport, judge
from app.core.results import JobResult, Usage
from app.core.sandbox import Sandbox, SandboxReport
from app.core.states import IllegalTransition, JobEvent, transition
from app.store.effects import JobEffects, read_claim
from app.store.job_input import JobInbox, JobInputs
from app.store.records import Claim, decode_spec
from app.telemetry.spans import Consecutive, annotate

__all__ = ["JobRunner"]

_log = structlog.get_logger(__name__)
_CANCELLED = JobResult(outcome=Outcome.CANCELLED, message="cancelled between two attempts to run it")


class JobRunner:
    """Runs jobs for one worker process, from as many threads as Dramatiq has.

    An InfrastructureError leaves ``run``: the retry middleware then has the job run again, or dead-lettered. Whatever
    the program does is a result.
    """

    def __init__(
        self,
        broker: StreamsBroker,
        effects: JobEffects,
        sandbox: Sandbox,
        inboxes: JobInputs,
        now_ms: Callable[[], int],
        figures: JobMetrics,
    ) -> None:
        self._broker = broker
        self._effects = effects
        self._sandbox = sandbox
        self._inboxes = inboxes
        self._now_ms = now_ms
        self._figures = figures

    def run(self, job_id: str) -> None:
        """The actor's body; only called by a Dramatiq worker."""
        delivery = _Delivery(self._broker, cast(StreamMessage, CurrentMessage.get_current_message()))
        worker, attempt = self._broker.consumer_name, delivery.attempt
        names: dict[str, str | int] = {"job_id": job_id, "attempt": attempt, "worker": worker}
        annotate(**names)
        # Every line that is logged on the way carries them, the sandbox's too; the request's id is in the record.
        with structlog.contextvars.bound_contextvars(**names, request_id=None):
            try:
                self._run(job_id, delivery)
            except OwnershipLost:
                # Another worker has the job. The broker refuses this delivery's finish as well; there is nothing to do.
                _log.warning("job_fenced")
            except InfrastructureError as e:
                _log.warning("job_attempt_failed", error=f"{type(e).__name__}: {e}")
                raise

    def _run(self, job_id: str, delivery: _Delivery) -> None:
        with self._inboxes.open(job_id) as inbox:
            delivery.message.finish_with(self._attempt(job_id, delivery, inbox))

    def _attempt(self, job_id: str, delivery: _Delivery, inbox: JobInbox) -> Sequence[Effect]:
        """Run the job, if it is to be run. Returns what its finish is to write."""
        worker = self._broker.consumer_name
        claim = read_claim(delivery.commit(self._effects.begin(job_id, delivery.attempt, worker, self._now_ms())))
        structlog.contextvars.bind_contextvars(request_id=claim.request_id)
        if claim.spec is None or not _may_start(claim):
            return self._effects.unclaim(job_id) if claim.left_traces else ()
        if claim.cancel_requested:
            return self._effects.finish(job_id, _CANCELLED, self._now_ms(), has_webhook=claim.has_webhook)
        self._figures.begun(claim, self._now_ms())
        delivery.commit(self._effects.attempt_started(job_id, delivery.attempt))
        if claim.has_input:
            self._inboxes.wake(job_id)
        # Nobody may wait for a program whose result will be refused.
        delivery.message.on_lease_lost(lambda: inbox.put(Input(InputKind.CANCEL)))
        spec = decode_spec(claim.spec)
        sink = _JobSink(job_id, delivery, self._effects, CaseChecker(spec.tests))
        with self._figures.running(), sink.spans:
            report = self._sandbox.run(job_id, delivery.attempt, spec, sink, inbox)
        result = _result(report, sink.checker)
        annotate(language=spec.language, outcome=result.outcome.value, request_id=claim.request_id)
        _log.info("job_ended", language=spec.language, outcome=result.outcome.value)
        self._figures.ended(spec.language, result)
        return self._effects.finish(
            job_id, result, self._now_ms(), artifacts=report.artifacts, has_webhook=claim.has_webhook
        )


class _Delivery:
    """One delivery of the message, with the broker's errors told in ours."""

    def __init__(self, broker: StreamsBroker, message: StreamMessage) -> None:
        self._broker = broker
        self.message = message
        self.attempt = message.attempt

    def commit(self, effects: Sequence[Effect]) -> list[Any]:
        """Write, if this delivery still owns the job; return the replies.

        Raises:
            OwnershipLost: nothing was written.
            InfrastructureError: Redis did not answer; it may have been written.
        """
        try:
            return self._broker.fenced(self.message, effects)
        except LeaseLost as e:
            raise OwnershipLost(str(e)) from e
        except BrokerUnavailable as e:
            raise InfrastructureError(f"Redis did not answer: {e}") from e


class _JobSink:
    """Implements app.core.sandbox.Sink: everything goes to the output log, fenced, and past the checker."""

    def __init__(self, job_id: str, delivery: _Delivery, effects: JobEffects, checker: CaseChecker) -> None:
        self._job_id = job_id
        self._delivery = delivery
        self._effects = effects
        self.checker = checker
        self.spans = Consecutive()

    def phase(self, name: str, test: str | None = None) -> None:
        """See the port."""
        self.checker.begin(test)
        self.spans.begin(name, **({} if test is None else {"test": test}))
        self._delivery.commit(self._effects.append(self._job_id, [PhaseStarted(name, test)]))

    def output(self, chunks: Sequence[Output]) -> None:
        """See the port."""
        self.checker.hear(chunks)
        self._delivery.commit(self._effects.output(self._job_id, chunks))


def _may_start(claim: Claim) -> bool:
    """Not when it was cancelled while it waited, or has even expired since."""
    try:
        transition(claim.state, JobEvent.START)
    except IllegalTransition:
        return False
    return True


def _result(report: SandboxReport, checker: CaseChecker) -> JobResult:
    if not report.phases:
        # Cancelled before its first phase was begun.
        return JobResult(outcome=Outcome.CANCELLED, message="cancelled", version=report.version)
    verdict = judge(report.phases)
    return JobResult(
        outcome=verdict.outcome,
        exit_code=verdict.exit_code,
        signal=verdict.signal,
        message=verdict.message,
        usage=_usage(report.phases),
        phases=report.phases,
        tests=checker.reports(report.phases),
        artifacts=tuple(ArtifactInfo(artifact.name, len(artifact.data)) for artifact in report.artifacts),
        artifacts_incomplete=report.artifacts_incomplete,
        version=report.version,
    )


def _usage(phases: Sequence[PhaseReport]) -> Usage:
    return Usage(
        wall_seconds=sum(phase.wall_seconds for phase in phases),
        cpu_seconds=sum(phase.cpu_seconds for phase in phases),
        memory_peak_bytes=max(phase.memory_peak_bytes for phase in phases),
        oom_killed=any(phase.oom_kills for phase in phases),
    )
