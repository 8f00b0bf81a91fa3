"""Reading of problem packages: both versions of the format, and the errors of malformed packages."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pyxec import Event, Language, PyxecError, Result
from pyxec import TestReport as CaseReport
from pyxec.files import FileInfo
from pyxec.problems import JudgeOptions, PackageError, find_submissions, judge_package, read_package
from pyxec.problems.package import parse_comparison
from pyxec.problems.report import TestResult, score_group
from pyxec.problems.submissions import choose_language

PACKAGES = Path(__file__).resolve().parents[2] / "examples" / "problems"
LANGUAGES = [
    Language(id="python", name="Python", file_name="main.py", aliases=("py",)),
    Language(id="cpp", name="C++", file_name="main.cpp"),
]


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return folder


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A minimal package."""
    return write(
        tmp_path / "problem",
        {
            "problem.yaml": "name: Sum\nlimits:\n  time_limit: 2\n  memory: 128\n",
            "data/secret/1.in": "1 2\n",
            "data/secret/1.ans": "3\n",
            "submissions/accepted/sum.py": "",
        },
    )


def test_legacy_package_is_read() -> None:
    package = read_package(PACKAGES / "fractions")

    assert (package.name, package.is_interactive, package.is_scoring) == ("Egyptian Fractions", False, False)
    assert (package.limits.time_seconds, package.limits.memory_bytes) == (1, 256 * 2**20)
    assert [test.name for test in package.tests][:3] == ["sample/1", "sample/2", "secret/01"]
    assert {test.validator_args for test in package.tests} == {("max_terms", "20")}
    assert package.validator is not None
    assert list(package.validator) == ["validate.py"]
    assert [submission.name for submission in find_submissions(package)] == [
        "accepted/greedy.py", "accepted/reversed.py", "run_time_error/unit.cpp", "time_limit_exceeded/search.cpp",
        "wrong_answer/repeats.py",
    ]  # fmt: skip


def test_interactive_package_of_2023_07_is_read() -> None:
    package = read_package(PACKAGES / "guess")

    assert (package.name, package.is_interactive, package.limits.time_seconds) == ("Guess the Number", True, 1)
    assert package.validator is not None
    assert list(package.validator) == ["validate.cpp"]


def test_groups_of_a_legacy_scoring_package_add_up(tmp_path: Path) -> None:
    folder = tmp_path / "sorting"
    shutil.copytree(PACKAGES / "sorting", folder, ignore=shutil.ignore_patterns("*.in", "*.ans"))
    names = ("sample/1", "secret/large/1", "secret/large/2", "secret/small/1")
    write(folder / "data", {f"{name}.{suffix}": "" for name in names for suffix in ("in", "ans")})
    package = read_package(folder)

    def score(*accepted: str) -> float:
        results = {name: TestResult(name=name, verdict="accepted") for name in accepted}
        return score_group(package.groups, results, is_custom=False)

    assert package.is_scoring
    assert [score(*names), score(*names[1:]), score("secret/small/1"), score("secret/large/1"), score("sample/1")] == [
        100, 100, 30, 0, 0,
    ]  # fmt: skip


def test_groups_of_2023_07_have_maximum_scores(package: Path) -> None:
    write(
        package,
        {
            "problem.yaml": "problem_format_version: 2023-07-draft\nname: Sum\ntype: scoring\n",
            "data/secret/test_group.yaml": "max_score: 100\n",
            "data/secret/a/test_group.yaml": "max_score: 40\noutput_validator_args: [float_tolerance, 1e-6]\n",
            "data/secret/b/test_group.yaml": "max_score: 60\nscore_aggregation: sum\n",
            **{f"data/secret/{name}.{suffix}": "" for name in ("a/1", "a/2", "b/1", "b/2") for suffix in ("in", "ans")},
        },
    )
    for path in (package / "data/secret").glob("1.*"):
        path.unlink()
    read = read_package(package)

    def score(*accepted: str) -> float:
        results = {f"secret/{name}": TestResult(name=name, verdict="accepted") for name in accepted}
        return score_group(read.groups, results, is_custom=False)

    assert [score("a/1", "a/2", "b/1", "b/2"), score("a/1", "b/1"), score("a/1", "a/2")] == [100, 30, 40]
    comparison = parse_comparison(read, read.tests[0])
    assert (comparison["float_absolute_tolerance"], comparison["float_relative_tolerance"]) == (1e-6, 1e-6)
    assert parse_comparison(read, read.tests[2]) == {"mode": "tokens", "case_sensitive": False}


