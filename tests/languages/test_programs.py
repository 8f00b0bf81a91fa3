"""Every language does what its file says: five programs each, in a real sandbox with the language's own limits."""

from __future__ import annotations

import pytest

from app.core.outcomes import Outcome
from tests.languages.jobs import program
from tests.sandbox.arena import LANGUAGES, Arena

pytestmark = pytest.mark.docker

LINES = b"one\ntwo words\nthe third line\n"


def test_hello_prints_what_it_must_and_nothing_else(arena: Arena, language: str) -> None:
    hello = LANGUAGES[language].hello

    ran = arena.run(program(language, hello.source))

    assert (ran.outcome, ran.text, ran.stderr) == (Outcome.OK, hello.output, b"")


def test_a_program_reads_its_input(arena: Arena, language: str) -> None:
    ran = arena.run(program(language, LANGUAGES[language].programs.echo, stdin=LINES))

    assert (ran.outcome, ran.stdout) == (Outcome.OK, LINES), ran.stderr


def test_what_the_compiler_refuses_is_never_run(arena: Arena, language: str) -> None:
    source = LANGUAGES[language].programs.compile_error
    if source is None:
        # Then a program is run as it is, and only that can be wrong.
        assert LANGUAGES[language].phases == ("run",)
        return

    ran = arena.run(program(language, source))

    assert (ran.outcome, [phase.name for phase in ran.phases]) == (Outcome.COMPILE_ERROR, ["compile"])
    assert ran.last.exit_code, ran.verdict.message
    assert ran.stdout + ran.stderr, "a compiler says what is wrong"


def test_a_program_that_fails_is_told_from_one_that_does_not(arena: Arena, language: str) -> None:
    ran = arena.run(program(language, LANGUAGES[language].programs.runtime_error))

    assert ran.outcome in (Outcome.NONZERO_EXIT, Outcome.SIGNALED), ran
    assert ran.last.name == "run"


def test_an_endless_program_ends_at_its_limit(arena: Arena, language: str) -> None:
    endless = program(language, LANGUAGES[language].programs.time_limit, cpu_seconds=3, wall_seconds=60)

    ran = arena.run(endless)

    assert ran.outcome == Outcome.CPU_TIME_LIMIT, ran
    assert ran.last.name == "run"
