"""Programs of several files, and of files with any name."""

from __future__ import annotations

from typing import Final

import msgspec
import pytest

from app.core.job.spec import Invocation, JobSpec, SourceFile
from app.core.outcomes import Outcome
from tests.languages.jobs import program
from tests.sandbox.sandbox_fixture import SandboxFixture

pytestmark = pytest.mark.docker

GREETER: Final = """
/* class Wrong { */
%s class Greeter {
    static String text() { return "} class Wrong {"; }
    %s void main(String[] args) {
        System.out.println("hi" + (args.length > 0 ? args[0] : ""));
    }
}
"""


def with_files(spec: JobSpec, entrypoint: str, files: dict[str, str]) -> JobSpec:
    """Return the job with these files instead of its own."""
    sources = tuple(SourceFile(name, content.encode()) for name, content in files.items())
    return msgspec.structs.replace(spec, entrypoint=entrypoint, files=sources)


@pytest.mark.languages("java", "java-25")
@pytest.mark.parametrize("name", ["Main.java", "main.java", "Greeter.java", "prog", "app/Start.java"])
@pytest.mark.parametrize("modifier", ["public", "", "final"])
def test_java_class_of_any_name_starts(sandbox: SandboxFixture, language: str, name: str, modifier: str) -> None:
    source = GREETER % (modifier, "public static")

    result = sandbox.run(with_files(program(language, ""), name, {name: source}))

    assert (result.outcome, result.text, result.stderr) == (Outcome.OK, "hi\n", b""), result.stdout


@pytest.mark.languages("java", "java-25")
def test_java_finds_the_class_with_main_among_others(sandbox: SandboxFixture, language: str) -> None:
    source = """
package shop.front;

interface Price { int cents(); }

record Fixed(int cents) implements Price {}

@FunctionalInterface
interface Visitor { void visit(Price price); }

class Shop {
    static class Inner { void main(int count) {} }

    public static void main(String... args) {
        Visitor visitor = price -> System.out.println(price.cents() + args[0]);
        visitor.visit(new Fixed(7));
    }
}
"""

    result = sandbox.run(program(language, source, args=("@file",)))

    assert (result.outcome, result.text) == (Outcome.OK, "7@file\n"), result.stdout


@pytest.mark.languages("java", "java-25")
@pytest.mark.parametrize(
    "source",
    [
        'class Start { static void main(String[] arguments) { System.out.println("hi"); } }',
        'class Start { static void main() { System.out.println("hi"); } }',
        'class Start { void main() { System.out.println("hi"); } }',
        'class Start { protected void main(String[] arguments) { System.out.println("hi"); } }',
        'record Helper(String text) {}\nvoid main() { System.out.println(new Helper("hi").text()); }',
        'String text() { return "hi"; }\nstatic void main(String[] arguments) { System.out.println("hi"); }',
        'class Start { static void main() {} public static void main(String[] a) { System.out.println("hi"); } }',
    ],
    ids=["package-private", "no arguments", "instance", "protected", "no class", "no class, static", "two mains"],
)
@pytest.mark.parametrize("name", ["Main.java", "my-program.java", "app/Start.java"])
def test_java_starts_every_kind_of_main(sandbox: SandboxFixture, language: str, source: str, name: str) -> None:
    result = sandbox.run(with_files(program(language, ""), name, {name: source}))

    assert (result.outcome, result.text) == (Outcome.OK, "hi\n"), (result.stdout, result.stderr)


@pytest.mark.languages("java-25")
def test_java_25_runs_compact_source_files(sandbox: SandboxFixture, language: str) -> None:
    source = """
import module java.base;

void main() {
    var numbers = List.of(1, 2, 3);
    IO.println(numbers.stream().mapToInt(Integer::intValue).sum());
}
"""

    result = sandbox.run(program(language, source))

    assert (result.outcome, result.text, result.stderr) == (Outcome.OK, "6\n", b""), result.stdout


@pytest.mark.languages("java", "java-25")
def test_java_compiles_the_other_files_of_the_job(sandbox: SandboxFixture, language: str) -> None:
    other = 'public class Greeting { static String text() { return "hello"; } }'
    source = "class Start { public static void main(String[] args) { System.out.println(Greeting.text()); } }"

    result = sandbox.run(program(language, source, files={"Greeting.java": other}))

    assert (result.outcome, result.text) == (Outcome.OK, "hello\n"), result.stdout


