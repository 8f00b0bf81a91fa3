"""Programs of SandboxFusion's languages, as its API runs them."""

from __future__ import annotations

import base64
from typing import Any, Final

import msgspec
import pytest

from app.core.callers import ANONYMOUS_TIER, Caller
from app.core.job.resolve import resolve_spec
from app.core.job.spec import JobSpec
from app.core.languages import index_languages
from app.core.outcomes import Outcome
from app.http.compat.sandboxfusion.languages import LANGUAGES as FUSION_LANGUAGES
from app.http.compat.sandboxfusion.run_request import RunCodeRequest, convert_request
from tests.sandbox.sandbox_fixture import LANGUAGES, SandboxFixture

pytestmark = pytest.mark.docker

ISOLATIONS: Final = ("container",)
CALLER: Final = Caller(owner="anonymous", account="test", address="127.0.0.1", tier=ANONYMOUS_TIER)
#: Names whose programs are not programs of the language.
TESTS: Final = {"pytest", "go_test", "jest", "junit", "kotlin_script"}


def convert(name: str, code: str, **fields: Any) -> JobSpec:
    """Return the job of a request."""
    installed = {language.id: language.info(None) for language in LANGUAGES.values()}
    request = RunCodeRequest(language=name, code=code, **fields)
    job_request, invocation = convert_request(request, installed, CALLER)
    spec = resolve_spec(job_request, index_languages(installed.values()))
    return msgspec.structs.replace(spec, invocation=invocation)


def test_program_of_every_name_of_a_language_runs(sandbox: SandboxFixture, language: str) -> None:
    hello = LANGUAGES[language].hello
    for name in (name for name, fusion in FUSION_LANGUAGES.items() if fusion.id == language and name not in TESTS):
        result = sandbox.run(convert(name, hello.source))
        assert (result.outcome, result.text) == (Outcome.OK, hello.output), (name, result.stderr)


@pytest.mark.languages("go")
def test_go_test_runs_tests(sandbox: SandboxFixture, language: str) -> None:
    code = """
package main

import "testing"

func TestOne(t *testing.T) {
    if 1 != %d {
        t.Fatal("on purpose")
    }
}
"""
    passed, failed = (sandbox.run(convert("go_test", code % number, run_timeout=60)) for number in (1, 2))

    assert passed.outcome == Outcome.OK, passed.stdout
    assert passed.text.startswith("ok")
    assert failed.outcome == Outcome.NONZERO_EXIT
    assert "on purpose" in failed.text


@pytest.mark.languages("jest")
def test_jest_runs_typescript_tests(sandbox: SandboxFixture, language: str) -> None:
    code = """
import { double } from "./double";

test("double", () => {
    const value: number = double(%d);
    expect(value).toBe(2);
});
"""
    files = {"double.ts": base64.b64encode(b"export const double = (n: number): number => 2 * n;").decode()}
    passed, failed = (sandbox.run(convert("jest", code % number, files=files, run_timeout=60)) for number in (1, 2))

    assert passed.outcome == Outcome.OK, passed.stderr
    assert b"1 passed, 1 total" in passed.stderr
    assert failed.outcome == Outcome.NONZERO_EXIT
    assert b"Expected: 2" in failed.stderr


@pytest.mark.languages("junit")
def test_junit_runs_the_tests_of_a_public_class(sandbox: SandboxFixture, language: str) -> None:
    code = """
import static org.junit.jupiter.api.Assertions.assertEquals;
import org.junit.jupiter.api.Test;

public class ShapesTest {
    @Test
    void area() {
        assertEquals(%d, Shapes.area(2));
    }
}
"""
    files = {"Shapes.java": base64.b64encode(b"class Shapes { static int area(int n) { return n * n; } }").decode()}
    passed, failed = (
        sandbox.run(convert("junit", code % number, files=files, compile_timeout=30, run_timeout=60))
        for number in (4, 5)
    )

    assert passed.outcome == Outcome.OK, passed.stdout + passed.stderr
    assert "1 tests successful" in passed.text
    assert failed.outcome == Outcome.NONZERO_EXIT
    assert "expected: <5> but was: <4>" in failed.text


@pytest.mark.languages("kotlin")
def test_kotlin_script_runs_statements(sandbox: SandboxFixture, language: str) -> None:
    code = 'val names = listOf("a", "b")\nprintln(names.map { it.length }.sum())\ncheck(names.size == %d)'
    passed, failed = (sandbox.run(convert("kotlin_script", code % number, run_timeout=60)) for number in (2, 3))

    assert (passed.outcome, passed.text) == (Outcome.OK, "2\n"), passed.stderr
    assert failed.outcome == Outcome.NONZERO_EXIT
    assert b"IllegalStateException" in failed.stderr


@pytest.mark.languages("java")
def test_java_runs_with_assertions(sandbox: SandboxFixture, language: str) -> None:
    code = "public class Main { public static void main(String[] args) { assert args.length > 0; } }"
    result = sandbox.run(convert("java", code))

    assert result.outcome == Outcome.NONZERO_EXIT
    assert b"AssertionError" in result.stderr


@pytest.mark.languages("d")
def test_d_runs_unit_tests(sandbox: SandboxFixture, language: str) -> None:
    result = sandbox.run(convert("D_ut", "unittest { assert(1 == 2); }\nvoid main() {}"))

    assert result.outcome != Outcome.OK
    assert b"unittest" in result.stderr


@pytest.mark.languages("php")
def test_php_runs_without_an_opening_tag(sandbox: SandboxFixture, language: str) -> None:
    assert sandbox.run(convert("php", "echo 6 * 7;")).text == "42"
