"""Programs on a whole service: every status, and every field that changes how a program runs."""

from __future__ import annotations

from typing import Any

import pytest

from tests.http.compat.judge0.conftest import BASH, CPP, PYTHON, C, Judge0Client, zip_files

pytestmark = pytest.mark.docker


def c_main(body: str) -> str:
    return (
        f"#include <signal.h>\n#include <stdio.h>\n#include <stdlib.h>\nint main(int argc, char **argv) {{ {body} }}\n"
    )


STATUS_CASES: dict[str, tuple[dict[str, Any], int, dict[str, Any]]] = {
    "accepted": (
        {"language_id": PYTHON, "source_code": "print(input())", "stdin": "a b"},
        3, {"stdout": "a b\n", "stderr": None, "exit_code": 0, "exit_signal": None, "message": None},
    ),
    "expected except for whitespace": (
        {"language_id": PYTHON, "source_code": "print('a  ')\nprint('b')\nprint()", "expected_output": "a\nb   "},
        3, {},
    ),
    "unexpected output": ({"language_id": PYTHON, "source_code": "print(' a')", "expected_output": "a"}, 4, {}),
    "processor time limit": (
        {"language_id": PYTHON, "source_code": "while True: pass", "cpu_time_limit": 0.2, "wall_time_limit": 60},
        5, {"message": "Time limit exceeded"},
    ),
    "extra time": (
        {
            "language_id": PYTHON, "cpu_time_limit": 0.1, "cpu_extra_time": 5, "wall_time_limit": 60,
            "source_code": "import time\nwhile time.process_time() < 0.2: pass\nprint('end')",
        },
        5, {"stdout": "end\n", "exit_code": 0},
    ),
    "wall time limit": (
        {"language_id": PYTHON, "source_code": "import time\ntime.sleep(30)", "wall_time_limit": 1},
        5, {"message": "Time limit exceeded (wall clock)"},
    ),
    "compile error": (
        {"language_id": C, "source_code": "int main(void) { return nothing; }"},
        6, {"stdout": None, "time": None, "memory": None, "message": None, "exit_code": None},
    ),
    "SIGSEGV": ({"language_id": C, "source_code": c_main("raise(SIGSEGV);")}, 7, {"exit_signal": 11}),
    "file size limit": (
        {
            "language_id": C, "max_file_size": 10,
            "source_code": c_main('FILE *f = fopen("f", "w"); for (int n = 0; n < 99999; n++) fputc(1, f); return 0;'),
        },
        8, {"exit_signal": 25},
    ),
    "output limit": (
        {"language_id": PYTHON, "source_code": "print('x' * 100_000)", "max_file_size": 10}, 8, {"exit_signal": 25},
    ),
    "SIGFPE": (
        {"language_id": C, "source_code": c_main('volatile int zero = 0; printf("%d", 7 / zero);')},
        9, {"exit_signal": 8},
    ),
    "SIGABRT": ({"language_id": C, "source_code": c_main("abort();")}, 10, {"message": "Caught fatal signal 6"}),
    "NZEC": (
        {"language_id": C, "source_code": c_main("return 7;")},
        11, {"exit_code": 7, "message": "Exited with error status 7"},
    ),
    "other signal": ({"language_id": C, "source_code": c_main("raise(SIGTERM);")}, 12, {"exit_signal": 15}),
    "memory limit": (
        {"language_id": PYTHON, "source_code": "x = bytearray(100 << 20)", "memory_limit": 40_000},
        12, {"exit_signal": 9},
    ),
    "no executable": (
        {"language_id": C, "source_code": c_main("return 0;"), "compiler_options": "-c"}, 14, {},
    ),
}  # fmt: skip

