"""The published client of SandboxFusion, unmodified except for the base URL, on a whole service."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import pytest
import sandbox_fusion as client
from sandbox_fusion import CommandRunStatus, RunCodeRequest, RunCodeResponse, RunStatus, SummaryMapping

from tests.stack import Stack

pytestmark = pytest.mark.docker

# Each prints 42, after a compile phase if the language has one.
PROGRAMS = {
    "python": "print(6 * 7)",
    "nodejs": "console.log(6 * 7)",
    "cpp": "#include <iostream>\nint main() { static_assert(__cplusplus == 201703L); std::cout << 42 << std::endl; }",
    "typescript": "const answer: string = 6 * 7;\nconsole.log(answer);",  # the types are not checked
    "bash": "echo $((6 * 7))",
}
COMPILED = {"cpp", "typescript"}
MAPPING = SummaryMapping(
    CompileFailed="compile failed", CompileTimeout="compile timeout", RunFailed="run failed", RunTimeout="run timeout"
)


@pytest.fixture(autouse=True)
def endpoint(stack: Stack) -> None:
    client.set_endpoint(f"{stack.url}/sandboxfusion/")


def run(**request: Any) -> RunCodeResponse:
    """The response to one request; a failure is not repeated."""
    response: RunCodeResponse = client.run_code(
        RunCodeRequest(**{"language": "python", "compile_timeout": 30, **request}), max_attempts=1
    )
    return response


def encode(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize("language", PROGRAMS)
def test_client_runs_a_program_of_each_language(language: str) -> None:
    response = run(language=language, code=PROGRAMS[language])

    assert (response.status, response.message) == (RunStatus.Success, "")
    assert (response.run_result.status, response.run_result.return_code) == (CommandRunStatus.Finished, 0)
    assert (response.run_result.stdout, response.run_result.stderr) == ("42\n", "")
    assert 0 < response.run_result.execution_time < 10
    assert (response.compile_result is not None) == (language in COMPILED)


def test_program_receives_input_and_files_and_its_files_are_fetched() -> None:
    code = """
import pathlib, helper
text = input() + pathlib.Path("data/in.txt").read_text() + helper.NAME
pathlib.Path("out").mkdir()
pathlib.Path("out/result.txt").write_text(text)
"""
    files = {"data/in.txt": encode("b"), "./helper.py": encode("NAME = 'c'"), "main.py": encode("x"), "skipped": None}
    response = run(code=code, stdin="a", files=files, fetch_files=["out/result.txt", "./missing.txt"])

    assert response.status == RunStatus.Success, response
    assert response.files == {"out/result.txt": encode("abc")}


@pytest.mark.parametrize(
    ("request_fields", "summary", "return_code"),
    [
        ({"code": "exit(3)"}, "run failed", 3),
        ({"code": "import os; os.abort()"}, "run failed", -6),
        ({"code": "import time; time.sleep(9)", "run_timeout": 0.3}, "run timeout", None),
        ({"language": "cpp", "code": "int main() { return oops; }"}, "compile failed", 1),
        (
            {"language": "cpp", "code": "#include <regex>\nint main() {}", "compile_timeout": 0.1},
            "compile timeout",
            None,
        ),
    ],
    ids=["exit code", "signal", "time limit", "compile error", "compile time limit"],
)
def test_failed_program_has_a_status_that_the_client_summarizes(
    request_fields: dict[str, Any], summary: str, return_code: int | None
) -> None:
    response = run(**request_fields)

    assert response.status == RunStatus.Failed
    assert client.summary_run_code_result(response, MAPPING) == summary
    decisive = response.run_result or response.compile_result
    assert decisive.return_code == return_code
    assert (response.run_result is None) == ("compile" in summary)


def test_memory_limit_stops_a_program(stack: Stack) -> None:
    body = {"language": "python", "code": "bytearray(300_000_000)", "memory_limit_MB": 100}
    response = stack.http.post("/sandboxfusion/run_code", json=body).json()

    assert (response["status"], response["run_result"]["return_code"]) == ("Failed", -9)
    assert "memory" in response["message"]


def test_pytest_runs_tests_with_arguments(stack: Stack) -> None:
    code = "import helper\ndef test_one(): assert helper.ONE == 1\ndef test_two(): assert helper.ONE == 2"
    body = {"language": "pytest", "code": code, "files": {"helper.py": encode("ONE = 1")}, "args": ["-k", "test_one"]}
    passed = stack.http.post("/sandboxfusion/run_code", json=body).json()
    failed = stack.http.post("/sandboxfusion/run_code", json={**body, "args": []}).json()

    assert (passed["status"], passed["run_result"]["return_code"]) == ("Success", 0)
    assert "1 passed, 1 deselected" in passed["run_result"]["stdout"]
    assert (failed["status"], failed["run_result"]["return_code"]) == ("Failed", 1)
    assert "assert 1 == 2" in failed["run_result"]["stdout"]


def test_language_that_is_not_installed_is_an_error_of_the_sandbox() -> None:
    with pytest.raises(Exception, match="Sandbox responded with error: cuda is not installed; installed are: python"):
        run(language="cuda", code="")


async def test_async_client_runs_many_programs_at_once() -> None:
    requests = [RunCodeRequest(language="python", code=f"print({number})") for number in range(12)]
    responses = await asyncio.gather(*(client.run_code_async(request, max_attempts=1) for request in requests))

    assert [response.run_result.stdout for response in responses] == [f"{number}\n" for number in range(12)]


def test_run_concurrent_runs_many_programs_at_once() -> None:
    requests = [[RunCodeRequest(language="python", code=f"print({number})")] for number in range(12)]
    responses = client.run_concurrent(client.run_code, args=requests, concurrency=12)

    assert [response.run_result.stdout for response in responses] == [f"{number}\n" for number in range(12)]
