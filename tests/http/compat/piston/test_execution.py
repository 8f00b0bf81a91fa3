"""POST /api/v2/execute on a whole service: programs, and the responses that Piston would return."""

from __future__ import annotations

import base64
from typing import Any

import httpx
import pytest

from tests.stack import Stack

pytestmark = pytest.mark.docker

SLOW_TO_COMPILE = "#include <iostream>\nint main() { std::cout << 1; }"


def execute(stack: Stack, **body: Any) -> httpx.Response:
    return stack.http.post(
        "/api/v2/execute",
        json={"language": "python", "version": "*", "run_timeout": 20_000, "compile_timeout": 30_000, **body},
    )


def run(stack: Stack, source: str, **body: Any) -> dict[str, Any]:
    """The run stage, without times and memory."""
    response = execute(stack, files=[{"content": source}], **body)
    assert response.status_code == 200, response.text
    stage: dict[str, Any] = response.json()["run"]
    assert stage.pop("cpu_time") >= 0
    assert stage.pop("wall_time") >= 0
    assert stage.pop("memory") >= 0
    return stage


@pytest.mark.parametrize("version", ["3.10.0", "latest", "*", "2.7.1"])
def test_request_for_another_version_runs_with_the_installed_one(stack: Stack, version: str) -> None:
    source = "import platform; print(platform.python_version())"

    response = execute(stack, language="python", version=version, files=[{"content": source}])

    assert response.status_code == 200
    assert response.json()["run"]["stdout"] == response.json()["version"] + "\n"


@pytest.mark.parametrize(
    ("language", "name", "source"),
    [
        ("python", "prog.txt", "print(42)"),
        ("python", "folder/program", "print(42)"),
        ("c++", "prog.txt", "#include <iostream>\nint main() { std::cout << 42 << std::endl; }"),
    ],
)
def test_file_with_any_name_runs(stack: Stack, language: str, name: str, source: str) -> None:
    response = execute(stack, language=language, files=[{"name": name, "content": source}])

    assert response.status_code == 200, response.text
    assert response.json()["run"]["stdout"] == "42\n"


def test_program_runs_with_input_and_arguments(stack: Stack) -> None:
    source = """
import sys, time
print("out", sys.argv[1:], repr(sys.stdin.read()))
time.sleep(0.1)
print("err", file=sys.stderr)
time.sleep(0.1)
print("é")
"""
    # When a program is executed by an alias of its language
    response = execute(stack, language="py3", version="3.x", files=[{"content": source}], stdin="a", args=["1", "-2"])
    # Then both streams are returned, separately and in order; the input ends with a newline, as in Piston
    assert response.status_code == 200
    body = response.json()
    assert body["language"] == "python"
    assert body["version"].startswith("3.")
    assert "compile" not in body
    out = "out ['1', '-2'] 'a\\n'\n"
    numbers = ("cpu_time", "wall_time", "memory")
    assert {name: value for name, value in body["run"].items() if name not in numbers} == {
        "stdout": f"{out}é\n", "stderr": "err\n", "output": f"{out}err\né\n",
        "code": 0, "signal": None, "status": None, "message": None,
    }  # fmt: skip
    assert 200 <= body["run"]["wall_time"] < 10_000
    assert body["run"]["memory"] > 1_000_000
    # And it is a job
    job = stack.http.get(response.headers["Location"]).json()
    assert (job["status"], job["outcome"], job["stdout"]) == ("finished", "ok", f"{out}é\n")


@pytest.mark.parametrize(
    ("source", "limits", "ending"),
    [
        ("exit(3)", {}, (3, None, "RE", "Exited with error status 3")),
        ("import os; os.abort()", {}, (None, "SIGABRT", "SG", "Caught fatal signal 6")),
        (
            "import time; time.sleep(9)",
            {"run_timeout": 200},
            (None, "SIGKILL", "TO", "Time limit exceeded (wall clock)"),
        ),
        ("while True: pass", {"run_cpu_time": 200}, (None, "SIGKILL", "TO", "Time limit exceeded")),
        (
            "bytearray(200_000_000)",
            {"run_memory_limit": 40_000_000},
            (None, "SIGKILL", "SG", "killed: it needed more memory than its limit"),
        ),
    ],
    ids=["exit code", "signal", "wall time", "processor time", "memory"],
)
def test_failed_program_has_the_status_and_message_of_piston(
    stack: Stack, source: str, limits: dict[str, int], ending: tuple[Any, ...]
) -> None:
    stage = run(stack, source, **limits)
    assert (stage["code"], stage["signal"], stage["status"], stage["message"]) == ending


