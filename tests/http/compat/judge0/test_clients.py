"""Published clients of Judge0, unmodified except for the base URL."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import judge0
import judge0_client
import judge0api
import pytest
import requests
from judge0.retry import RegularPeriodRetry
from judge0_client.models.multi_file_submission import MultiFileSubmission
from judge0_client.models.single_file_submission import SingleFileSubmission

from tests.stack import Stack

pytestmark = [pytest.mark.docker, pytest.mark.filterwarnings("default::ResourceWarning")]


@pytest.fixture
def base_url(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return f"{stack.url}/judge0"


@pytest.fixture
def official(base_url: str) -> Iterator[judge0.Client]:
    """Judge0's own SDK."""
    yield judge0.Client(endpoint=base_url)
    logging.getLogger("judge0").handlers.clear()


QUICK = RegularPeriodRetry(wait_time_sec=0.05)


def run(client: judge0.Client, **options: Any) -> Any:
    return judge0.run(client=client, retry_strategy=QUICK, **options)


def test_official_sdk_runs_a_program(official: judge0.Client) -> None:
    # The SDK selects the language id by the version, and checks that it is listed.
    assert official.version == "1.13.1"
    done = run(official, source_code="print(input()[::-1])", language=judge0.PYTHON, stdin="abc", expected_output="cba")
    assert done.status is judge0.Status.ACCEPTED
    assert (done.stdout, done.exit_code, done.exit_signal) == ("cba\n", 0, None)
    assert done.time > 0
    assert done.memory > 0
    assert isinstance(done.created_at, datetime)
    assert done.created_at < done.finished_at


def test_official_sdk_runs_test_cases(official: judge0.Client) -> None:
    source = "#include <iostream>\nint main() { int a = 0, b = 0; std::cin >> a >> b; std::cout << a + b; }"
    cases = [judge0.TestCase("1 2", "3"), judge0.TestCase("3 4", "8"), judge0.TestCase("x", "0")]
    done = run(official, source_code=source, language=judge0.CPP, test_cases=cases)
    assert [submission.status for submission in done] == [
        judge0.Status.ACCEPTED, judge0.Status.WRONG_ANSWER, judge0.Status.ACCEPTED,
    ]  # fmt: skip
    assert [submission.stdout for submission in done] == ["3", "7", "0"]


def test_official_sdk_reports_errors(official: judge0.Client) -> None:
    broken = run(official, source_code="int main() {", language=judge0.C)
    assert broken.status is judge0.Status.COMPILATION_ERROR
    assert "expected declaration" in broken.compile_output
    endless = run(
        official, source_code="while True: pass", language=judge0.PYTHON, cpu_time_limit=0.2, wall_time_limit=60
    )
    assert endless.status is judge0.Status.TIME_LIMIT_EXCEEDED


def test_official_sdk_sends_a_file_system(official: judge0.Client) -> None:
    files = judge0.Filesystem(
        content=[judge0.File(name="run", content="python3 main.py"), judge0.File(name="main.py", content="print(7)")]
    )
    done = run(official, source_code="", additional_files=files, language=judge0.MULTI_FILE)
    assert done.stdout == "7\n"


async def test_judge0_client_submits_and_polls(base_url: str) -> None:
    async with judge0_client.Judge0Client(base_url) as client:
        about = await client.get_about()
        assert about.version == "1.13.1"
        (workers,) = await client.get_workers()
        assert workers.available == 1
        assert "Pyxec" in await client.get_isolate()
        assert "MIT" in await client.get_license()
        single = SingleFileSubmission(
            source_code="print(open('data/n').read(), input(), sep='-')", language_id=71, stdin="in",
            additional_files={"data/n": "12"}, expected_output="12-in", memory_limit=64_000, cpu_time_limit=2,
        )  # fmt: skip
        many = MultiFileSubmission(
            additional_files={"compile": "gcc m.c", "run": "./a.out", "m.c": "int main(){return 3;}"}
        )
        tokens = [(await client.create_submission(submission)).token for submission in (single, many)]
        first, second = [await _wait_for(client, token) for token in tokens]
    assert (first.status.description, first.stdout) == ("Accepted", "12-in\n")
    assert (second.status.id, second.message) == (11, "Exited with error status 3")


async def test_judge0_client_reports_errors(base_url: str) -> None:
    async with judge0_client.Judge0Client(base_url, auth_token="not-a-key") as client:
        with pytest.raises(Exception, match=r"HTTP 401: \{'error': 'the API key is invalid"):
            await client.get_about()


async def _wait_for(client: Any, token: str) -> Any:
    while (found := await client.get_submission(token)).status.id <= 2:
        await asyncio.sleep(0.1)
    return found


def test_judge0api_waits_for_the_result(base_url: str) -> None:
    # This client adds a slash to the path, waits for the response, and reads the submission again.
    client = judge0api.Client(base_url)
    done = judge0api.submission.submit(
        client, b"print(input())", 71, stdin=b"x", expected_output=b"x", number_of_runs=2
    )
    assert (done.status["id"], done.stdout) == (3, b"x\n")
    again = judge0api.submission.get(client, done.token)
    assert (again.status["id"], again.stdout, again.exit_code) == (3, b"x\n", 0)
    client.session.close()


def test_judge0api_reports_errors(base_url: str) -> None:
    client = judge0api.Client(base_url)
    with pytest.raises(requests.HTTPError, match="422"):
        judge0api.submission.submit(client, b"print(1)", 70)
    client.session.close()


def test_official_sdk_reports_an_invalid_token(base_url: str) -> None:
    with pytest.raises(RuntimeError, match="Authentication failed"):
        judge0.Client(endpoint=base_url, headers={"X-Auth-Token": "not-a-key"})