FIELD_CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "options and arguments": (
        {
            "language_id": C,
            "source_code": c_main("puts(HELLO); for (int n = 1; n < argc; n++) puts(argv[n]); return 0;"),
            "compiler_options": "-DHELLO='\"hello there\"'", "command_line_arguments": "a 'b c' ; d",
        },
        {"stdout": "hello there\na\nb c\nd\n"},
    ),
    "redirected stderr": (
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
    "additional module": (
        {
            "language_id": PYTHON,
            "source_code": "import os.path, other\nprint(other.WORD, os.path.basename(__file__))",
            "additional_files": zip_files({"other.py": "WORD = 'found'", "script.py": "print('not this one')"}),
        },
        {"stdout": "found script.py\n"},
    ),
    "included source file": (
        {
            "language_id": C, "source_code": '#include "part.c"\n' + c_main("puts(part()); return 0;"),
            "additional_files": zip_files({"part.c": 'const char *part(void) { return "one part"; }'}),
        },
        {"stdout": "one part\n"},
    ),
    "multi-file program": (
        {
            "language_id": 89, "command_line_arguments": "x",
            "additional_files": zip_files(
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
    "compiler warning": (
        {
            "language_id": CPP, "memory_limit": 20_000,  # the compiler has more
            "source_code": "#warning careful\n#include <iostream>\nint main() {}",
        },
        {"stdout": None, "exit_code": 0},
    ),
}  # fmt: skip


def test_outcomes_have_their_statuses(judge: Judge0Client) -> None:
    # Given a program for every status, submitted in one batch
    tokens = judge.submit(*(submission for submission, _, _ in STATUS_CASES.values()))
    # When they have finished
    found = judge.wait_for(tokens)
    # Then each has its status and the corresponding fields
    got = {name: submission["status"]["id"] for name, submission in zip(STATUS_CASES, found, strict=True)}
    assert got == {name: status for name, (_, status, _) in STATUS_CASES.items()}
    for (name, (_, _, expected)), submission in zip(STATUS_CASES.items(), found, strict=True):
        assert {field: submission[field] for field in expected} == expected, name
    compile_error = found[list(STATUS_CASES).index("compile error")]
    assert "nothing" in compile_error["compile_output"]


def test_fields_change_the_run(judge: Judge0Client) -> None:
    # Given a submission for each field
    tokens = judge.submit(*(submission for submission, _ in FIELD_CASES.values()))
    # When they have finished
    found = judge.wait_for(tokens)
    # Then each field had its effect
    for (name, (_, expected)), submission in zip(FIELD_CASES.items(), found, strict=True):
        assert {field: submission[field] for field in expected} == expected, f"{name}: {submission}"
    assert "careful" in found[-1]["compile_output"]


def test_submission_has_times_and_memory(judge: Judge0Client) -> None:
    submission = judge.run(language_id=PYTHON, source_code="x = sum(range(3_000_000))")
    # Times are strings in seconds, memory is a number in KB
    assert 0.01 < float(submission["time"]) <= float(submission["wall_time"]) < 10
    assert isinstance(submission["time"], str)
    assert 1_000 < submission["memory"] < 256 * 1024
    assert submission["language"]["name"].startswith("Python (3.")
    assert submission["created_at"] < submission["finished_at"]
    assert submission["created_at"].endswith("Z")
    assert (submission["cpu_time_limit"], submission["memory_limit"]) == ("10.0", 256 * 1024)


def test_languages_have_judge0_ids(stack: Any) -> None:
    listed = {language["id"]: language["name"] for language in stack.http.get("/judge0/languages").json()}
    assert {43, 44, 46, 50, 52, 54, 63, 71, 74, 89} <= listed.keys()
    assert 70 not in listed  # Python 2
    python = stack.http.get("/judge0/languages/71").json()
    assert (python["name"], python["source_file"], python["is_archived"]) == (listed[71], "script.py", False)
    archived = stack.http.get("/judge0/languages/all").json()
    assert [{"id": each["id"], "name": each["name"]} for each in archived] == stack.http.get("/judge0/languages").json()
    assert stack.http.get("/judge0/languages/70").json() == {"error": "there is no language with id 70"}