@pytest.mark.parametrize(
    ("files", "error"),
    [
        ({"problem.yaml": "name: [\n"}, "problem.yaml:2: is not valid YAML: "),
        ({"problem.yaml": "- a\n"}, "problem.yaml:1: must be a mapping"),
        ({"problem.yaml": "name: a\nname: b\n"}, "problem.yaml:2: name: is a duplicate"),
        ({"problem.yaml": "name: [a]\n"}, "problem.yaml:1: name: must be a text or a number"),
        ({"problem.yaml": "type: multi-pass\n"}, "problem.yaml:1: type: multi-pass is not supported; must be "),
        ({"problem.yaml": "type:\n  - scoring\n  - {}\n"}, "problem.yaml:2: type: must be a list of texts"),
        ({"problem.yaml": "problem_format_version: 2031-01\n"}, "problem.yaml:1: problem_format_version: must be"),
        ({"problem.yaml": "\n\nvalidation: strict\n"}, "problem.yaml:3: validation: must start with default or custom"),
        ({"problem.yaml": "validation: custom fast\n"}, "problem.yaml:1: validation: fast is unknown; after"),
        ({"problem.yaml": "validation: custom\n"}, "problem.yaml:1: validation: requires an output validator in "),
        ({"problem.yaml": "type: interactive\nproblem_format_version: 2023-07-draft\n"},
         "problem.yaml:1: type: requires an output validator in "),
        ({"problem.yaml": "limits: 3\n"}, "problem.yaml:1: limits: must be a mapping"),
        ({"problem.yaml": "limits:\n  memory: many\n"}, "problem.yaml:2: limits.memory: must be a number of at"),
        ({"problem.yaml": "limits:\n  output: -1\n"}, "problem.yaml:2: limits.output: must be a number of at least 1"),
        ({"problem.yaml": "limits:\n  time_limit: .nan\n"}, "problem.yaml:2: limits.time_limit: must be a number of"),
        ({"problem.yaml": "limits:\n  time_multiplier: 0.5\n"},
         "problem.yaml:2: limits.time_multiplier: must be a number of at least 1"),
        ({"problem.yaml": "problem_format_version: 2023-07\nlimits:\n  time_multipliers: 3\n"},
         "problem.yaml:3: limits.time_multipliers: must be a mapping"),
        ({"problem.yaml": "problem_format_version: 2023-07\nlimits:\n  time_multipliers:\n    ac_to_time_limit: x\n"},
         "problem.yaml:4: limits.time_multipliers.ac_to_time_limit: must be a number of at least 1"),
        ({"problem.yaml": "problem_format_version: 2023-07\nlimits:\n  time_resolution: 0\n"},
         "problem.yaml:3: limits.time_resolution: must be a number of at least 0.001"),
        ({"problem.yaml": "validator_flags: float_tolerance x\n"}, "validator_flags: float_tolerance must be followed"),
        ({"problem.yaml": "validator_flags: loose\n"}, "validator_flags: loose is unknown; must be case_sensitive, "),
        ({".timelimit": "soon", "problem.yaml": ""}, ".timelimit: timelimit: must contain the time limit in seconds"),
        ({"data/secret/2.in": ""}, "data/secret/2.ans: is missing; it is the answer of 2.in"),
        ({"data/testdata.yaml": "on_reject: pause\n"}, "testdata.yaml:1: on_reject: must be one of break, continue"),
        ({"data/testdata.yaml": "\ngrading: custom\n"}, "testdata.yaml:2: grading: custom graders are not supported"),
        ({"data/secret/testdata.yaml": "grader_flags: median\n"}, "testdata.yaml:1: grader_flags: median is unknown"),
        ({"data/secret/testdata.yaml": "accept_score: high\n"}, "testdata.yaml:1: accept_score: must be a number"),
        ({"data/secret/test_group.yaml": "score_aggregation: product\n"}, "test_group.yaml:1: score_aggregation: must"),
        ({"problem.yaml": "validation: custom\n", "output_validators/a/build": "", "output_validators/a/b.cpp": ""},
         "output_validators/a/build: is not supported; "),
        ({"problem.yaml": "validation: custom\n", "output_validators/a.py": "", "output_validators/b.py": ""},
         "output_validators: must contain one program; "),
    ],
)  # fmt: skip
def test_malformed_package_is_one_error_with_file_line_and_field(
    package: Path, files: dict[str, str], error: str
) -> None:
    write(package, files)

    with pytest.raises(PackageError) as raised:
        read_package(package)

    assert error in str(raised.value)
    assert "\n" not in str(raised.value).split("is not valid YAML")[0]


