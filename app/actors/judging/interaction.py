"""The exchange of data between a program and its interactor, test by test."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from app.actors.judging.checker_session import CheckerSession
from app.core.execution.checker_job import CheckResult, encode_interaction
from app.core.job.events import Output, Stream
from app.core.job.job_input import Input, InputKind
from app.core.judging.cases import CaseSpec
from app.core.judging.phase_outcomes import judge_phase
from app.core.outcomes import Outcome, PhaseReport
from app.core.verdicts import Verdict, judge_test
from app.store.jobs.job_input import JobInbox

__all__ = ["Interaction"]

#: Bytes of what an interactor writes to the program that a result contains.
_MAX_LOG_BYTES: Final = 4096


@dataclass
class _Exchange:
    """The exchange of one test.

    Attributes:
        sent_bytes: Bytes by their sender, "program" or "interactor".
        last_sender: The sender of the last data.
        log: The beginning of what the interactor sent.
    """

    case: CaseSpec
    program_is_running: bool = False
    program_report: PhaseReport | None = None
    result: CheckResult | None = None
    failure: str | None = None
    interactor_ended_first: bool = False
    sent_bytes: dict[str, int] = field(default_factory=lambda: {"program": 0, "interactor": 0})
    last_sender: str | None = None
    log: bytearray = field(default_factory=bytearray)


class Interaction:
    """Connects the program of a job with its interactor, and decides the verdict of each test.

    Two threads call it: that of the program and that of the interactor.

    Args:
        inbox: The inbox of the program.
        on_end: Called when both sides of a test have ended, with the test, its result, and why the interactor cannot
            run any more, or None.

    Attributes:
        session: The session of the interactor. Set it before the first test.
    """

    session: CheckerSession

    def __init__(self, inbox: JobInbox, on_end: Callable[[str, CheckResult, str | None], None]) -> None:
        self._inbox = inbox
        self._on_end = on_end
        self._lock = threading.RLock()
        self._exchange: _Exchange | None = None

    def start_test(self, case: CaseSpec) -> None:
        """Start the interactor for a test. The program starts when the interactor runs."""
        with self._lock:
            self._exchange = _Exchange(case)
        self.session.check(encode_interaction(case))

    def start_program(self) -> None:
        """Start the program, because the interactor runs."""
        with self._lock:
            if self._exchange is not None:
                self._exchange.program_is_running = True
                self._inbox.put(Input(InputKind.START_TEST))

    def send_to_program(self, data: bytes) -> None:
        """Pass on what the interactor has written to standard output."""
        with self._lock:
            exchange = self._exchange
            if exchange is None or not exchange.program_is_running:
                return
            self._count(exchange, "interactor", len(data))
            exchange.log += data[: _MAX_LOG_BYTES - len(exchange.log)]
            self._inbox.put(Input(InputKind.STDIN, data))

    def send_to_interactor(self, chunks: Iterable[Output]) -> None:
        """Pass on what the program has written to standard output."""
        for chunk in chunks:
            if chunk.stream is Stream.STDOUT:
                with self._lock:
                    if self._exchange is not None:
                        self._count(self._exchange, "program", len(chunk.data))
                self.session.send(Input(InputKind.STDIN, chunk.data))

    def end_program(self, report: PhaseReport) -> None:
        """Record the end of the program in a test. The interactor reads end of file."""
        self.session.send(Input(InputKind.EOF))
        with self._lock:
            self._inbox.discard_stdin()
            if self._exchange is not None:
                self._exchange.program_is_running = False
                self._exchange.program_report = report
        self._end_test()

    def end_interactor(self, result: CheckResult, failure: str | None) -> None:
        """Record the end of the interactor in a test. The program reads end of file."""
        with self._lock:
            exchange = self._exchange
            if exchange is None:
                return
            exchange.result, exchange.failure = result, failure
            exchange.interactor_ended_first = exchange.program_report is None
            if not exchange.program_is_running and exchange.program_report is None:
                # The interactor could not start. The program reads end of file at once.
                self.start_program()
            if exchange.program_is_running:
                self._inbox.put(Input(InputKind.EOF))
        self._end_test()

    def _count(self, exchange: _Exchange, sender: str, count: int) -> None:
        exchange.sent_bytes[sender] += count
        exchange.last_sender = sender

    def _end_test(self) -> None:
        with self._lock:
            exchange = self._exchange
            if exchange is None or exchange.result is None or exchange.program_report is None:
                return
            self._exchange = None
        result = _judge(exchange, exchange.result, exchange.program_report)
        self._on_end(exchange.case.name, result, exchange.failure)


def _judge(exchange: _Exchange, result: CheckResult, report: PhaseReport) -> CheckResult:
    """Return the result of a test.

    A failure of the program decides, unless the interactor had rejected it before or has failed.
    """
    sent = exchange.log.decode(errors="replace")
    outcome = judge_phase(report).outcome
    rejections = (Verdict.WRONG_ANSWER, Verdict.CHECKER_ERROR)
    is_rejected_first = exchange.interactor_ended_first and result.verdict in rejections
    if outcome is Outcome.OK or is_rejected_first:
        return CheckResult(verdict=result.verdict, message=result.message, score=result.score, sent=sent)
    verdict = judge_test(outcome, None)
    assert verdict is not None
    message = _describe_wait(exchange, report) if outcome is Outcome.WALL_TIME_LIMIT else result.message
    return CheckResult(verdict=verdict, message=message, sent=sent)


def _describe_wait(exchange: _Exchange, report: PhaseReport) -> str:
    """Return which side waited for which when the program reached its wall time limit."""
    counts = (
        f"the program has written {exchange.sent_bytes['program']} bytes in {report.cpu_seconds:.1f} s of processor "
        f"time, the interactor {exchange.sent_bytes['interactor']} bytes"
    )
    match exchange.last_sender:
        case "program":
            return f"the program waited for the interactor, which has not answered its last data: {counts}"
        case "interactor":
            return f"the interactor waited for the program, which has not answered its last data: {counts}"
        case _:
            return f"the program and the interactor waited for each other: {counts}"
