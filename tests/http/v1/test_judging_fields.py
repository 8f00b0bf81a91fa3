"""Each invalid judging field of a job is a 422 that names the field, and nothing is queued."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from app.core.job.spec import JobRequest
from app.core.judging.cases import CaseLimits, CaseRequest
from app.core.judging.checker import CheckerRequest
from app.core.judging.comparison import Comparison
from app.core.judging.groups import TestGroup
from app.core.limits import LimitOverrides
from app.core.source_files import FileRequest
from tests.http.gateway import JOB, PYTHON, StartGateway

TEST = {"stdin": "1", "expected_output": "1"}
CHECKER = {"language": "python", "source": ""}
GROUP = {"name": "g", "tests": ["1"]}
NUL = "\0"


def with_test(**fields: Any) -> dict[str, Any]:
    return {"tests": [{**TEST, **fields}]}


def with_checker(**fields: Any) -> dict[str, Any]:
    return {"tests": [TEST], "checker": {**CHECKER, **fields}}


def with_group(**fields: Any) -> dict[str, Any]:
    return {"tests": [TEST], "groups": [{**GROUP, **fields}]}


def comparisons() -> Iterator[tuple[dict[str, Any], str, str]]:
    """Yield invalid comparisons: of the job as ``compare``, of a test as ``tests[0].compare``."""
    tokens = {"mode": "tokens"}
    invalid: list[tuple[Any, str, str]] = [
        ("fuzzy", "", ""),
        (7, "", ""),
        ({"mode": "fuzzy"}, ".mode", ""),
        ({**tokens, "case_sensitive": "no"}, ".case_sensitive", ""),
        ({"mode": "exact", "case_sensitive": False}, ".case_sensitive", "requires the mode lines or tokens, not exact"),
        ({**tokens, "space_change_sensitive": 1}, ".space_change_sensitive", ""),
        ({"space_change_sensitive": True}, ".space_change_sensitive", "requires the mode tokens, not lines"),
        *(
            ({**mode, name: value}, f".{name}", reason)
            for name in ("float_absolute_tolerance", "float_relative_tolerance")
            for mode, value, reason in (
                (tokens, -1e-9, "must be 0 to 1e+09"),
                (tokens, 2e9, "must be 0 to 1e+09"),
                (tokens, "1e-6", ""),
                ({"mode": "lines"}, 1e-6, "requires the mode tokens, not lines"),
                ({"mode": "exact"}, 1e-6, "requires the mode tokens, not exact"),
            )
        ),
        ({**tokens, "tolerance": 1}, ".tolerance", "unknown field"),
    ]
    for compare, field, reason in invalid:
        yield {"tests": [TEST], "compare": compare}, f"compare{field}", reason
        yield with_test(compare=compare), f"tests[0].compare{field}", reason


def checkers(name: str) -> Iterator[tuple[dict[str, Any], str, str]]:
    """Yield invalid checkers or interactors."""
    files = [{"name": "a.py", "content": ""}]
    invalid: list[tuple[dict[str, Any], str, str]] = [
        ({"source": ""}, ".language", "is required"),
        ({**CHECKER, "language": "klingon"}, ".language", "is not installed; the installed languages are: "),
        ({**CHECKER, "language": 7}, ".language", ""),
        ({**CHECKER, "version": "2.7"}, ".version", ""),
        ({"language": "python"}, ".source", "either source or files is required, not both"),
        ({**CHECKER, "files": files}, ".source", "either source or files is required, not both"),
        ({"language": "python", "files": []}, ".files", "must contain 1 to 64 files"),
        ({"language": "python", "files": [*files, *files]}, ".files[1].name", "is a duplicate"),
        ({"language": "python", "files": [{"name": "../a", "content": ""}]}, ".files[0].name", ""),
        ({"language": "python", "files": [{"name": "a"}]}, ".files[0].content", "is required"),
        ({"language": "python", "files": [{"name": "a", "content": "?", "encoding": "base64"}]}, ".files[0].content",
         "is not valid base64"),
        ({"language": "python", "files": [{"name": "a", "content": "", "encoding": "x"}]}, ".files[0].encoding", ""),
        ({**CHECKER, "entrypoint": "other.py"}, ".entrypoint", "must be the name of one of the files"),
        ({**CHECKER, "style": "polygon"}, ".style", ""),
        ({**CHECKER, "args": [NUL]}, ".args[0]", "must have no NUL character"),
        ({**CHECKER, "args": ["x"] * 129}, ".args", "must be at most 128"),
        ({**CHECKER, "args": "x"}, ".args", ""),
        ({**CHECKER, "limits": {"wall_seconds": 0}}, ".limits.wall_seconds", "must be between 0.1 and 300 s"),
        ({**CHECKER, "limits": {"cpu_seconds": 1e6}}, ".limits.cpu_seconds", "must be between 0.1 and 300 s"),
        ({**CHECKER, "limits": {"memory_bytes": 1}}, ".limits.memory_bytes", ""),
        ({**CHECKER, "limits": {"processes": 0}}, ".limits.processes", ""),
        ({**CHECKER, "limits": {"output_bytes": 0}}, ".limits.output_bytes", ""),
        ({**CHECKER, "limits": {"disk_bytes": 0}}, ".limits.disk_bytes", ""),
        ({**CHECKER, "limits": {"open_files": 0}}, ".limits.open_files", ""),
        ({**CHECKER, "limits": {"stack_bytes": 0}}, ".limits.stack_bytes", ""),
        ({**CHECKER, "limits": {"swap_bytes": 1}}, ".limits.swap_bytes", "unknown field"),
        ({**CHECKER, "kind": "x"}, ".kind", "unknown field"),
        (7, "", ""),
    ]  # fmt: skip
    for value, field, reason in invalid:
        yield {"tests": [TEST], name: value}, f"{name}{field}", reason
    yield {name: CHECKER}, name, "requires tests"
    yield {"tests": [TEST], name: CHECKER, "compare": "exact"}, "compare", f"cannot be combined with {name}"
    yield {**with_test(compare="exact"), name: CHECKER}, "tests[0].compare", f"cannot be combined with {name}"


CASES: list[tuple[dict[str, Any], str, str]] = [
    # tests
    ({"tests": "1"}, "tests", ""),
    ({"tests": [{}] * 1001}, "tests", "must be at most 1000"),
    ({"tests": [{"stdin": "x" * 3 * 2**20}] * 3}, "tests", "must be at most 8388608 bytes together"),
    ({"tests": [{}] * 60, "limits": {"wall_seconds": 20}}, "tests", "must have at most 1000 wall_seconds together"),
    ({"tests": [{"limits": {"output_bytes": 2**26}}] * 2}, "tests", "must have at most 67108864 output_bytes together"),
    (with_test(name=""), "tests[0].name", "must be 1 to 100 printable characters"),
    (with_test(name="a\nb"), "tests[0].name", "must be 1 to 100 printable characters"),
    (with_test(name="x" * 101), "tests[0].name", "must be 1 to 100 printable characters"),
    ({"tests": [{"name": "2"}, {}]}, "tests[1].name", "is a duplicate"),
    (with_test(stdin=7), "tests[0].stdin", ""),
    (with_test(stdin="x" * (2**22 + 1)), "tests[0].stdin", "must be at most 4194304 bytes"),
    (with_test(args=[NUL]), "tests[0].args[0]", "must have no NUL character"),
    (with_test(args=["x" * 2**15]), "tests[0].args", "must be at most 32768 bytes together"),
    (with_test(expected_output=7), "tests[0].expected_output", ""),
    (with_test(limits={"wall_seconds": 301}), "tests[0].limits.wall_seconds", "must be between 0.1 and 300 s"),
    (with_test(limits={"cpu_seconds": 0}), "tests[0].limits.cpu_seconds", "must be between 0.1 and 300 s"),
    (with_test(limits={"output_bytes": 0}), "tests[0].limits.output_bytes", "must be between 1 and 67108864 bytes"),
    (with_test(limits={"open_files": 1}), "tests[0].limits.open_files", "must be between 16 and 1024"),
    (with_test(limits={"memory_bytes": 2**27}), "tests[0].limits.memory_bytes", "unknown field"),
    (with_test(timeout=1), "tests[0].timeout", "unknown field"),
    # compare
    *comparisons(),
    ({"compare": "exact"}, "compare", "requires a test with expected_output"),
    ({"tests": [{"stdin": ""}], "compare": "exact"}, "compare", "requires a test with expected_output"),
    ({"tests": [{"compare": "exact"}]}, "tests[0].compare", "requires expected_output"),
    # checker, interactor
    *checkers("checker"),
    *checkers("interactor"),
    ({"tests": [TEST], "checker": CHECKER, "interactor": CHECKER}, "interactor", "cannot be combined with checker"),
    # groups
    ({"groups": [GROUP]}, "groups", "requires tests"),
    ({"tests": [TEST], "groups": {}}, "groups", ""),
    ({"tests": [TEST], "groups": [{**GROUP, "name": str(n)} for n in range(1001)]}, "groups", "must be at most 1000"),
    (with_group(name=""), "groups[0].name", "must be 1 to 100 printable characters"),
    ({"tests": [TEST], "groups": [GROUP, GROUP]}, "groups[1].name", "is a duplicate"),
    (with_group(tests=[]), "groups[0].tests", "must contain 1 to 1000 names of tests"),
    (with_group(tests=["2"]), "groups[0].tests[0]", "must be the name of a test"),
    (with_group(tests=["1", "1"]), "groups[0].tests[1]", "is a duplicate"),
    ({"tests": [{}], "groups": [GROUP]}, "groups[0].tests[0]", "must be a test with expected_output, or the job needs"),
    (with_group(weight=-1), "groups[0].weight", "must be between 0 and 1000000"),
    (with_group(weight=2e6), "groups[0].weight", "must be between 0 and 1000000"),
    (with_group(weight="1"), "groups[0].weight", ""),
    (with_group(aggregation="median"), "groups[0].aggregation", ""),
    (with_group(points=1), "groups[0].points", "unknown field"),
    # stop_on_first_failure, tests_parallel
    ({"stop_on_first_failure": True}, "stop_on_first_failure", "requires tests"),
    ({"tests": [TEST], "stop_on_first_failure": "yes"}, "stop_on_first_failure", ""),
    ({"tests_parallel": 2}, "tests_parallel", "requires tests"),
    ({"tests": [TEST], "tests_parallel": 0}, "tests_parallel", "must be 1 to 32"),
    ({"tests": [TEST], "tests_parallel": 33}, "tests_parallel", "must be 1 to 32"),
    ({"tests": [TEST], "tests_parallel": 1.5}, "tests_parallel", ""),
    ({"tests": [TEST], "tests_parallel": None}, "tests_parallel", ""),
    # What excludes tests
    ({"tests": [TEST], "interactive": True}, "interactive", "cannot be combined with tests"),
    ({"tests": [TEST], "tty": {}}, "tty", "cannot be combined with tests"),
    ({"tests": [TEST], "artifacts": ["*"]}, "artifacts", "cannot be combined with tests"),
]  # fmt: skip


async def test_invalid_field_is_named_and_nothing_is_queued(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(languages=[PYTHON])
    wrong = []
    for body, field, reason in CASES:
        response = await gateway.client.post("/v1/jobs", json={**JOB, **body})
        problem = response.json()
        seen = (response.status_code, problem.get("field"), reason in problem.get("detail", ""))
        if seen != (422, field, True):
            wrong.append((field, reason, response.status_code, problem.get("field"), problem.get("detail")))
    assert wrong == []
    assert gateway.job_ids() == []


@pytest.mark.parametrize(
    ("struct", "prefix"),
    [
        (CaseRequest, "tests[0]."),
        (CaseLimits, "tests[0].limits."),
        (Comparison, "compare."),
        (Comparison, "tests[0].compare."),
        (CheckerRequest, "checker."),
        (CheckerRequest, "interactor."),
        (LimitOverrides, "checker.limits."),
        (LimitOverrides, "interactor.limits."),
        (FileRequest, "checker.files[0]."),
        (FileRequest, "interactor.files[0]."),
        (TestGroup, "groups[0]."),
    ],
)
def test_cases_contain_all_judging_fields(struct: type[msgspec.Struct], prefix: str) -> None:
    named = {re.sub(r"(?<=files\[)1(?=\])", "0", field) for _, field, _ in CASES}
    named |= {field.replace("groups[1]", "groups[0]") for field in named}

    missing = [
        name
        for name in struct.__struct_fields__
        if not any(
            field == f"{prefix}{name}" or re.match(re.escape(f"{prefix}{name}") + r"[.\[]", field) for field in named
        )
    ]
    assert missing == []


def test_cases_contain_all_judging_fields_of_a_job() -> None:
    judging = {"tests", "compare", "checker", "interactor", "groups", "stop_on_first_failure", "tests_parallel"}
    assert judging <= set(JobRequest.__struct_fields__)
    assert judging <= {field for _, field, _ in CASES}