@pytest.mark.parametrize(
    ("remove", "error"),
    [
        (lambda folder: (folder / "problem.yaml").unlink(), "problem.yaml: is missing; a problem package is a folder"),
        (lambda folder: shutil.rmtree(folder / "data"), "data: must be a folder with sample and secret tests"),
        (lambda folder: (folder / "data/secret/1.in").unlink(), "data: must contain at least one test, such as"),
    ],
)
def test_incomplete_package_is_one_error(package: Path, remove: Callable[[Path], None], error: str) -> None:
    remove(package)

    with pytest.raises(PackageError, match=error):
        read_package(package)


def test_submissions_are_found_by_path(package: Path, tmp_path: Path) -> None:
    write(package, {"submissions/rejected/folder/main.py": "", "submissions/rejected/one.cpp": ""})
    write(tmp_path, {"mine.py": ""})
    read = read_package(package)

    paths = [package / "submissions/rejected", package / "submissions/accepted/sum.py", tmp_path / "mine.py"]
    found = find_submissions(read, paths)

    assert [(submission.path.name, submission.folder) for submission in found] == [
        ("folder", "rejected"), ("one.cpp", "rejected"), ("sum.py", "accepted"), ("mine.py", ""),
    ]  # fmt: skip
    assert found[-1].expected is None
    with pytest.raises(PackageError, match="does not exist"):
        find_submissions(read, [tmp_path / "missing.py"])


def test_language_follows_from_the_files(tmp_path: Path) -> None:
    assert choose_language(tmp_path, ["lib.py", "main.py", "notes.txt"], LANGUAGES) == (LANGUAGES[0], "main.py")
    assert choose_language(tmp_path, ["solver.h", "a.cpp"], LANGUAGES) == (LANGUAGES[1], "a.cpp")
    with pytest.raises(PyxecError, match="no installed language matches its files"):
        choose_language(tmp_path, ["main.zig"], LANGUAGES)


class FakeClient:
    """Accepts every submission, and records uploads and submitted jobs.

    The processor time of each test is the number in the source of the submission, or 0.
    """

    def __init__(self) -> None:
        self.uploads: list[Path] = []
        self.jobs: list[dict[str, Any]] = []

    def languages(self) -> list[Language]:
        return LANGUAGES

    def upload(self, path: Path, *, name: str) -> FileInfo:
        self.uploads.append(path)
        return FileInfo(f"{len(self.uploads):032}", name, path.stat().st_size, "", "", "")

    def submit(self, language: str, **options: Any) -> FinishedJob:
        self.jobs.append(options)
        seconds = float(options["files"][options["entrypoint"]] or 0)
        verdict = "accepted" if seconds <= options["limits"]["cpu_seconds"] else "time_limit"
        tests = tuple(
            CaseReport(name=test["name"], passed=True, outcome="ok", verdict=verdict, cpu_seconds=seconds)
            for test in options["tests"]
        )
        return FinishedJob(Result(id="1", outcome="ok", language=language, verdict=verdict, tests=tests))


class FinishedJob:
    """A job with this result."""

    def __init__(self, result: Result) -> None:
        self._result = result

    def stream(self) -> list[Event]:
        return []

    def wait(self) -> Result:
        return self._result


def test_large_and_binary_files_are_uploaded_once_for_all_submissions(package: Path) -> None:
    (package / "data/secret/2.in").write_text("x" * 100_000)
    (package / "data/secret/2.ans").write_bytes(b"\xff\xfe")
    write(package, {"submissions/wrong_answer/a.py": "", "submissions/accepted/b.cpp": ""})
    client = FakeClient()

    report = judge_package(client, read_package(package))  # type: ignore[arg-type]

    assert client.uploads == [package / "data/secret/2.in", package / "data/secret/2.ans"]
    assert len(client.jobs) == 3
    for job in client.jobs:
        small, large = job["tests"]
        assert (small["stdin"], small["expected_output"]) == ("1 2\n", "3\n")
        assert (large["stdin"].file_id, large["expected_output"].file_id) == (f"{1:032}", f"{2:032}")
    assert [(submission.name, submission.is_match) for submission in report.submissions] == [
        ("accepted/b.cpp", True), ("accepted/sum.py", True), ("wrong_answer/a.py", False),
    ]  # fmt: skip
    assert not report.is_ok


