"""Runs the submissions of a problem package and compares their verdicts with those that their folders state."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pyxec.client import Client
from pyxec.errors import PyxecError
from pyxec.events import Phase
from pyxec.files import FileInfo
from pyxec.job import Job
from pyxec.problems.document import PackageError
from pyxec.problems.package import Package, parse_comparison
from pyxec.problems.report import PackageReport, SubmissionReport, TestResult, score_group
from pyxec.problems.submissions import (
    Submission,
    choose_language,
    find_accepted_submissions,
    find_submissions,
    read_submission_files,
)
from pyxec.problems.test_data import PackageTest
from pyxec.problems.time_limit import REFERENCE_TIME_SECONDS
from pyxec.results import Language, Result

__all__ = ["JudgeOptions", "Progress", "judge_package"]

_MIB: Final = 1024 * 1024
# Limits of a job; docs/judging.md lists them. A job has less than the maximum, because its other fields take space.
_MAX_TESTS: Final = 1000
_MAX_TEXT_BYTES: Final = 7 * _MIB
# A larger file is uploaded once, for all submissions.
_MAX_INLINE_BYTES: Final = 64 * 1024
_MAX_OUTPUT_BYTES: Final = 64 * _MIB
_MAX_WALL_SECONDS: Final = 1000.0
_DEFAULT_OUTPUT_BYTES: Final = 1 * _MIB
# Used if the package has neither a time limit nor a submission from which it could be derived.
_DEFAULT_TIME_SECONDS: Final = 10.0
# A submission that waits for its input or its interactor uses no processor time.
_WALL_FACTOR: Final = 2.0
_WALL_MARGIN_SECONDS: Final = 4.0


@dataclass(frozen=True)
class JudgeOptions:
    """How submissions are judged.

    Attributes:
        time_seconds: Processor time of a test, instead of the time limit of the package.
        tests_parallel: Tests of a submission that run at the same time, if the service has free sandboxes.
        submissions_parallel: Submissions that are judged at the same time.
        stop_on_first_failure: Whether no test of a submission runs after one that was not accepted. None: yes, unless
            the problem is a scoring problem.
    """

    time_seconds: float | None = None
    tests_parallel: int = 4
    submissions_parallel: int = 2
    stop_on_first_failure: bool | None = None


@dataclass(frozen=True)
class Progress:
    """Progress of `judge_package`.

    Attributes:
        tests: Tests of all submissions that have started, or that are not going to run.
        total_tests: Number of tests times number of submissions, including those that only determine the time limit.
        report: The report of a submission that has just ended, else None.
    """

    tests: int
    total_tests: int
    report: SubmissionReport | None = None


def judge_package(
    client: Client,
    package: Package,
    submissions: Sequence[Submission] = (),
    options: JudgeOptions | None = None,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> PackageReport:
    """Judge submissions. Large tests are uploaded once. If an exception ends it, the unfinished jobs are cancelled.

    If neither the options nor the package contain a time limit, the submissions in ``submissions/accepted`` run first,
    with up to 20 s of processor time for each test. Their slowest test determines the time limit.

    Args:
        client: Client of the service.
        package: The problem package.
        submissions: The submissions, of `find_submissions`. Default: all of the package.
        options: How they are judged.
        on_progress: Called from several threads, one at a time.

    Raises:
        PackageError: No installed language matches a program, or a file cannot be read.
        PyxecError: As for every method of the client.
    """
    submissions = submissions or find_submissions(package)
    options = options or JudgeOptions()
    time_seconds, source = options.time_seconds, "option"
    if time_seconds is None:
        time_seconds, source = package.limits.time_seconds, "package"
    references = find_accepted_submissions(package) if time_seconds is None else ()
    count = len({submission.path.resolve() for submission in (*references, *submissions)})
    judge = _PackageJudge(client, package, options, on_progress, count)
    reports: dict[Path, SubmissionReport] = {}
    with ThreadPoolExecutor(options.submissions_parallel, "judge") as executor:

        def judge_all(chosen: Sequence[Submission], limit_seconds: float) -> None:
            judge.set_time_limit(limit_seconds)
            paths = [submission.path.resolve() for submission in chosen]
            reports.update(zip(paths, executor.map(judge.judge, chosen), strict=True))

        try:
            if time_seconds is None:
                judge_all(references, REFERENCE_TIME_SECONDS)
                time_seconds, source = _derive_time_limit(package, tuple(reports.values()))
            judge_all([each for each in submissions if each.path.resolve() not in reports], time_seconds)
        except BaseException:
            judge.cancel()
            executor.shutdown(wait=False, cancel_futures=True)
            raise
    ordered = tuple(reports[submission.path.resolve()] for submission in submissions)
    return PackageReport(
        problem=package.name,
        is_ok=all(report.is_match for report in ordered),
        tests=len(package.tests),
        time_limit_seconds=time_seconds,
        time_limit_source=source,
        submissions=ordered,
    )


def _derive_time_limit(package: Package, reports: Sequence[SubmissionReport]) -> tuple[float, str]:
    """Return the time limit in seconds and its source."""
    seconds = [report.cpu_seconds for report in reports if report.verdict == "accepted"]
    if not seconds:
        return _DEFAULT_TIME_SECONDS, "default"
    return package.limits.time_rule.derive_limit(max(seconds)), "accepted_submissions"


class _PackageJudge:
    """Judges the submissions of a package, in several threads."""

    def __init__(
        self,
        client: Client,
        package: Package,
        options: JudgeOptions,
        on_progress: Callable[[Progress], None],
        submission_count: int,
    ) -> None:
        self.options = options
        self._client = client
        self._package = package
        self._tests = package.tests
        self._languages = client.languages()
        self._on_progress = on_progress
        self._total_tests = len(self._tests) * submission_count
        self._done_tests = 0
        self._jobs: set[Job] = set()
        self._is_cancelled = False
        self._lock = threading.Lock()
        stops = options.stop_on_first_failure
        self._stops_at_failure = not package.is_scoring if stops is None else stops
        self._validator = self._describe_validator()
        paths = [path for test in self._tests for path in (test.input, test.answer)]
        self._contents = {path: self._read_or_upload(path) for path in paths}
        self._time_seconds = _DEFAULT_TIME_SECONDS
        self._chunks: tuple[tuple[PackageTest, ...], ...] = ()

    def set_time_limit(self, seconds: float) -> None:
        """Set the processor time of each test of the submissions that are judged next."""
        self._time_seconds = seconds
        self._chunks = tuple(self._split_tests())

    def cancel(self) -> None:
        """Cancel all jobs that have not finished."""
        with self._lock:
            self._is_cancelled = True
            jobs = list(self._jobs)
        for job in jobs:
            try:
                job.cancel()
            except PyxecError:  # the job ends at its limits
                continue

    def judge(self, submission: Submission) -> SubmissionReport:
        """Judge a submission with all tests."""
        files = read_submission_files(self._package, submission, _ANY_LANGUAGE)
        language, entrypoint = choose_language(submission.path, tuple(files), self._languages)
        files = read_submission_files(self._package, submission, language)
        request = {
            "files": files,
            "entrypoint": entrypoint,
            "limits": self._limits(language),
            "tests_parallel": self.options.tests_parallel,
            "stop_on_first_failure": self._stops_at_failure,
        }
        if self._package.limits.compile_seconds is not None:
            request["compile_limits"] = {"wall_seconds": min(30.0, self._package.limits.compile_seconds)}
        results: dict[str, TestResult] = {}
        verdict, message, started = "accepted", "", 0
        for chunk in self._chunks:
            result, started_tests = self._run(language, request, chunk)
            started += started_tests
            results |= {test.name: test for test in _read_tests(result)}
            if result.verdict != "accepted" and verdict == "accepted":
                verdict, message = _read_verdict(result)
            is_final = verdict in ("compile_error", "checker_error", "infrastructure_error")
            if verdict != "accepted" and (self._stops_at_failure or is_final):
                break
        report = self._create_report(submission, language, verdict, message, results)
        self._report_progress(len(self._tests) - started, report)
        return report

    def _run(self, language: Language, request: Mapping[str, Any], tests: Sequence[PackageTest]) -> tuple[Result, int]:
        """Run a job and return its result, and the number of tests whose start was reported as progress."""
        body = {**request, **self._describe_tests(language, tests)}
        if len(tests) == 1:
            body["tests_parallel"] = 1
        job = self._client.submit(language.id, **body)
        with self._lock:
            self._jobs.add(job)
            is_cancelled = self._is_cancelled
        if is_cancelled:
            job.cancel()
        started: set[str] = set()
        for event in job.stream():
            if isinstance(event, Phase) and event.test is not None and event.test not in started:
                started.add(event.test)
                self._report_progress(1)
        with self._lock:
            self._jobs.discard(job)
        return job.wait(), len(started)

    def _describe_tests(self, language: Language, tests: Sequence[PackageTest]) -> dict[str, Any]:
        cases = [self._describe_test(language, test) for test in tests]
        if self._validator is None:
            return {"tests": cases}
        judge = "interactor" if self._package.is_interactive else "checker"
        return {"tests": cases, judge: {**self._validator, "args": list(tests[0].validator_args)}}

    def _describe_test(self, language: Language, test: PackageTest) -> dict[str, Any]:
        case: dict[str, Any] = {
            "name": test.name,
            "stdin": self._contents[test.input],
            "expected_output": self._contents[test.answer],
        }
        if self._validator is None:
            case["compare"] = parse_comparison(self._package, test)
        return case

    def _read_or_upload(self, path: Path) -> str | FileInfo:
        """Return a small text, or the reference to an uploaded file.

        Raises:
            PackageError: The file cannot be read.
        """
        try:
            content = path.read_bytes() if path.stat().st_size <= _MAX_INLINE_BYTES else b"\xff"
            return content.decode()
        except UnicodeDecodeError:
            return self._client.upload(path, name=path.name)
        except OSError as e:
            raise PackageError(path, f"cannot be read: {e}") from e

    def _describe_validator(self) -> dict[str, Any] | None:
        files = self._package.validator
        if files is None:
            return None
        language, entrypoint = choose_language(self._package.path / "output_validators", tuple(files), self._languages)
        limits = self._package.limits
        requested = {"wall_seconds": limits.validation_seconds, "memory_bytes": limits.validation_memory_bytes}
        known = {name: _clamp(language, name, value) for name, value in requested.items() if value is not None}
        return {"language": language.id, "files": dict(files), "entrypoint": entrypoint, "limits": known}

    def _limits(self, language: Language) -> dict[str, float]:
        limits = self._package.limits
        requested = {
            "cpu_seconds": self._time_seconds,
            "wall_seconds": self._wall_seconds,
            "output_bytes": self._output_bytes,
            "memory_bytes": limits.memory_bytes,
        }
        return {name: _clamp(language, name, value) for name, value in requested.items() if value is not None}

    @property
    def _wall_seconds(self) -> float:
        return self._time_seconds * _WALL_FACTOR + _WALL_MARGIN_SECONDS

    @property
    def _output_bytes(self) -> int:
        largest = max(test.answer.stat().st_size for test in self._tests)
        default = max(_DEFAULT_OUTPUT_BYTES, 2 * largest)
        return min(self._package.limits.output_bytes or default, _MAX_OUTPUT_BYTES)

    def _split_tests(self) -> Iterator[tuple[PackageTest, ...]]:
        """Yield the tests in their order, as many as fit into a job. All have the same arguments of the validator."""
        max_tests = min(
            _MAX_TESTS,
            max(1, int(_MAX_WALL_SECONDS / self._wall_seconds)),
            max(1, _MAX_OUTPUT_BYTES // self._output_bytes),
        )
        chunk: list[PackageTest] = []
        chunk_bytes = 0
        for test in self._tests:
            size = sum(len(json.dumps(self._contents[path], default=str)) for path in (test.input, test.answer))
            has_other_args = self._validator is not None and chunk and chunk[0].validator_args != test.validator_args
            if chunk and (len(chunk) == max_tests or chunk_bytes + size > _MAX_TEXT_BYTES or has_other_args):
                yield tuple(chunk)
                chunk, chunk_bytes = [], 0
            chunk.append(test)
            chunk_bytes += size
        yield tuple(chunk)

    def _create_report(
        self, submission: Submission, language: Language, verdict: str, message: str, results: Mapping[str, TestResult]
    ) -> SubmissionReport:
        ordered = tuple(results[test.name] for test in self._tests if test.name in results)
        failed = next((test for test in ordered if test.verdict not in (None, "accepted")), None)
        score = max_score = None
        if self._package.is_scoring:
            groups, is_custom = self._package.groups, self._package.validator is not None
            score = score_group(groups, results, is_custom=is_custom)
            full = {test.name: TestResult(name=test.name, verdict="accepted", score=None) for test in self._tests}
            max_score = None if is_custom else score_group(groups, full, is_custom=False)
            is_rejected = verdict not in ("accepted", "compile_error", "checker_error", "infrastructure_error")
            if is_rejected and score > 0:
                verdict = "partially_accepted"
        expected = submission.expected
        return SubmissionReport(
            name=submission.name,
            language=language.id,
            expected=None if expected is None else tuple(sorted(expected)),
            verdict=verdict,
            is_match=verdict not in ("checker_error", "infrastructure_error", "cancelled")
            and (expected is None or verdict in expected),
            score=score,
            max_score=max_score,
            cpu_seconds=max((test.cpu_seconds for test in ordered), default=0.0),
            failed_test=None if failed is None else failed.name,
            message=message if failed is None or not failed.message else failed.message,
            tests=ordered,
        )

    def _report_progress(self, tests: int, report: SubmissionReport | None = None) -> None:
        with self._lock:
            self._done_tests += tests
            self._on_progress(Progress(self._done_tests, self._total_tests, report))


_ANY_LANGUAGE: Final = Language(id="", name="", file_name="")


def _read_tests(result: Result) -> Iterator[TestResult]:
    for test in result.tests:
        if test.verdict is not None:
            yield TestResult(
                name=test.name,
                verdict=test.verdict,
                score=test.score,
                cpu_seconds=test.cpu_seconds,
                wall_seconds=test.wall_seconds,
                memory_peak_bytes=test.memory_peak_bytes,
                message="" if test.verdict == "accepted" else test.checker_message or test.message,
            )


def _read_verdict(result: Result) -> tuple[str, str]:
    if result.verdict is None or result.verdict == "cancelled":
        return result.outcome if result.verdict is None else "cancelled", result.message
    output = result.compile_output if result.verdict == "compile_error" else None
    return result.verdict, f"{result.message}\n{output}".strip() if output else result.message


def _clamp(language: Language, name: str, value: float) -> float:
    """Return the value within the range that the service allows the caller."""
    allowed = language.limits.get(name, {})
    clamped = min(max(value, allowed.get("minimum", -math.inf)), allowed.get("maximum", math.inf))
    return clamped if name.endswith("_seconds") else int(clamped)