GO_MODULE: Final = {
    "go.mod": "module example.test/area\n\ngo 1.19\n",
    "shapes/shapes.go": "package shapes\n\nfunc Square(n int) int { return n * n }\n",
}
GO_MAIN: Final = """package main

import (
	"fmt"

	"%s"
)

func main() { fmt.Println(shapes.Square(7)) }
"""


@pytest.mark.languages("go")
def test_go_module_with_packages_builds_offline(sandbox: SandboxFixture, language: str) -> None:
    spec = program(language, GO_MAIN % "example.test/area/shapes", files=GO_MODULE)

    result = sandbox.run(spec)

    assert (result.outcome, result.text, result.stderr) == (Outcome.OK, "49\n", b""), result.stdout


@pytest.mark.languages("go")
@pytest.mark.parametrize("name", ["cmd/area/main.go", "main.go"])
def test_go_module_builds_the_package_of_the_entrypoint(sandbox: SandboxFixture, language: str, name: str) -> None:
    files = {**GO_MODULE, name.replace("main", "help"): "package main\n", name: GO_MAIN % "example.test/area/shapes"}

    result = sandbox.run(with_files(program(language, ""), name, files))

    assert (result.outcome, result.text) == (Outcome.OK, "49\n"), result.stdout


@pytest.mark.languages("go")
def test_go_packages_build_without_a_module(sandbox: SandboxFixture, language: str) -> None:
    result = sandbox.run(
        program(language, GO_MAIN % "./shapes", files={"shapes/shapes.go": GO_MODULE["shapes/shapes.go"]})
    )

    assert (result.outcome, result.text) == (Outcome.OK, "49\n"), result.stdout


@pytest.mark.languages("go")
def test_go_does_not_compile_its_standard_library_for_each_job(sandbox: SandboxFixture, language: str) -> None:
    source = 'package main\n\nimport ("fmt"; "net/http")\n\nfunc main() { fmt.Println(http.StatusText(404)) }\n'

    result = sandbox.run(program(language, source))

    assert (result.outcome, result.text) == (Outcome.OK, "Not Found\n"), result.stdout
    # 11 s with the whole library
    assert result.phases[0].cpu_seconds < 4


@pytest.mark.languages("go")
@pytest.mark.parametrize("files", [{}, GO_MODULE], ids=["file", "module"])
def test_go_program_without_package_main_is_a_compile_error(
    sandbox: SandboxFixture, language: str, files: dict[str, str]
) -> None:
    result = sandbox.run(program(language, 'package hello\n\nfunc Hello() string { return "hi" }\n', files=files))

    assert result.outcome == Outcome.COMPILE_ERROR
    assert "package of the entrypoint is not main" in (result.stdout + result.stderr).decode()


ALLOCATIONS: Final = {
    "c": """
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    int *number = malloc(sizeof *number);
    *number = 42;
    printf("%d\\n", *number);
    free(number);
}
""",
    "cpp": """
#include <iostream>
#include <memory>

int main() { std::cout << *std::make_unique<int>(42) << '\\n'; }
""",
    "fortran": """
program main
    integer, allocatable :: number
    allocate (number)
    number = 42
    print "(i0)", number
end program
""",
}


@pytest.mark.languages(*ALLOCATIONS)
def test_address_sanitizer_passes_a_correct_program(sandbox: SandboxFixture, language: str) -> None:
    options = Invocation(compiler_options=("-fsanitize=address",))
    spec = msgspec.structs.replace(program(language, ALLOCATIONS[language]), invocation=options)

    result = sandbox.run(spec)

    assert (result.outcome, result.text, result.stderr) == (Outcome.OK, "42\n", b""), result.stdout


@pytest.mark.parametrize("command", ["python", "python3"])
def test_python_is_installed_under_both_names(sandbox: SandboxFixture, command: str) -> None:
    source = (
        f"import subprocess\nprint(subprocess.run(['{command}', '-c', 'print(6 * 7)'], capture_output=True).stdout)"
    )

    assert sandbox.run(program("python", source)).text == "b'42\\n'\n"
