"""A job's limits are its program's: the compiler has what its language usually has."""

from __future__ import annotations

import msgspec
import pytest

from app.core.cases import CaseSpec
from app.sandbox.resources import resources_by_stage
from tests.sandbox.arena import LANGUAGES, MIB, Arena, job

ECHO = "#include <stdio.h>\nint main(void) { int c; while ((c = getchar()) != EOF) putchar(c); }"
# Of the two that are the runner's, a program gets one while no other phase is to begin.
SPARE = 1
FORK = """
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

int main(void) {
    int children = 0;
    pid_t child;
    while ((child = fork()) > 0)
        children++;
    if (child == 0)
        pause();
    printf("%d %s\\n", children, errno == EAGAIN ? "and no more" : "?");
    return 0;
}
"""
HOARD = """
#include <bits/stdc++.h>

int main() {
    std::puts("begun");
    std::fflush(stdout);
    std::vector<char> hoard(64 << 20, 'x');
    return hoard[123] == 'y';
}
"""


def test_a_compiler_has_at_least_what_its_language_usually_has() -> None:
    cpp = LANGUAGES["cpp"]

    stages = resources_by_stage(job("cpp", "", processes=1, memory_bytes=32 * MIB), cpp, 1.0)

    assert (stages.initial.processes, stages.initial.memory_bytes) == (66, 512 * MIB)
    assert stages.program is not None
    assert (stages.program.processes, stages.program.memory_bytes) == (3, 32 * MIB)
    assert stages.initial.disk_bytes == stages.program.disk_bytes


@pytest.mark.parametrize(
    ("language", "limits"),
    [("python", {"processes": 1}), ("c", {}), ("c", {"processes": 200, "memory_bytes": 1024 * MIB})],
)
def test_nothing_changes_in_between_where_the_program_has_no_less(language: str, limits: dict[str, float]) -> None:
    assert resources_by_stage(job(language, "", **limits), LANGUAGES[language], 1.0).program is None


@pytest.mark.docker
def test_a_program_that_may_have_one_process_is_compiled_with_more(arena: Arena) -> None:
    ran = arena.run(job("c", FORK, processes=1))

    assert (ran.outcome, ran.text, ran.stderr) == ("ok", f"{SPARE} and no more\n", b"")


@pytest.mark.docker
def test_its_tests_are_held_to_it_as_well(arena: Arena) -> None:
    spec = job("c", FORK, processes=1)
    cases = [CaseSpec(name=name, stdin=b"", args=(), expected_output=None, limits=spec.limits) for name in "ab"]

    ran = arena.run(msgspec.structs.replace(spec, tests=tuple(cases)))

    assert (ran.outcome, ran.text) == ("ok", f"{SPARE} and no more\n" * 2)


@pytest.mark.docker
def test_a_program_that_may_have_little_memory_is_compiled_with_more(arena: Arena) -> None:
    ran = arena.run(job("cpp", HOARD, memory_bytes=32 * MIB, cpu_seconds=20, wall_seconds=20))

    assert (ran.outcome, ran.text) == ("memory_limit", "begun\n")
    assert [phase.name for phase in ran.phases] == ["compile", "run"]


@pytest.mark.docker
def test_what_was_compiled_to_more_than_its_memory_is_a_memory_limit(arena: Arena) -> None:
    # Given a program that takes more memory as a file than it may have
    source = "char data[40 << 20] = {1};\nint main(void) { return data[1]; }"

    ran = arena.run(job("c", source, memory_bytes=16 * MIB, wall_seconds=20, cpu_seconds=20))

    assert ran.outcome == "memory_limit"
    assert [phase.name for phase in ran.phases] == ["compile", "run"]


@pytest.mark.docker
def test_its_input_waits_for_it(arena: Arena) -> None:
    data = b"one line\n" * 50_000

    ran = arena.run(job("c", ECHO, stdin=data, processes=1))

    assert (ran.outcome, ran.stdout) == ("ok", data)


@pytest.mark.docker
def test_a_compile_error_lets_nothing_begin(arena: Arena) -> None:
    ran = arena.run(job("c", "int main(void) { return oops; }", processes=1))

    assert ran.outcome == "compile_error"
