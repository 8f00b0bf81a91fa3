"""The six test programs of each language, with the default limits of the language."""

from __future__ import annotations

import pytest

from app.core.outcomes import Outcome
from tests.languages.jobs import program
from tests.sandbox.sandbox_fixture import LANGUAGES, SandboxFixture

pytestmark = pytest.mark.docker
ISOLATIONS = ("container",)

LINES = b"one\ntwo words\nthe third line\n"


def test_hello_prints_exactly_its_output(sandbox: SandboxFixture, language: str) -> None:
    hello = LANGUAGES[language].hello

    result = sandbox.run(program(language, hello.source))

    assert (result.outcome, result.text, result.stderr) == (Outcome.OK, hello.output, b"")


def test_echo_prints_its_input(sandbox: SandboxFixture, language: str) -> None:
    result = sandbox.run(program(language, LANGUAGES[language].programs.echo, stdin=LINES))

    assert (result.outcome, result.stdout) == (Outcome.OK, LINES), result.stderr


def test_compile_error_ends_the_job(sandbox: SandboxFixture, language: str) -> None:
    source = LANGUAGES[language].programs.compile_error
    if source is None:
        assert LANGUAGES[language].phases == ("run",)
        return

    result = sandbox.run(program(language, source))

    assert (result.outcome, [phase.name for phase in result.phases]) == (Outcome.COMPILE_ERROR, ["compile"])
    assert result.last.exit_code, result.verdict.message
    assert result.stdout + result.stderr, "the compiler prints no message"


def test_runtime_error_is_reported(sandbox: SandboxFixture, language: str) -> None:
    result = sandbox.run(program(language, LANGUAGES[language].programs.runtime_error))

    assert result.outcome in (Outcome.NONZERO_EXIT, Outcome.SIGNALED), result
    assert result.last.name == "run"


def test_endless_program_ends_at_its_cpu_time_limit(sandbox: SandboxFixture, language: str) -> None:
    endless = program(language, LANGUAGES[language].programs.time_limit, cpu_seconds=3, wall_seconds=60)

    result = sandbox.run(endless)

    assert result.outcome == Outcome.CPU_TIME_LIMIT, result
    assert result.last.name == "run"


def test_program_that_needs_more_memory_ends_at_its_memory_limit(sandbox: SandboxFixture, language: str) -> None:
    greedy = program(language, LANGUAGES[language].programs.memory_limit, cpu_seconds=60, wall_seconds=120)

    result = sandbox.run(greedy)

    assert result.outcome == Outcome.MEMORY_LIMIT, (result.verdict, result.stderr[-2000:])
    assert result.last.name == "run"


def test_hello_runs_with_a_byte_order_mark_and_crlf(sandbox: SandboxFixture, language: str) -> None:
    hello = LANGUAGES[language].hello

    result = sandbox.run(program(language, "\ufeff" + hello.source.strip().replace("\n", "\r\n") + "\r\n"))

    assert (result.outcome, result.text.replace("\r", ""), result.stderr) == (Outcome.OK, hello.output, b"")


def test_echo_runs_with_crlf(sandbox: SandboxFixture, language: str) -> None:
    source = LANGUAGES[language].programs.echo.replace("\n", "\r\n")

    result = sandbox.run(program(language, source, stdin=LINES))

    assert (result.outcome, result.stdout) == (Outcome.OK, LINES), result.stderr
