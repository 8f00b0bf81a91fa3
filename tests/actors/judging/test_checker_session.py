"""Checkers of jobs in a real worker with an in-memory sandbox: lost sandboxes and cancellation."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from app.core.errors import ImageMissing, SandboxLost
from app.core.execution.checker_job import encode_check
from app.core.execution.sandbox import SandboxReport
from app.core.job.events import Output, Stream
from app.core.job.job_input import Input, InputKind
from app.core.job.results import Artifact
from app.core.job.spec import JobSpec
from app.core.judging.cases import CaseSpec
from app.core.judging.checker import CheckerSpec, CheckerStyle
from app.core.outcomes import Outcome, PhaseReport, StopReason
from app.core.source_files import SourceFile
from app.core.verdicts import Verdict
from tests.actors.in_memory_sandbox import (
    TIMEOUT_SECONDS,
    InMemorySandbox,
    Program,
    Run,
    phase_report,
    sandbox_report,
)
from tests.actors.test_run_job import outcome_of, running_worker, until, wait_for_result
from tests.store.live_store import SPEC, LiveStore, new_job

CHECKER = CheckerSpec(
    language="cpp", files=SPEC.files, entrypoint="main.cpp", style=CheckerStyle.ICPC, args=(), limits=SPEC.limits
)


def with_checker(*outputs: str) -> JobSpec:
    """Return a job with a test for each output."""
    tests = tuple(
        CaseSpec(name=output, stdin=b"in", args=(), expected_output=b"out", limits=SPEC.limits) for output in outputs
    )
    return msgspec.structs.replace(SPEC, tests=tests, checker=CHECKER)


def end_test(run: Run, test: str, exit_code: int = 0) -> PhaseReport:
    report = msgspec.structs.replace(phase_report(exit_code), name="test", test=test)
    run.sink.end_phase(report)
    return report


def wait_for_start(run: Run) -> bytes | None:
    """Wait until a test may start, and return what follows its stdin. None if the job was cancelled."""
    run.sink.hold_test()
    while True:
        for item in run.receive():
            if item.kind is InputKind.CANCEL:
                return None
            if item.kind is InputKind.START_TEST:
                return b"".join(content for content in item.contents if isinstance(content, bytes))


def join_check(test: CaseSpec, output: bytes) -> bytes:
    """Return the stdin of a run of a checker for a test without files by reference."""
    return b"".join(content for content in encode_check(test, output) if isinstance(content, bytes))


def play(checker: Program) -> Program:
    """Return a program whose tests write their names, and which has this checker."""

    def write_names(run: Run) -> SandboxReport:
        if run.spec.language == CHECKER.language:
            return checker(run)
        reports = []
        for test in run.spec.tests:
            if wait_for_start(run) is None:
                break
            run.sink.phase("test", test.name)
            run.sink.output([Output(Stream.STDOUT, test.name.encode())])
            reports.append(end_test(run, test.name))
        return sandbox_report(*reports)

    return write_names


def check_with(decide: Callable[[Run, bytes], int]) -> Program:
    """Return a checker whose exit code a function decides."""

    def check(run: Run) -> SandboxReport:
        reports = [msgspec.structs.replace(phase_report(), name="compile")]
        for test in run.spec.tests:
            if (data := wait_for_start(run)) is None:
                break
            run.sink.phase("test", test.name)
            reports.append(end_test(run, test.name, decide(run, data)))
        return sandbox_report(*reports)

    return check


async def test_checker_receives_each_output_once_and_its_exit_code_is_the_verdict(store: LiveStore) -> None:
    spec, checked = with_checker("a", "b"), []

    def accept_b(run: Run, data: bytes) -> int:
        checked.append(data)
        return 42 if data.rstrip(b"\0").endswith(b"b") else 43

    with running_worker(store, play(check_with(accept_b))) as sandbox:
        await store.submit(new_job(spec=spec))
        record = await wait_for_result(store)

    assert record.result is not None
    assert [test.verdict for test in record.result.tests] == [Verdict.WRONG_ANSWER, Verdict.ACCEPTED]
    assert record.result.verdict is Verdict.WRONG_ANSWER
    assert checked == [join_check(spec.tests[0], b"a"), join_check(spec.tests[1], b"b")]
    assert len(sandbox.runs) == 2


@pytest.mark.parametrize("error", [SandboxLost("gone"), ValueError("a bug in Pyxec")])
async def test_job_is_retried_when_the_sandbox_of_its_checker_is_lost(store: LiveStore, error: Exception) -> None:
    def fail_first_attempt(run: Run, data: bytes) -> int:
        if run.attempt == 1:
            raise error
        return 42

    with running_worker(store, play(check_with(fail_first_attempt))):
        await store.submit(new_job(spec=with_checker("a", "b")))
        record = await wait_for_result(store)

    assert (outcome_of(record), record.attempt) == (Outcome.OK, 2)
    assert record.result is not None
    assert record.result.verdict is Verdict.ACCEPTED


async def test_job_is_released_without_a_retry_when_the_image_of_its_checker_is_missing(
    store: LiveStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.actors.run_job._MIN_RELEASE_DELAY_MS", 1)
    monkeypatch.setattr("app.actors.run_job._MAX_IMAGE_DELAY_MS", 1)
    spec = with_checker("a")
    with running_worker(store, play(check_with(lambda run, data: 42))) as sandbox:
        launch, missing = sandbox.run, [ImageMissing("no image")] * 5

        def run_without_image(job_id: str, attempt: int, spec: JobSpec, *arguments: object) -> SandboxReport:
            if spec.language == CHECKER.language and missing:
                raise missing.pop()
            return launch(job_id, attempt, spec, *arguments)  # type: ignore[arg-type]

        monkeypatch.setattr(sandbox, "run", run_without_image)
        await store.submit(new_job(spec=spec))
        record = await wait_for_result(store)

    assert outcome_of(record) is Outcome.OK
    assert record.result is not None
    assert record.result.verdict is Verdict.ACCEPTED
    assert store.broker.dead_letters("jobs") == []


async def test_output_is_written_while_the_last_test_is_checked(store: LiveStore) -> None:
    may_end = threading.Event()
    program = play(check_with(lambda run, data: 42 * may_end.wait(TIMEOUT_SECONDS)))

    with running_worker(store, program, InMemorySandbox(program, flushes=False)):
        await store.submit(new_job(spec=with_checker("a")))
        try:
            await until(lambda: len(store.client.xrange(store.keys.output("job"))) > 1)
        finally:
            may_end.set()
        record = await wait_for_result(store)

    assert record.result is not None
    assert record.result.verdict is Verdict.ACCEPTED


async def test_cancel_during_a_check_ends_job_and_checker(store: LiveStore) -> None:
    checking, ended = [], []

    def wait(run: Run) -> SandboxReport:
        wait_for_start(run)
        run.sink.phase("test", "1")
        checking.append(run)
        run.wait_for_cancel()
        report = msgspec.structs.replace(
            phase_report(exit_code=None, stopped_by=StopReason.CANCELLED), name="test", test="1"
        )
        run.sink.end_phase(report)
        ended.append(run)
        return sandbox_report(report)

    with running_worker(store, play(wait)):
        await store.submit(new_job(spec=with_checker("a")))
        await until(lambda: bool(checking))
        await store.jobs.send("job", Input(InputKind.CANCEL))
        record = await wait_for_result(store)

    assert outcome_of(record) is Outcome.CANCELLED
    assert record.result is not None
    assert [test.verdict for test in record.result.tests] == [None]
    assert len(ended) == 1


def compile_with(on_compile: Callable[[Run], object], exit_code: int = 0) -> Program:
    def compile_checker(run: Run) -> SandboxReport:
        on_compile(run)
        run.sink.phase("compile")
        run.sink.output([Output(Stream.STDERR, b"main.cpp:1: error")])
        report = msgspec.structs.replace(phase_report(exit_code), name="compile")
        run.sink.end_phase(report)
        files = (Artifact("program", b"compiled"),) if exit_code == 0 else ()
        return SandboxReport(phases=(report,), version="1.0", artifacts=files)

    return compile_checker


async def test_checker_is_compiled_once_for_several_jobs_of_a_caller(store: LiveStore) -> None:
    compiled: list[Run] = []
    sandbox = InMemorySandbox(play(check_with(lambda run, data: 42)), compiler=compile_with(compiled.append))

    with running_worker(store, sandbox.program, sandbox):
        for name in ("first", "second"):
            await store.submit(new_job(name, spec=with_checker("a", "b")))
            record = await wait_for_result(store, name)
            assert record.result is not None
            assert [test.verdict for test in record.result.tests] == [Verdict.ACCEPTED] * 2

    assert len(compiled) == 1
    assert [run.spec.compiled for run in sandbox.runs if run.spec.language == CHECKER.language] == [
        (SourceFile("program", b"compiled"),)
    ] * 2


async def test_check_that_arrives_while_the_checker_is_compiled_is_not_lost(store: LiveStore) -> None:
    sandbox = InMemorySandbox(play(check_with(lambda run, data: 42)), flushes=False)

    def wait_for_program(run: Run) -> None:
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while not any(program.sink.phases for program in programs):  # the first test has ended
            assert time.monotonic() < deadline
            time.sleep(0.01)
        run.inbox.take(10**6)

    programs: list[Any] = []
    sandbox.compiler = compile_with(wait_for_program)
    judged = sandbox.program

    def run_program(run: Run) -> SandboxReport:
        if run.spec.language != CHECKER.language:
            programs.append(run)
        return judged(run)

    sandbox.program = run_program
    with running_worker(store, sandbox.program, sandbox):
        await store.submit(new_job(spec=with_checker("a", "b")))
        record = await wait_for_result(store)

    assert record.result is not None
    assert record.result.verdict is Verdict.ACCEPTED


async def test_checker_that_is_not_compiled_stops_the_job_and_is_compiled_again(store: LiveStore) -> None:
    compiled: list[Run] = []
    sandbox = InMemorySandbox(play(check_with(lambda run, data: 42)), compiler=compile_with(compiled.append, 1))

    with running_worker(store, sandbox.program, sandbox):
        for name in ("first", "second"):
            await store.submit(new_job(name, spec=with_checker("a", "b")))
            record = await wait_for_result(store, name)
            assert record.result is not None
            assert record.result.verdict is Verdict.CHECKER_ERROR
            assert "main.cpp:1: error" in record.result.message

    assert len(compiled) == 2
