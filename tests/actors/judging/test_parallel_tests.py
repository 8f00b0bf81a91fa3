"""Tests of a job that run at the same time, in a real worker with an in-memory sandbox."""

from __future__ import annotations

import threading
from collections.abc import Callable

import msgspec
import pytest

from app.actors.judging.ordered_sink import OrderedOutput
from app.actors.judging.sandbox_slots import JobSlots, SandboxSlots
from app.core.errors import SandboxLost
from app.core.execution.sandbox import SandboxReport
from app.core.job.events import Output, PhaseStarted, Stream
from app.core.job.job_input import Input, InputKind
from app.core.job.spec import JobSpec
from app.core.judging.cases import CaseSpec
from app.core.limits import TotalLimits
from app.core.outcomes import Outcome, PhaseReport, StopReason
from app.core.verdicts import Verdict
from app.store.jobs.records import JobRecord
from tests.actors.in_memory_sandbox import TIMEOUT_SECONDS, Program, Run, phase_report, sandbox_report
from tests.actors.judging.test_checker_session import CHECKER, check_with, wait_for_start
from tests.actors.test_run_job import outcome_of, running_worker, until, wait_for_result
from tests.store.live_store import SPEC, LiveStore, new_job

PARALLEL = 3


def parallel_job(*outputs: str, **fields: object) -> JobSpec:
    """Return a job with a test for each letter, whose input is the letter and whose output must be "ok"."""
    tests = tuple(
        CaseSpec(name=name, stdin=name.encode(), args=(), expected_output=b"ok", limits=SPEC.limits) for name in outputs
    )
    return msgspec.structs.replace(SPEC, tests=tests, tests_parallel=PARALLEL, **fields)


