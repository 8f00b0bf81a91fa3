"""What becomes of programs: each of Judge0's statuses that a program can come to, and each field that changes how one
is run, through a whole service."""

from __future__ import annotations

from typing import Any

import pytest

from tests.http.compat.judge0.conftest import BASH, CPP, PYTHON, C, Judge, zipped

pytestmark = pytest.mark.docker


def in_c(body: str) -> str:
    return (
        f"#include <signal.h>\n#include <stdio.h>\n#include <stdlib.h>\nint main(int argc, char **argv) {{ {body} }}\n"
    )


ENDS: dict[str, tuple[dict[str, Any], int, dict[str, Any]]] = {
    "accepted": (
        {"language_id": PYTHON, "source_code": "print(input())", "stdin": "a b"},
        3, {"stdout": "a b\n", "stderr": None, "exit_code": 0, "exit_signal": None, "message": None},
    ),
    "expected, but for blanks": (
        {"language_id": PYTHON, "source_code": "print('a  ')\nprint('b')\nprint()", "expected_output": "a\nb   "},
        3, {},
    ),
    "not expected": ({"language_id": PYTHON, "source_code": "print(' a')", "expected_output": "a"}, 4, {}),
    "too much processor time": (
        {"language_id": PYTHON, "source_code": "while True: pass", "cpu_time_limit": 0.2, "wall_time_limit": 60},
        5, {"message": "Time limit exceeded"},
    ),
    "in the extra time": (
        {
            "language_id": PYTHON, "cpu_time_limit": 0.1, "cpu_extra_time": 5, "wall_time_limit": 60,
            "source_code": "import time\nwhile time.process_time() < 0.2: pass\nprint('end')",
        },
        5, {"stdout": "end\n", "exit_code": 0},
    ),
    "too long": (
        {"language_id": PYTHON, "source_code": "import time\ntime.sleep(30)", "wall_time_limit": 1},
        5, {"message": "Time limit exceeded (wall clock)"},
    ),
    "not compiled": (
        {"language_id": C, "source_code": "int main(void) { return nothing; }"},
        6, {"stdout": None, "time": None, "memory": None, "message": None, "exit_code": None},
    ),
    "SIGSEGV": ({"language_id": C, "source_code": in_c("raise(SIGSEGV);")}, 7, {"exit_signal": 11}),
    "too large a file": (
        {
            "language_id": C, "max_file_size": 10,
            "source_code": in_c('FILE *f = fopen("f", "w"); for (int n = 0; n < 99999; n++) fputc(1, f); return 0;'),
        },
        8, {"exit_signal": 25},
    ),
    "too much output": (
        {"language_id": PYTHON, "source_code": "print('x' * 100_000)", "max_file_size": 10}, 8, {"exit_signal": 25},
    ),
    "SIGFPE": (
        {"language_id": C, "source_code": in_c('volatile int zero = 0; printf("%d", 7 / zero);')},
        9, {"exit_signal": 8},
    ),
    "SIGABRT": ({"language_id": C, "source_code": in_c("abort();")}, 10, {"message": "Caught fatal signal 6"}),
    "NZEC": (
        {"language_id": C, "source_code": in_c("return 7;")},
        11, {"exit_code": 7, "message": "Exited with error status 7"},
    ),
    "another signal": ({"language_id": C, "source_code": in_c("raise(SIGTERM);")}, 12, {"exit_signal": 15}),
    "too much memory": (
        {"language_id": PYTHON, "source_code": "x = bytearray(100 << 20)", "memory_limit": 40_000},
        12, {"exit_signal": 9},
    ),
    "nothing that could be executed": (
        {"language_id": C, "source_code": in_c("return 0;"), "compiler_options": "-c"}, 14, {},
    ),
}  # fmt: skip

