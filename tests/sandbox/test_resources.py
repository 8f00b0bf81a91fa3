"""Resources of a container: the limits of a job apply to its program, not to the compiler."""

from __future__ import annotations

import msgspec
import pytest

from app.core.judging.cases import CaseSpec
from app.sandbox.resources import resources_by_stage
from tests.sandbox.sandbox_fixture import LANGUAGES, MIB, SandboxFixture, job

ECHO = "#include <stdio.h>\nint main(void) { int c; while ((c = getchar()) != EOF) putchar(c); }"
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
ALLOCATE = """
#include <bits/stdc++.h>

int main() {
    std::puts("started");
    std::fflush(stdout);
    std::vector<char> data(64 << 20, 'x');
    return data[123] == 'y';
}
"""


def test_compiler_gets_at_least_the_default_limits_of_its_language() -> None:
    cpp = LANGUAGES["cpp"]

    stages = resources_by_stage(job("cpp", "", processes=1, memory_bytes=32 * MIB), cpp, 1.0)

    assert (stages.initial.processes, stages.initial.memory_bytes) == (65, 512 * MIB)
    assert stages.program is not None
    assert (stages.program.processes, stages.program.memory_bytes) == (2, 32 * MIB)
    assert stages.initial.disk_bytes == stages.program.disk_bytes


@pytest.mark.parametrize(
    ("language", "limits"),
    [("python", {"processes": 1}), ("c", {}), ("c", {"processes": 200, "memory_bytes": 1024 * MIB})],
)
def test_resources_do_not_change_when_the_program_has_no_lower_limits(language: str, limits: dict[str, float]) -> None:
    assert resources_by_stage(job(language, "", **limits), LANGUAGES[language], 1.0).program is None


@pytest.mark.docker
def test_process_limit_of_the_program_does_not_apply_to_the_compiler(sandbox: SandboxFixture) -> None:
    result = sandbox.run(job("c", FORK, processes=1))

    assert (result.outcome, result.text, result.stderr) == ("ok", "0 and no more\n", b"")


@pytest.mark.docker
def test_process_limit_applies_to_every_test(sandbox: SandboxFixture) -> None:
    spec = job("c", FORK, processes=1)
    cases = [CaseSpec(name=name, stdin=b"", args=(), expected_output=None, limits=spec.limits) for name in "ab"]

    result = sandbox.run(msgspec.structs.replace(spec, tests=tuple(cases)))

    assert (result.outcome, result.text) == ("ok", "0 and no more\n" * 2)


@pytest.mark.docker
def test_memory_limit_of_the_program_does_not_apply_to_the_compiler(sandbox: SandboxFixture) -> None:
    result = sandbox.run(job("cpp", ALLOCATE, memory_bytes=32 * MIB, cpu_seconds=20, wall_seconds=20))

    assert (result.outcome, result.text) == ("memory_limit", "started\n")
    assert [phase.name for phase in result.phases] == ["compile", "run"]


@pytest.mark.docker
def test_program_larger_than_its_memory_limit_is_a_memory_limit(sandbox: SandboxFixture) -> None:
    source = "char data[40 << 20] = {1};\nint main(void) { return data[1]; }"

    result = sandbox.run(job("c", source, memory_bytes=16 * MIB, wall_seconds=20, cpu_seconds=20))

    assert result.outcome == "memory_limit"
    assert [phase.name for phase in result.phases] == ["compile", "run"]


@pytest.mark.docker
def test_stdin_waits_for_the_end_of_the_compile_phase(sandbox: SandboxFixture) -> None:
    data = b"one line\n" * 50_000

    result = sandbox.run(job("c", ECHO, stdin=data, processes=1))

    assert (result.outcome, result.stdout) == ("ok", data)


@pytest.mark.docker
def test_compile_error_starts_no_program(sandbox: SandboxFixture) -> None:
    result = sandbox.run(job("c", "int main(void) { return oops; }", processes=1))

    assert result.outcome == "compile_error"
