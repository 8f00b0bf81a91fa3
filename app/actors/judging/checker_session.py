"""The checker or interactor of a running job, in a sandbox of its own."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Self

import structlog

from app.actors.job_sandbox import JobSandbox
from app.actors.judging.checker_compiler import CheckerCompiler
from app.core.errors import InfrastructureError, SandboxUnavailable
from app.core.execution.budget import JobBudget
from app.core.execution.checker_job import MAX_MESSAGE_BYTES, CheckResult, read_check
from app.core.execution.sandbox import SandboxReport
from app.core.files import Content
from app.core.job.events import Output, Stream
from app.core.job.job_input import Input, InputKind
from app.core.job.spec import JobSpec
from app.core.judging.checker import CheckerStyle
from app.core.judging.phase_outcomes import judge_phase, judge_phases
from app.core.outcomes import COMPILE, TEST, PhaseReport
from app.core.verdicts import Verdict
from app.store.jobs.job_input import JobInbox

__all__ = ["CheckerEvents", "CheckerSession"]

# Message and score of the feedback, and as much of the log.
_MAX_LOG_BYTES: Final = 2 * MAX_MESSAGE_BYTES + 128
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class CheckerEvents:
    """Functions that the thread of a session calls.

    Attributes:
        on_result: Called with the result of each check, and with why the checker cannot run any more, or None.
        on_lost: Called if the session cannot continue because of an infrastructure fault.
        on_start: Called when a check has started.
        on_output: Called with what the checker writes to standard output.
    """

    on_result: Callable[[CheckResult, str | None], None]
    on_lost: Callable[[], None]
    on_start: Callable[[], None] = lambda: None
    on_output: Callable[[bytes], None] = lambda data: None


class CheckerSession:
    """Runs the checker or interactor of one job in another thread.

    It is compiled while the program is compiled. At most one check runs at a time.

    Args:
        sandbox: Runs the checker.
        spec: The job of the checker, of `create_checker_job`.
        style: The style of the checker.
        events: Receives results.
        compiler: Compiles the checker.
        budget: The budget that it shares with the other checkers of the job. None if there is no other one.
    """

    def __init__(
        self,
        sandbox: JobSandbox,
        spec: JobSpec,
        style: CheckerStyle,
        events: CheckerEvents,
        compiler: CheckerCompiler,
        budget: JobBudget | None = None,
    ) -> None:
        self._sandbox = sandbox
        self._spec = spec
        self._style = style
        self._events = events
        self._compiler = compiler
        self._budget = budget
        self._inbox = JobInbox(request_more=lambda: None)
        # A check can start while the checker is compiled. The sandbox of the compiler must not receive it.
        self._compiler_inbox = JobInbox(request_more=lambda: None)
        self._output = bytearray()
        self._lock = threading.Lock()
        self._is_idle = threading.Event()
        self._is_idle.set()
        self._is_running = self._is_closed = self._is_acquired = False
        self._failure: CheckResult | None = None
        self._error: Exception | None = None
        context = contextvars.copy_context()  # of the log and of the trace
        self._thread = threading.Thread(target=context.run, args=(self._run,), name="checker", daemon=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> None:
        """Start the sandbox and compile the checker."""
        self._thread.start()

    def check(self, contents: tuple[Content, ...]) -> None:
        """Start a check. Its result is reported to ``on_result``.

        Args:
            contents: The stdin of the checker, of `encode_check`.
        """
        with self._lock:
            failure = self._failure
            if failure is None:
                self._is_idle.clear()
                self._inbox.put(Input(InputKind.START_TEST, contents=contents))
        if failure is not None:
            self._events.on_result(failure, failure.message)

    def send(self, item: Input) -> None:
        """Send stdin or its end to the interactor that runs. Ignored if none runs."""
        with self._lock:
            if self._is_running:
                self._inbox.put(item)

    def wait(self, seconds: float) -> bool:
        """Return whether no check runs, after at most this time."""
        return self._is_idle.wait(seconds)

    def close(self) -> None:
        """Stop the checker and remove its sandbox."""
        self._is_closed = True
        for inbox in (self._compiler_inbox, self._inbox):
            inbox.put(Input(InputKind.CANCEL))
        if self._thread.is_alive():
            self._thread.join()
        self._compiler_inbox.close()
        self._inbox.close()

    def raise_error(self) -> None:
        """Raise the error because of which the session ended, if there is one. Call it after `close`.

        Raises:
            SandboxUnavailable: The host could not provide the sandbox.
            InfrastructureError: The sandbox failed.
        """
        if isinstance(self._error, InfrastructureError) and not self._is_acquired:
            raise SandboxUnavailable(f"checker: {self._error}") from self._error
        if self._error is not None:
            raise self._error

    def phase(self, name: str, test: str | None = None) -> None:
        """Discard the output of the previous phase."""
        self._output.clear()
        if name == TEST:
            with self._lock:
                self._is_running = True
            self._events.on_start()

    def output(self, chunks: Sequence[Output]) -> None:
        """Keep a part of the output, and pass on what an interactor writes to standard output."""
        for chunk in chunks:
            if self._is_running and chunk.stream is Stream.STDOUT:
                self._events.on_output(chunk.data)
                continue
            self._log_output(chunk.data)

    def flush(self) -> None:
        """Do nothing: output is passed on at once."""

    def end_phase(self, report: PhaseReport) -> None:
        """Report the result of a check."""
        with self._lock:
            self._is_running = False
            self._inbox.discard_stdin()
        if report.name == TEST and not self._is_closed:
            self._is_idle.set()
            self._events.on_result(read_check(self._style, report, bytes(self._output)), None)

    def hold_test(self) -> None:
        """Do nothing: `check` starts the tests."""

    def _log_output(self, data: bytes) -> None:
        if self._is_running:
            self._output += data
            del self._output[:-_MAX_LOG_BYTES]
        else:  # the compiler, whose first error is the most important one
            self._output += data[: _MAX_LOG_BYTES - len(self._output)]

    def _run(self) -> None:
        try:
            prepared = self._compiler.prepare(
                self._spec, self, self._compiler_inbox, self._note_acquisition, self._budget
            )
            if not isinstance(prepared, SandboxReport):
                self._is_acquired = False
                prepared = self._sandbox.run(prepared, self, self._inbox, self._note_acquisition, self._budget)
            self._fail(self._describe_end(prepared))
        except Exception as e:  # noqa: BLE001 - the thread of the job raises it
            _log.warning("checker_lost", error=f"{type(e).__name__}: {e}")
            self._error = e
            self._is_idle.set()
            self._events.on_lost()

    def _note_acquisition(self) -> None:
        self._is_acquired = True

    def _fail(self, reason: str) -> None:
        """Report the check that waits, and all later ones, as failed."""
        failure = CheckResult(verdict=Verdict.CHECKER_ERROR, message=reason)
        with self._lock:
            self._failure = failure
            is_checking = not self._is_idle.is_set()
            self._is_idle.set()
        if is_checking and not self._is_closed:
            self._events.on_result(failure, reason)

    def _describe_end(self, report: SandboxReport) -> str:
        if not report.phases:
            return "the checker was stopped"
        last = report.phases[-1]
        if last.name == COMPILE and not self._is_closed:
            ending = judge_phase(last)
            text = self._output[:MAX_MESSAGE_BYTES].decode(errors="replace").strip()
            return f"the checker could not be compiled: {ending.message}\n{text}".strip()
        return f"the checker was stopped: {judge_phases(report.phases, report.exhausted).message}"