def test_tests_with_other_validator_arguments_are_another_job(package: Path) -> None:
    write(
        package,
        {
            "problem.yaml": "validation: custom\nlimits: {time_limit: 1}\n",
            "output_validators/check.py": "",
            "data/secret/a/testdata.yaml": "output_validator_flags: strict\n",
            **{f"data/secret/a/{n}.{suffix}": "" for n in (1, 2) for suffix in ("in", "ans")},
        },
    )
    client = FakeClient()

    judge_package(client, read_package(package))  # type: ignore[arg-type]

    assert [([test["name"] for test in job["tests"]], job["checker"]["args"]) for job in client.jobs] == [
        (["secret/1"], []), (["secret/a/1", "secret/a/2"], ["strict"]),
    ]  # fmt: skip


LEGACY = "limits:\n  memory: 128\n"
CURRENT = "problem_format_version: 2023-07\n"
MULTIPLIERS = CURRENT + "limits:\n  time_multipliers: {ac_to_time_limit: 1.5}\n  time_resolution: 0.1\n"


@pytest.mark.parametrize(
    ("problem", "seconds", "limit"),
    [
        (LEGACY, ["0.02", "0.01"], 1),
        (LEGACY, ["0.5", "0.69"], 3),
        (LEGACY + "  time_multiplier: 2\n", ["4"], 8),
        (LEGACY + "  time_multiplier: 1\n", ["1.4"], 2),
        (CURRENT, ["0.5"], 1),
        (CURRENT, ["0.51"], 2),
        (MULTIPLIERS, ["0.19", "0.01"], 0.3),
    ],
)
def test_time_limit_is_a_multiple_of_the_slowest_accepted_submission(
    package: Path, problem: str, seconds: list[str], limit: float
) -> None:
    (package / "submissions/accepted/sum.py").unlink()
    accepted = {f"submissions/accepted/{number}.py": text for number, text in enumerate(seconds)}
    slow = {"submissions/time_limit_exceeded/slow.py": str(limit + 0.05)}
    write(package, {"problem.yaml": problem, **accepted, **slow})
    client, progress = FakeClient(), []

    report = judge_package(client, read_package(package), on_progress=progress.append)  # type: ignore[arg-type]

    assert (report.time_limit_seconds, report.time_limit_source) == (limit, "accepted_submissions")
    # Each submission ran once, the accepted ones with enough time
    assert [job["limits"]["cpu_seconds"] for job in client.jobs] == [20] * len(seconds) + [limit]
    assert [submission.verdict for submission in report.submissions] == ["accepted"] * len(seconds) + ["time_limit"]
    assert report.is_ok
    assert (progress[-1].tests, progress[-1].total_tests) == (len(seconds) + 1, len(seconds) + 1)


def test_accepted_submissions_of_the_package_determine_the_time_limit_of_another_submission(
    package: Path, tmp_path: Path
) -> None:
    write(package, {"problem.yaml": LEGACY, "submissions/accepted/sum.py": "0.4"})
    write(tmp_path, {"mine.py": "3"})
    read, client = read_package(package), FakeClient()

    report = judge_package(client, read, find_submissions(read, [tmp_path / "mine.py"]))  # type: ignore[arg-type]

    [mine] = report.submissions
    assert (Path(mine.name).name, mine.verdict) == ("mine.py", "time_limit")
    assert [job["limits"]["cpu_seconds"] for job in client.jobs] == [20, 2]


@pytest.mark.parametrize(("options", "source", "limit"), [(JudgeOptions(3), "option", 3), (None, "default", 10)])
def test_accepted_submissions_do_not_determine_the_time_limit_when_it_is_known_or_none_is_accepted(
    package: Path, options: JudgeOptions | None, source: str, limit: float
) -> None:
    write(package, {"problem.yaml": LEGACY, "submissions/accepted/sum.py": "21"})

    report = judge_package(FakeClient(), read_package(package), options=options)  # type: ignore[arg-type]

    assert (report.time_limit_seconds, report.time_limit_source) == (limit, source)
    assert [submission.verdict for submission in report.submissions] == ["time_limit"]
    assert not report.is_ok
