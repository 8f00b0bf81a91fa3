"""A published client of Piston in Rust with reqwest and serde, unmodified except for the base URL."""

from __future__ import annotations

import pytest

from tests.stack import Stack

piston_rspy = pytest.importorskip("piston_rspy", reason="piston-rspy has no wheels for Python 3.13")

pytestmark = pytest.mark.docker

READS_INPUT = "print('hello', input())"


@pytest.fixture
def rspy(stack: Stack) -> piston_rspy.Client:
    return piston_rspy.Client.with_url(f"{stack.url}/api/v2")


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
    executor = piston_rspy.Executor().set_language("klingon").set_version("*")
    response = await rspy.execute(executor.add_file(piston_rspy.File(name="a", content="")))
    assert (response.status, response.is_err()) == (400, True)
