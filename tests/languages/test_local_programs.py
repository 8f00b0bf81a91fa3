"""Programs that work on a user's own machine, sent to a complete service in both modes of isolation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from app.core.limits import MIB
from tests.languages.conftest import list_languages
from tests.stack import Stack

pytestmark = pytest.mark.docker

FOLDER: Final = Path(__file__).parent / "programs"
# The id of C in Judge0, the only API that has compiler options.
JUDGE0_C: Final = 50


@dataclass(frozen=True)
class Program:
    """A program and the result that it must have.

    Attributes:
        language: Its language.
        name: Name of its file or folder.
        stdout: The expected output. None if it does not matter.
        outcome: The expected outcome.
        file_name: The name of the file in the job. Empty to send it without a name.
        options: Further fields of the job.
    """

    language: str
    name: str
    stdout: str | None = None
    outcome: str = "ok"
    file_name: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)

    def body(self) -> dict[str, Any]:
        """Return the body of the request."""
        path = FOLDER / self.name
        if path.is_dir():
            paths = sorted(file for file in path.rglob("*") if file.is_file())
            files = [{"name": file.relative_to(path).as_posix(), "content": file.read_text()} for file in paths]
            return {"language": self.language, "files": files, "entrypoint": "main.go"}
        # Not `read_text`, which replaces CRLF.
        source = path.read_bytes().decode()
        program: dict[str, Any] = {"source": source}
        if self.file_name:
            program = {"files": [{"name": self.file_name, "content": source}]}
        return {"language": self.language, **program, **self.options}


def with_memory(mib: int, *args: str) -> dict[str, Any]:
    limits = {"memory_bytes": mib * MIB, "cpu_seconds": 60, "wall_seconds": 120}
    return {"args": list(args), "limits": limits}


PROGRAMS: Final = [
    Program("python", "localhost.py", "['127.0.0.1', '::1']\n127.0.0.1\n"),
    Program("python", "user.py", "runner /work /work\nrunner\n"),
    Program("python", "bom.py", "bom\n"),
    Program("bash", "crlf.sh", "a\n"),
    Program("javascript", "exit_flush.js", "x" * 300_000 + "\n"),
    Program("javascript", "heap.js", "500\n", options=with_memory(1024, "500")),
    Program("javascript", "heap.js", outcome="memory_limit", options=with_memory(1024, "1200")),
    Program("cpp", "deep.cpp", "1000000\n", options=with_memory(256)),
    Program("java", "Greeter.java", "hi\n"),
    Program("java", "Greeter.java", "hi\n", file_name="main.java"),
    Program("java", "Greeter.java", "hi\n", file_name="Greeter.java"),
    Program("java", "HeapEater.java", "300\n", options=with_memory(512, "300")),
    Program("java", "HeapEater.java", outcome="memory_limit", options=with_memory(512, "600")),
    Program("go", "gopkg", "49\n"),
    Program("go", "nomain.go", outcome="compile_error"),
]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the programs of the languages under test."""
    if "program" in metafunc.fixturenames:
        tested = list_languages()
        programs = [program for program in PROGRAMS if program.language in tested]
        ids = [f"{program.name}-{program.file_name or program.outcome}" for program in programs]
        metafunc.parametrize("program", programs, ids=ids)


def test_program_behaves_as_on_a_users_machine(any_stack: Stack, program: Program) -> None:
    job = any_stack.http.post("/v1/jobs", params={"wait": 60}, json=program.body(), timeout=150).json()
    job = any_stack.wait_until_finished(job["id"], 120)

    assert job["outcome"] == program.outcome, job
    if program.stdout is not None:
        assert (job["stdout"], job["stderr"]) == (program.stdout, "")


def test_address_sanitizer_passes_a_correct_program(any_stack: Stack) -> None:
    submission = {
        "language_id": JUDGE0_C,
        "source_code": (FOLDER / "asan.c").read_text(),
        "compiler_options": "-fsanitize=address",
    }
    response = any_stack.http.post("/judge0/submissions", params={"wait": "true"}, json=submission)

    assert response.status_code == 201, response.text
    result = response.json()
    assert (result["status"]["description"], result["stdout"], result["stderr"]) == ("Accepted", "42\n", None), result
