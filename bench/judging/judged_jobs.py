"""Runs jobs with tests as the worker does, without Redis."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

import msgspec

from app.actors.job_sandbox import JobSandbox
from app.actors.judging.judged_run import JudgedRun, JudgingServices
from app.core.errors import PyxecError
from app.core.job.results import JobResult
from app.core.job.spec import JobSpec
from app.core.judging.cases import CaseSpec
from app.core.judging.checker import CheckerSpec, CheckerStyle
from app.core.verdicts import Verdict
from app.store.jobs.job_input import JobInbox
from bench.sandbox.under_test import NullSink, SandboxUnderTest, program

__all__ = ["JudgedJobs", "create_case", "create_checker"]


def create_case(number: int, stdin: bytes, expected_output: bytes, limits: JobSpec) -> CaseSpec:
    """Return a test with the limits of a job."""
    return CaseSpec(name=str(number), stdin=stdin, args=(), expected_output=expected_output, limits=limits.limits)


def create_checker(language: str, source: str, **limits: float) -> CheckerSpec:
    """Return a checker or interactor with one file."""
    spec = program(language, source, **limits)
    return CheckerSpec(
        language=language,
        files=spec.files,
        entrypoint=spec.entrypoint,
        style=CheckerStyle.ICPC,
        args=(),
        limits=spec.limits,
    )


class JudgedJobs:
    """Runs jobs whose tests must all be accepted. The jobs of one object share their compiled checkers.

    Args:
        sandbox: Runs the programs and checkers.
        slots: Number of tests that can run at the same time.
    """

    def __init__(self, sandbox: SandboxUnderTest, slots: int = 1) -> None:
        self._sandbox = JobSandbox(sandbox.sandbox, uuid.uuid4().hex, 1, "bench")
        self._services = JudgingServices(lambda: slots)

    def run(self, spec: JobSpec, tests: Sequence[CaseSpec]) -> JobResult:
        """Run a job with tests.

        Raises:
            PyxecError: A test was not accepted.
        """
        inbox = JobInbox(lambda: None)
        try:
            with self._services.slots.open() as slots:
                job = msgspec.structs.replace(spec, tests=tuple(tests))
                result, _ = JudgedRun(self._sandbox, job, NullSink(), inbox, self._services, slots).run(lambda: None)
        finally:
            inbox.close()
        if result.verdict is not Verdict.ACCEPTED:
            messages = [test.checker_message or test.message for test in result.tests if not test.passed]
            raise PyxecError(f"the verdict is {result.verdict}, not accepted: {', '.join(messages) or result.message}")
        return result
