"""Published clients of Piston, unmodified except for the base URL."""

from __future__ import annotations

import piston_rspy
import pytest
import ultra_piston
from ultra_piston.errors import BadRequestError

from tests.stack import Stack

pytestmark = pytest.mark.docker

READS_INPUT = "print('hello', input())"
C = '#include <stdio.h>\nint main(void) { puts("ran"); return 4; }'


@pytest.fixture
def ultra(stack: Stack) -> ultra_piston.PistonClient:
    """A client in Python with httpx and pydantic."""
    return ultra_piston.PistonClient(base_url=f"{stack.url}/api/v2/piston/", rate_limit=0)


@pytest.fixture
def rspy(stack: Stack) -> piston_rspy.Client:
    """A client in Rust with reqwest and serde."""
    return piston_rspy.Client.with_url(f"{stack.url}/api/v2")


def test_ultra_piston_lists_runtimes_and_packages(stack: Stack, ultra: ultra_piston.PistonClient) -> None:
    runtimes = {runtime.language: runtime for runtime in ultra.get_runtimes()}
    assert "py3" in runtimes["python"].aliases
    assert len(runtimes) == len(stack.languages())
    packages = {package.language: package for package in ultra.get_packages()}
    assert packages["python"].installed
    assert packages["python"].language_version == runtimes["python"].version


def test_ultra_piston_executes(ultra: ultra_piston.PistonClient) -> None:
    file = ultra_piston.File(content=READS_INPUT)
    output = ultra.post_execute("py3", "3.x", file, stdin="world", run_timeout=20_000)
    assert (output.language, output.run.stdout, output.run.code) == ("python", "hello world\n", 0)
    assert output.compile is None


async def test_ultra_piston_executes_without_blocking(ultra: ultra_piston.PistonClient) -> None:
    file = ultra_piston.File(name="main.c", content=C)
    output = await ultra.post_execute_async("c", "*", file, compile_timeout=30_000, run_timeout=20_000)
    assert output.compile is not None
    assert (output.compile.code, output.run.output, output.run.code) == (0, "ran\n", 4)


def test_ultra_piston_reports_an_unknown_runtime(ultra: ultra_piston.PistonClient) -> None:
    with pytest.raises(BadRequestError):
        ultra.post_execute("python", "2.x", ultra_piston.File(content=READS_INPUT))


async def test_piston_rspy_lists_runtimes(stack: Stack, rspy: piston_rspy.Client) -> None:
    runtimes = {runtime.language: runtime for runtime in await rspy.fetch_runtimes()}
    assert "py" in runtimes["python"].aliases
    assert len(runtimes) == len(stack.languages())


async def test_piston_rspy_executes(rspy: piston_rspy.Client) -> None:
    executor = piston_rspy.Executor().set_language("python").set_version("*").set_stdin("Rust").set_run_timeout(20_000)
    response = await rspy.execute(executor.add_file(piston_rspy.File(name="main.py", content=READS_INPUT)))
    assert (response.status, response.language, response.run.stdout) == (200, "python", "hello Rust\n")


async def test_piston_rspy_receives_stages_and_signals(rspy: piston_rspy.Client) -> None:
    source = "#include <stdlib.h>\nint main(void) { abort(); }"
    executor = piston_rspy.Executor().set_language("gcc").set_version("*").set_run_timeout(20_000)
    response = await rspy.execute(executor.add_file(piston_rspy.File(name="main.c", content=source)))
    assert response.compile is not None
    assert (response.compile.code, response.run.code, response.run.signal) == (0, None, "SIGABRT")


async def test_piston_rspy_reports_an_unknown_runtime(rspy: piston_rspy.Client) -> None:
    executor = piston_rspy.Executor().set_language("cobol").set_version("*")
    response = await rspy.execute(executor.add_file(piston_rspy.File(name="a", content="")))
    assert (response.status, response.is_err()) == (400, True)
