"""Published clients of Piston, unmodified except for the base URL."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import ultra_piston
from pyston import File, PystonClient
from pyston.exceptions import ExecutionError
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
async def pyston(stack: Stack) -> AsyncIterator[PystonClient]:
    """A client in Python with aiohttp. It ends each path with a slash and sends -1 for "no limit"."""
    with pytest.warns(DeprecationWarning, match="verify_ssl"):
        client = PystonClient(base_url=f"{stack.url}/api/v2/")
    yield client
    await client.close_session()


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


# By default, a number that no installed version matches selects the nearest version (PYXEC_PISTON_ANY_VERSION).
@pytest.mark.parametrize(("language", "version"), [("klingon", "*"), ("python", "not-a-version")])
def test_ultra_piston_reports_an_unknown_runtime(ultra: ultra_piston.PistonClient, language: str, version: str) -> None:
    with pytest.raises(BadRequestError):
        ultra.post_execute(language, version, ultra_piston.File(content=READS_INPUT))


async def test_pyston_lists_runtimes(stack: Stack, pyston: PystonClient) -> None:
    assert len(await pyston.runtimes()) == len(stack.languages())
    (python,) = await pyston.get_runtimes("py3")
    assert python.language == "python"


async def test_pyston_executes(pyston: PystonClient) -> None:
    output = await pyston.execute("python", [File(READS_INPUT)], stdin="world", run_timeout=20_000)
    assert (output.langauge, output.run_stage.stdout, output.run_stage.code) == ("python", "hello world\n", 0)
    assert output.compile_stage is None


async def test_pyston_receives_stages_and_signals(pyston: PystonClient) -> None:
    source = "#include <stdlib.h>\nint main(void) { abort(); }"
    output = await pyston.execute("gcc", [File(source, "main.c")], compile_timeout=30_000, run_timeout=20_000)
    assert output.compile_stage.code == 0
    assert (output.run_stage.code, output.run_stage.signal) == (None, "SIGABRT")


async def test_pyston_reports_an_unknown_runtime(pyston: PystonClient) -> None:
    with pytest.raises(ExecutionError, match="klingon"):
        await pyston.execute("klingon", [File("")])