@pytest.mark.parametrize(("stream", "status"), [("stdout", "OL"), ("stderr", "EL")])
def test_truncated_stream_has_a_status(stack: Stack, stream: str, status: str) -> None:
    stage = run(stack, f"import sys\nwhile True: sys.{stream}.write('x' * 65536)")
    assert (stage["status"], stage["message"], stage["signal"]) == (status, f"{stream} length exceeded", "SIGKILL")
    assert len(stage[stream]) >= 65536


def test_compiled_program_has_two_stages(stack: Stack) -> None:
    source = '#include <stdio.h>\n#warning "careful"\nint main(void) { puts("ran"); return 4; }'
    body = execute(stack, language="gcc", files=[{"content": source}]).json()
    assert body["language"] == "c"
    assert (body["compile"]["code"], body["compile"]["stdout"], body["compile"]["status"]) == (0, "", None)
    assert "careful" in body["compile"]["stderr"]
    assert (body["run"]["stdout"], body["run"]["code"], body["run"]["status"]) == ("ran\n", 4, "RE")


def test_compile_error_is_in_both_stages(stack: Stack) -> None:
    body = execute(stack, language="c", files=[{"name": "prog", "content": "int main(void) { return oops; }"}]).json()
    assert body["run"] == body["compile"]
    assert (body["run"]["code"], body["run"]["status"]) == (1, "RE")
    assert "oops" in body["run"]["stderr"]


def test_compiler_is_stopped_at_its_timeout(stack: Stack) -> None:
    body = execute(stack, language="c++", files=[{"content": SLOW_TO_COMPILE}], compile_timeout=100).json()
    assert (body["compile"]["status"], body["compile"]["signal"]) == ("TO", "SIGKILL")
    assert body["run"] == body["compile"]


def test_memory_limit_of_the_program_does_not_apply_to_the_compiler(stack: Stack) -> None:
    body = execute(stack, language="c++", files=[{"content": SLOW_TO_COMPILE}], run_memory_limit=20_000_000).json()
    assert (body["compile"]["code"], body["run"]["stdout"]) == (0, "1")


def test_memory_limit_applies_to_a_compiled_program(stack: Stack) -> None:
    source = """#include <stdlib.h>
    int main(void) { volatile char *p = malloc(99 << 20); for (int i = 0; i < 99 << 20; i += 4096) p[i] = 1; }"""
    body = execute(stack, language="c", files=[{"content": source}], run_memory_limit=40_000_000).json()
    assert body["compile"]["code"] == 0
    assert (body["run"]["signal"], body["run"]["status"]) == ("SIGKILL", "SG")


def test_files_have_three_encodings(stack: Stack) -> None:
    files = [
        {
            "name": "first.bin",
            "content": base64.urlsafe_b64encode(b"\xfb\xff\x00").decode().rstrip("="),
            "encoding": "base64",
        },
        {"name": "folder/second.bin", "content": "00ff", "encoding": "hex"},
        {"name": "main.py", "content": "print([open(n, 'rb').read() for n in ('first.bin', 'folder/second.bin')])"},
        {"content": "", "encoding": "utf8"},
    ]
    response = execute(stack, files=files)
    assert response.json()["run"]["stdout"] == "[b'\\xfb\\xff\\x00', b'\\x00\\xff']\n"


def test_invalid_utf8_is_replaced(stack: Stack) -> None:
    stage = run(stack, "import sys; sys.stdout.buffer.write(b'a\\xffb')")
    assert stage["stdout"] == stage["output"] == "a\ufffdb"
