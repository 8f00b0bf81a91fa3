"""Sources that attack the compiler, which runs in the sandbox of the program with separate limits."""

from __future__ import annotations

import pytest

from app.sandbox.runner import execution_plan
from tests.adversarial.bounded_sandbox import BoundedSandbox
from tests.patience import patient
from tests.sandbox.sandbox_fixture import job

pytestmark = pytest.mark.docker

COMPILE_SECONDS = patient(3.0)
# The kernel evicts the compiler's own code from memory, and reads it again, before it kills the compiler.
OUT_OF_MEMORY_SECONDS = patient(20.0)

TEMPLATES = """
template <unsigned long N, unsigned long M> struct Bomb { Bomb<N - 1, M * 2> left; Bomb<N - 1, M * 2 + 1> right; };
template <unsigned long M> struct Bomb<0, M> { int end[M + 1]; };
int main() { Bomb<24, 1> bomb; return sizeof bomb; }
"""
CONSTEXPR = """
constexpr unsigned long spin(unsigned long n) {
    unsigned long s = 0;
    for (unsigned long i = 0; i < n; ++i) s += i ^ n;
    return s;
}
template <int N> struct Many { static constexpr unsigned long value = spin(200000 + N) + Many<N - 1>::value; };
template <> struct Many<0> { static constexpr unsigned long value = 0; };
int main() { return Many<800>::value; }
"""
DOUBLINGS = "\n".join(f"#define M{n} M{n - 1} M{n - 1} M{n - 1} M{n - 1}" for n in range(1, 30))
MACROS = f"#define M0 1 +\n{DOUBLINGS}\nint main(void) {{ return M29 0; }}"
INCLUDES_ITSELF = '#include "main.c"\n' * 4
STRINGS = "\n".join(f"#define S{n} S{n - 1} S{n - 1}" for n in range(1, 21))
LONG_STRING = f'#define S0 "{"x" * 1024}"\n{STRINGS}\nconst char *s = S20;\nint main(void) {{ return *s; }}'
DIAGNOSTICS = "int main(void) {\n" + "".join(f"    undeclared_{n}();\n    x{n} = y;\n" for n in range(20_000)) + "}"


@pytest.fixture(autouse=True)
def _short_compile_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execution_plan, "_COMPILE_WALL_SECONDS", COMPILE_SECONDS)
    monkeypatch.setattr(execution_plan, "_COMPILE_CPU_SECONDS", COMPILE_SECONDS)


@pytest.mark.parametrize(
    ("language", "source"),
    [("cpp", TEMPLATES), ("cpp", CONSTEXPR), ("c", MACROS), ("c", INCLUDES_ITSELF), ("c", "#include </dev/random>\n")],
    ids=["templates", "constant expressions", "macros", "a file that includes itself", "a device as a header"],
)
def test_compiler_is_stopped_at_its_limit(sandbox: BoundedSandbox, language: str, source: str) -> None:
    ran = sandbox.run(job(language, source))

    assert ran.outcome == "compile_error"
    assert [phase.name for phase in ran.phases] == ["compile"]


@pytest.mark.parametrize("path", ["/dev/zero", "/dev/stdin", "/dev/full", "/proc/self/mem"])
def test_compiler_does_not_include_devices(sandbox: BoundedSandbox, path: str) -> None:
    ran = sandbox.run(job("c", f'#include "{path}"\nint main(void) {{ return 0; }}'))

    assert ran.outcome in ("compile_error", "ok")  # an empty stream is an empty header


def test_compile_error_when_the_program_exceeds_the_disk(sandbox: BoundedSandbox) -> None:
    ran = sandbox.run(job("c", "char a[1UL << 40] = {1};\nint main(void) { return 0; }"))

    assert ran.outcome == "compile_error"


def test_compiler_includes_only_files_of_the_image(sandbox: BoundedSandbox) -> None:
    ran = sandbox.run(job("c", '#include "/etc/passwd"\n#include "/etc/shadow"\n#include "/proc/1/environ"\n'))

    assert ran.outcome == "compile_error"
    assert ran.stderr.count(b"Permission denied") >= 1
    assert b"root:x:0:0" not in ran.stderr or b"/etc/passwd" in ran.stderr  # of the image, not of the host


def test_compiler_output_is_truncated(sandbox: BoundedSandbox) -> None:
    ran = sandbox.run(job("c", DIAGNOSTICS))

    assert ran.outcome == "compile_error"
    assert ran.last.stopped_by.value == "output"
    assert len(ran.stdout) + len(ran.stderr) == 256 * 1024
    assert ran.last.stderr_truncated


def test_compile_error_when_the_compiler_is_out_of_memory(
    sandbox: BoundedSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execution_plan, "_COMPILE_WALL_SECONDS", OUT_OF_MEMORY_SECONDS)
    monkeypatch.setattr(execution_plan, "_COMPILE_CPU_SECONDS", OUT_OF_MEMORY_SECONDS)
    # A string of 1 GiB. The memory limit of the job applies to the program; the compiler has that of its language.
    ran = sandbox.run(job("c", LONG_STRING, memory_bytes=16 * 1024 * 1024))

    assert ran.outcome == "compile_error"
    assert ran.last.oom_kills >= 1