class Rendezvous:
    """Lets tests end when a condition on the names of the running tests is met."""

    def __init__(self) -> None:
        self.running: list[str] = []
        self.started: list[str] = []
        self.peak = 0
        self._changed = threading.Condition()

    def start(self, name: str) -> None:
        with self._changed:
            self.running.append(name)
            self.started.append(name)
            self.peak = max(self.peak, len(self.running))
            self._changed.notify_all()

    def end(self, name: str) -> None:
        with self._changed:
            self.running.remove(name)
            self._changed.notify_all()

    def wait(self, condition: Callable[[], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(condition, TIMEOUT_SECONDS)


def play(run_test: Callable[[Run, str], tuple[bytes, int | None, StopReason]]) -> Program:
    """Return a program whose tests are a function of their input, which returns output, exit code and reason."""

    def program(run: Run) -> SandboxReport:
        reports: list[PhaseReport] = []
        for test in run.spec.tests:
            if (stdin := wait_for_start(run)) is None:
                break
            run.sink.phase("test", test.name)
            output, exit_code, stopped_by = run_test(run, stdin.decode())
            run.sink.output([Output(Stream.STDOUT, output)])
            report = msgspec.structs.replace(phase_report(exit_code, stopped_by), name="test", test=test.name)
            run.sink.end_phase(report)
            reports.append(report)
            if stopped_by is not StopReason.NONE:
                break
        return sandbox_report(*reports)

    return program


def verdicts(record: JobRecord) -> list[tuple[str, str | None]]:
    assert record.result is not None
    return [(test.name, test.verdict and test.verdict.value) for test in record.result.tests]


async def read_log(store: LiveStore) -> list[str]:
    """Return the names of tests, each followed by its output."""
    names = []
    for event in await store.events():
        if isinstance(event, PhaseStarted):
            names.append(f"{event.test}:")
        elif isinstance(event, Output):
            names[-1] += event.data.decode()
    return names


async def test_tests_run_at_the_same_time_and_are_reported_in_order(store: LiveStore) -> None:
    meeting = Rendezvous()

    def run_test(run: Run, name: str) -> tuple[bytes, int | None, StopReason]:
        meeting.start(name)
        if name in "abc":
            meeting.wait(lambda: meeting.peak == PARALLEL)
        if name == "a":  # the first test ends last
            meeting.wait(lambda: len(meeting.started) == 6 and meeting.running == ["a"])
        meeting.end(name)
        return (b"ok" if name != "d" else b"wrong"), 0, StopReason.NONE

    with running_worker(store, play(run_test), threads=PARALLEL) as sandbox:
        await store.submit(new_job(spec=parallel_job(*"abcdef")))
        record = await wait_for_result(store)

    assert verdicts(record) == [(name, "wrong_answer" if name == "d" else "accepted") for name in "abcdef"]
    assert meeting.peak == PARALLEL == len(sandbox.runs)
    assert await read_log(store) == [f"{name}:{'wrong' if name == 'd' else 'ok'}" for name in "abcdef"]
    assert record.result is not None
    assert [phase.test for phase in record.result.phases] == list("abcdef")


async def test_stop_on_first_failure_gives_the_same_result_as_one_test_after_the_other(store: LiveStore) -> None:
    meeting = Rendezvous()

    def run_test(run: Run, name: str) -> tuple[bytes, int | None, StopReason]:
        meeting.start(name)
        if name in "abc":
            meeting.wait(lambda: meeting.peak == PARALLEL)
        if name == "b":  # fails first, but is not the first one that fails
            return b"wrong", 0, StopReason.NONE
        if name == "a":
            meeting.wait(lambda: "c" not in meeting.running)
            return b"no", 0, StopReason.NONE
        run.wait_for_cancel()
        meeting.end(name)
        return b"", None, StopReason.CANCELLED

    with running_worker(store, play(run_test), threads=PARALLEL):
        await store.submit(new_job(spec=parallel_job(*"abcde", stop_on_first_failure=True)))
        record = await wait_for_result(store)

    assert record.result is not None
    assert verdicts(record) == [("a", "wrong_answer"), *((name, None) for name in "bcde")]
    assert [test.message for test in record.result.tests[1:]] == ["not run: test a failed"] * 4
    assert (record.result.outcome, record.result.verdict) == (Outcome.OK, Verdict.WRONG_ANSWER)
    assert set(meeting.started) == set("abc")
    assert await read_log(store) == ["a:no"]


async def test_each_lane_has_a_checker_of_its_own(store: LiveStore) -> None:
    meeting = Rendezvous()

    def run_test(run: Run, name: str) -> tuple[bytes, int | None, StopReason]:
        meeting.start(name)
        meeting.wait(lambda: meeting.peak == PARALLEL or len(meeting.started) > PARALLEL)
        meeting.end(name)
        return name.encode(), 0, StopReason.NONE

    judge = check_with(lambda run, data: 43 if data.rstrip(b"\0").endswith(b"c") else 42)
    program = play(run_test)

    def run_either(run: Run) -> SandboxReport:
        return judge(run) if run.spec.language == CHECKER.language else program(run)

    with running_worker(store, run_either, threads=PARALLEL) as sandbox:
        await store.submit(new_job(spec=parallel_job(*"abcde", checker=CHECKER)))
        record = await wait_for_result(store)

    assert verdicts(record) == [(name, "wrong_answer" if name == "c" else "accepted") for name in "abcde"]
    assert len(sandbox.runs) == 2 * PARALLEL


async def test_cancel_ends_all_tests(store: LiveStore) -> None:
    meeting = Rendezvous()

    def wait(run: Run, name: str) -> tuple[bytes, int | None, StopReason]:
        meeting.start(name)
        run.wait_for_cancel()
        meeting.end(name)
        return b"", None, StopReason.CANCELLED

    with running_worker(store, play(wait), threads=PARALLEL):
        await store.submit(new_job(spec=parallel_job(*"abcdef")))
        await until(lambda: meeting.peak == PARALLEL)
        await store.jobs.send("job", Input(InputKind.CANCEL))
        record = await wait_for_result(store)

    assert outcome_of(record) is Outcome.CANCELLED
    assert verdicts(record) == [(name, "cancelled") for name in "abc"]
    assert meeting.running == []


@pytest.mark.parametrize("error", [SandboxLost("gone"), ValueError("a bug in Pyxec")])
async def test_job_is_retried_when_one_of_its_sandboxes_is_lost(store: LiveStore, error: Exception) -> None:
    meeting = Rendezvous()

    def run_test(run: Run, name: str) -> tuple[bytes, int | None, StopReason]:
        if run.attempt > 1:
            return b"ok", 0, StopReason.NONE
        meeting.start(name)
        meeting.wait(lambda: meeting.peak == PARALLEL)
        if name == "b":
            raise error
        run.wait_for_cancel()
        meeting.end(name)
        return b"", None, StopReason.CANCELLED

    with running_worker(store, play(run_test), threads=PARALLEL):
        await store.submit(new_job(spec=parallel_job(*"abcd")))
        record = await wait_for_result(store)

    assert (outcome_of(record), record.attempt) == (Outcome.OK, 2)
    assert verdicts(record) == [(name, "accepted") for name in "abcd"]
    assert meeting.running == ["b"]


async def test_total_time_counts_all_tests_together(store: LiveStore) -> None:
    def run_test(run: Run, name: str) -> tuple[bytes, int | None, StopReason]:
        assert run.budget is not None
        run.budget.start_phase(name)
        run.wait_for_cancel()
        report = run.budget.end_phase(name, phase_report(None, StopReason.CANCELLED))
        return b"", None, report.stopped_by

    limits = TotalLimits(wall_seconds=0.5, cpu_seconds=100)
    with running_worker(store, play(run_test), threads=PARALLEL):
        await store.submit(new_job(spec=parallel_job(*"abcdef", total_limits=limits)))
        record = await wait_for_result(store)

    assert outcome_of(record) is Outcome.WALL_TIME_LIMIT
    assert verdicts(record) == [(name, "time_limit") for name in "abcdef"]
    assert record.result is not None
    assert record.result.tests[5].message == "not run: the job has used its total time"


async def test_tests_with_other_arguments_run_in_another_sandbox(store: LiveStore) -> None:
    spec = parallel_job(*"abcd")
    tests = [msgspec.structs.replace(test, args=("x",)) if test.name in "bd" else test for test in spec.tests]
    seen: dict[str, tuple[str, ...]] = {}

    def run_test(run: Run, name: str) -> tuple[bytes, int | None, StopReason]:
        seen[name] = run.spec.tests[0].args
        return b"ok", 0, StopReason.NONE

    with running_worker(store, play(run_test), threads=PARALLEL):
        await store.submit(new_job(spec=msgspec.structs.replace(spec, tests=tuple(tests))))
        record = await wait_for_result(store)

    assert verdicts(record) == [(name, "accepted") for name in "abcd"]
    assert seen == {"a": (), "b": ("x",), "c": (), "d": ("x",)}


async def test_more_tests_than_fit_into_a_sandbox_run_in_several(store: LiveStore) -> None:
    names = [f"t{number}" for number in range(230)]
    spec = msgspec.structs.replace(parallel_job(*names), tests_parallel=1)

    with running_worker(store, play(lambda run, name: (b"ok", 0, StopReason.NONE)), threads=PARALLEL) as sandbox:
        await store.submit(new_job(spec=spec))
        record = await wait_for_result(store)

    assert verdicts(record) == [(name, "accepted") for name in names]
    assert [len(run.spec.tests) for run in sandbox.runs] == [100, 100, 30]
    assert (await read_log(store))[:40] == [f"{name}:ok" for name in names[:40]]  # of the first page


# --- slots


def test_job_takes_only_free_slots() -> None:
    slots = SandboxSlots(lambda: 3)
    with slots.open() as job, slots.open():
        assert [slots.take(job), slots.take(job)] == [True, False]


def test_job_gives_back_a_slot_to_a_job_that_starts() -> None:
    slots = SandboxSlots(lambda: 3)
    with slots.open() as job:
        assert [slots.take(job), slots.take(job)] == [True, True]
        assert not slots.give_back_if_needed(job)
        with slots.open():
            assert [slots.give_back_if_needed(job), slots.give_back_if_needed(job)] == [True, False]
            assert not slots.take(job)
        assert slots.take(job)


def test_jobs_that_want_more_slots_get_equal_shares() -> None:
    slots = SandboxSlots(lambda: 8)
    with slots.open() as first, slots.open() as second:
        while slots.take(first):
            pass
        for _ in range(20):  # the first one ends a test, the second one looks for a slot
            slots.take(second)
            slots.give_back_if_needed(first)
            slots.take(first)
        assert (first.held, second.held) == (4, 4)


def test_job_keeps_its_last_slot() -> None:
    slots = SandboxSlots(lambda: 1)
    with slots.open() as job, slots.open() as other:
        assert not slots.give_back_if_needed(job)
        slots.give_back(job)
        assert (job.held, other.held) == (1, 1)
        assert isinstance(job, JobSlots)


# --- output


def test_output_of_tests_that_wait_for_earlier_ones_is_bounded() -> None:
    cases = [
        CaseSpec(name=name, stdin=b"", args=(), expected_output=None,
                 limits=msgspec.structs.replace(SPEC.limits, output_bytes=1000))
        for name in "abcd"
    ]  # fmt: skip
    output = OrderedOutput(cases, lambda test: True, max_held_bytes=2000)

    assert [output.has_room(case) for case in cases] == [True, True, True, False]
    output.end_test("b")  # it has written nothing
    assert output.has_room(cases[3])