KNOBS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "options and arguments": (
        {
            "language_id": C,
            "source_code": in_c("puts(HELLO); for (int n = 1; n < argc; n++) puts(argv[n]); return 0;"),
            "compiler_options": "-DHELLO='\"hello there\"'", "command_line_arguments": "a 'b c' ; d",
        },
        {"stdout": "hello there\na\nb c\nd\n"},
    ),
    "one stream, in order": (
        {
            "language_id": PYTHON, "redirect_stderr_to_stdout": True,
            "source_code": "import os\nfor n in range(6): os.write(1 + n % 2, str(n).encode())",
        },
        {"stdout": "012345", "stderr": None},
    ),
    "two streams": (
        {"language_id": PYTHON, "source_code": "import os\nos.write(1, b'a'); os.write(2, b'b')"},
        {"stdout": "a", "stderr": "b"},
    ),
    "limits of a process": (
        {"language_id": BASH, "source_code": "ulimit -s; ulimit -f", "stack_limit": 128_000, "max_file_size": 77},
        {"stdout": "128000\n77\n", "stack_limit": 128_000, "max_file_size": 77},
    ),
    "several runs": (
        {"language_id": PYTHON, "source_code": "print(1)", "expected_output": "1", "number_of_runs": 3},
        {"stdout": "1\n", "number_of_runs": 3, "status": {"id": 3, "description": "Accepted"}},
    ),
    "a module beside the source": (
        {
            "language_id": PYTHON,
            "source_code": "import os.path, other\nprint(other.WORD, os.path.basename(__file__))",
            "additional_files": zipped({"other.py": "WORD = 'found'", "script.py": "print('not this one')"}),
        },
        {"stdout": "found script.py\n"},
    ),
    "a source file to be included": (
        {
            "language_id": C, "source_code": '#include "part.c"\n' + in_c("puts(part()); return 0;"),
            "additional_files": zipped({"part.c": 'const char *part(void) { return "one part"; }'}),
        },
        {"stdout": "one part\n"},
    ),
    "many files": (
        {
            "language_id": 89, "command_line_arguments": "x",
            "additional_files": zipped(
                {
                    "compile": "g++ -o it a.cpp sub/b.cpp", "run": "./it -$1",
                    "a.cpp": "#include <cstdio>\nint b(); int main(int, char **v) { printf(\"%d\", b()); puts(v[1]); }",
                    "sub/b.cpp": "int b() { return 42; }",
                }
            ),
        },
        {"stdout": "42-x\n", "source_code": None},
    ),
    "plain text": ({"language_id": 43, "source_code": "as it is\n"}, {"stdout": "as it is\n"}),
    "an executable": ({"language_id": 44, "source_code": "#!/bin/sh\necho $0"}, {"stdout": "./a.out\n"}),
    "what a compiler warns of": (
        {
            "language_id": CPP, "memory_limit": 20_000,  # the compiler needs more, and has it
            "source_code": "#warning careful\n#include <iostream>\nint main() {}",
        },
        {"stdout": None, "exit_code": 0},
    ),
}  # fmt: skip


def test_every_end_has_its_status(judge: Judge) -> None:
    # Given a program for every status that a program can come to, all submitted in one batch
    tokens = judge.submit(*(submission for submission, _, _ in ENDS.values()))
    # When they have ended
    found = judge.ended(tokens)
    # Then each has its status, and what goes with it
    got = {name: one["status"]["id"] for name, one in zip(ENDS, found, strict=True)}
    assert got == {name: status for name, (_, status, _) in ENDS.items()}
    for (name, (_, _, expected)), one in zip(ENDS.items(), found, strict=True):
        assert {field: one[field] for field in expected} == expected, name
    not_compiled = found[list(ENDS).index("not compiled")]
    assert "nothing" in not_compiled["compile_output"]


def test_every_knob_does_something(judge: Judge) -> None:
    # Given a submission for each field that changes how a program is run
    tokens = judge.submit(*(submission for submission, _ in KNOBS.values()))
    # When they have ended
    found = judge.ended(tokens)
    # Then the programs have noticed
    for (name, (_, expected)), one in zip(KNOBS.items(), found, strict=True):
        assert {field: one[field] for field in expected} == expected, f"{name}: {one}"
    assert "careful" in found[-1]["compile_output"]


def test_what_is_told_of_a_submission(judge: Judge) -> None:
    one = judge.run(language_id=PYTHON, source_code="x = sum(range(3_000_000))")
    # Times are text in seconds, memory is a number in KB
    assert 0.01 < float(one["time"]) <= float(one["wall_time"]) < 10
    assert isinstance(one["time"], str)
    assert 1_000 < one["memory"] < 256 * 1024
    assert one["language"]["name"].startswith("Python (3.")
    assert one["created_at"] < one["finished_at"]
    assert one["created_at"].endswith("Z")
    assert (one["cpu_time_limit"], one["memory_limit"]) == ("10.0", 256 * 1024)


def test_the_languages_that_are_installed(stack: Any) -> None:
    listed = {one["id"]: one["name"] for one in stack.http.get("/judge0/languages").json()}
    assert {43, 44, 46, 50, 52, 54, 63, 71, 74, 89} <= listed.keys()
    assert 70 not in listed  # Python 2 is nobody's
    one = stack.http.get("/judge0/languages/71").json()
    assert (one["name"], one["source_file"], one["is_archived"]) == (listed[71], "script.py", False)
    archived = stack.http.get("/judge0/languages/all").json()
    assert [{"id": each["id"], "name": each["name"]} for each in archived] == stack.http.get("/judge0/languages").json()
    assert stack.http.get("/judge0/languages/70").json() == {"error": "there is no language with id 70"}
