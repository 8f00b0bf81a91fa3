"""Compiled checkers, which a worker keeps: no checker changes that of the next job, and no other caller gets them."""

from __future__ import annotations

import msgspec
import pytest

from app.actors.judging.judged_run import JudgingServices
from app.core.execution.checker_job import create_checker_job
from app.core.job.spec import JobSpec
from tests.adversarial.bounded_sandbox import BoundedSandbox
from tests.adversarial.judged_jobs import HELLO, judge, verdicts, with_checker
from tests.sandbox.sandbox_fixture import job

pytestmark = pytest.mark.docker

SELF_CHANGING_CHECKER = r"""
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
int main(int count, char **arguments) {
    std::ofstream(std::string(arguments[3]) + "judgemessage.txt") << std::filesystem::file_size("program");
    std::rename("program", "moved");
    std::ofstream("program") << "#!/bin/sh\nexit 43\n";
    std::filesystem::permissions("program", std::filesystem::perms::all);
    std::ofstream("main.cpp") << "int main() { return 43; }";
    std::ofstream("added") << "x";
    return std::filesystem::exists("/tmp/left") || std::ofstream("/tmp/left").fail() ? 43 : 42;
}
"""


def with_compiled_checker(checker: str = SELF_CHANGING_CHECKER) -> JobSpec:
    spec = with_checker(HELLO, "")
    compiled = job("cpp", checker)
    assert spec.checker is not None
    fields = {"language": "cpp", "files": compiled.files, "entrypoint": compiled.entrypoint, "limits": compiled.limits}
    return msgspec.structs.replace(spec, checker=msgspec.structs.replace(spec.checker, **fields))


def test_checker_cannot_change_the_compiled_checker_of_the_next_job(sandbox: BoundedSandbox) -> None:
    services, spec = JudgingServices(), with_compiled_checker()
    key = sandbox.container_sandbox.compilation_key(checker_spec(spec))
    assert key is not None

    first = judge(sandbox, spec, "a", services)
    compiled = services.checkers.get("a", key)
    second = judge(sandbox, spec, "a", services)

    assert verdicts(first) == verdicts(second) == ["accepted"] * 2
    assert len({test.checker_message for test in (*first.tests, *second.tests)}) == 1
    assert compiled is not None
    assert services.checkers.get("a", key) == compiled
    assert {file.name for file in compiled} == {"main.cpp", "program"}


def test_checker_is_compiled_for_each_caller(sandbox: BoundedSandbox) -> None:
    services, spec = JudgingServices(), with_compiled_checker()
    key = sandbox.container_sandbox.compilation_key(checker_spec(spec))
    assert key is not None

    assert verdicts(judge(sandbox, spec, "a", services)) == ["accepted"] * 2
    assert services.checkers.get("b", key) is None
    assert verdicts(judge(sandbox, spec, None, services)) == ["accepted"] * 2
    assert services.checkers.get("b", key) is None


def test_checker_that_is_not_compiled_is_not_kept(sandbox: BoundedSandbox) -> None:
    services, spec = JudgingServices(), with_compiled_checker("int main() { return undeclared; }")
    key = sandbox.container_sandbox.compilation_key(checker_spec(spec))
    assert key is not None

    for _ in range(2):
        result = judge(sandbox, spec, "a", services)
        assert result.verdict == "checker_error"
        assert "undeclared" in result.message
    assert services.checkers.get("a", key) is None


def checker_spec(spec: JobSpec) -> JobSpec:
    """Return the job of the checker of a job."""
    assert spec.checker is not None
    return create_checker_job(spec.checker, len(spec.tests), spec.total_limits)
