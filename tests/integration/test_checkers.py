"""Checkers: each runs in a sandbox of its own after each test, and its verdict is that of the test."""

from __future__ import annotations

from typing import Any

import pytest

from app.store.keys import StoreKeys
from tests.stack import Stack

pytestmark = pytest.mark.docker

ECHO = "import sys\nsys.stdout.write(sys.stdin.read())"
# Accepts the output if it contains the words of the answer in any order.
ANY_ORDER = """
import sys
test_input, answer, feedback = sys.argv[1:]
team = sys.stdin.read().split()
with open(feedback + "judgemessage.txt", "w") as message:
    message.write(f"input {open(test_input).read()!r}, team {team}")
sys.exit(42 if sorted(team) == sorted(open(answer).read().split()) else 43)
"""
TESTLIB = """
import sys
test_input, output, answer = (open(name).read() for name in sys.argv[1:])
assert sys.stdin.read() == output
code, message = test_input.split(None, 1)
print(message.strip(), file=sys.stderr)
sys.exit(int(code))
"""


def run(stack: Stack, checker: dict[str, Any], *tests: dict[str, Any], source: str = ECHO, **more: Any) -> Any:
    return stack.submit(source, tests=list(tests), checker={"language": "python", **checker}, wait=60, **more)


def test_checker_judges_output_with_input_and_answer(stack: Stack) -> None:
    before = count_jobs(stack)
    job = run(
        stack,
        {"source": ANY_ORDER},
        {"name": "any order", "stdin": "b a", "expected_output": "a b"},
        {"name": "wrong", "stdin": "b c", "expected_output": "a b"},
        {"name": "no answer", "stdin": ""},
    )

    assert [test["verdict"] for test in job["tests"]] == ["accepted", "wrong_answer", "accepted"]
    assert [test["passed"] for test in job["tests"]] == [True, False, True]
    assert [test["score"] for test in job["tests"]] == [1, 0, 1]
    assert job["tests"][1]["checker_message"] == "input 'b c', team ['b', 'c']"
    assert (job["verdict"], job["outcome"], job["message"]) == ("wrong_answer", "ok", "exited normally")
    assert count_jobs(stack) == before + 1
    # And the checker is not a phase of the job
    assert [phase["name"] for phase in job["phases"]] == ["test"] * 3


def test_checker_in_a_compiled_language_is_compiled_once(stack: Stack) -> None:
    checker = """
#include <cstdlib>
#include <fstream>
#include <iostream>
int main(int count, char **arguments) {
    std::ifstream answer(arguments[2]);
    std::ofstream(std::string(arguments[3]) + "score.txt") << 2.5;
    double expected, team;
    return answer >> expected && std::cin >> team && expected == team ? 42 : 43;
}
"""
    tests = [{"stdin": text, "expected_output": "1e3"} for text in ("1000", "1000.0", "999", "1e3", "x")]
    job = run(stack, {"language": "cpp", "source": checker}, *tests)

    assert [test["passed"] for test in job["tests"]] == [True, True, False, True, False]
    assert [test["score"] for test in job["tests"]] == [2.5] * 5


def test_checker_with_several_files_arguments_and_limits(stack: Stack) -> None:
    files = [
        {"name": "check.py", "content": "import sys\nfrom lib.rule import LENGTH\n"
         "sys.exit(42 if sys.argv[4:] == ['x', 'y z'] and len(sys.stdin.read()) == LENGTH else 43)"},
        {"name": "lib/rule.py", "content": "LENGTH = 3"},
    ]  # fmt: skip
    checker = {"files": files, "entrypoint": "check.py", "args": ["x", "y z"], "limits": {"memory_bytes": 2**27}}
    job = run(stack, checker, {"stdin": "abc"}, {"stdin": "ab"})

    assert [test["verdict"] for test in job["tests"]] == ["accepted", "wrong_answer"]


def test_testlib_exit_codes_are_verdicts(stack: Stack) -> None:
    messages = {0: "ok 3 numbers", 1: "wrong answer 1st", 2: "wrong output format", 3: "FAIL jury has no answer",
                4: "wrong output format Extra", 7: "points 0.25 a quarter", 8: "eof", 9: "what"}  # fmt: skip
    tests = [{"name": str(code), "stdin": f"{code} {text}"} for code, text in messages.items()]
    job = run(stack, {"source": TESTLIB, "style": "testlib"}, *tests)

    results = {test["name"]: (test["verdict"], test["score"]) for test in job["tests"]}
    assert results == {
        "0": ("accepted", 1), "1": ("wrong_answer", 0), "2": ("wrong_answer", 0), "3": ("checker_error", None),
        "4": ("wrong_answer", 0), "7": ("partially_accepted", 0.25), "8": ("wrong_answer", 0),
        "9": ("checker_error", None),
    }  # fmt: skip
    assert job["tests"][0]["checker_message"] == messages[0]
    assert job["tests"][3]["checker_message"] == "exited with code 3, which is no verdict: FAIL jury has no answer"
    assert job["verdict"] == "wrong_answer"


def test_checker_gets_output_unchanged(stack: Stack) -> None:
    source = "import sys\nsys.stdout.buffer.write(bytes(range(256)) * 4096)"
    checker = "import sys\nsys.exit(42 if sys.stdin.buffer.read() == bytes(range(256)) * 4096 else 43)"
    job = run(stack, {"source": checker}, {"stdin": "\0" * 2**20}, source=source)

    assert job["verdict"] == "accepted", job["tests"][0]["checker_message"]


def test_large_output_reaches_the_checker_if_its_disk_is_large_enough(stack: Stack) -> None:
    size = 24 * 2**20
    source = f"import sys\nsys.stdout.write('x' * {size})"
    checker = f"import sys\nsys.exit(42 if sys.stdin.read() == 'x' * {size} else 43)"
    limits = {"output_bytes": 32 * 2**20}
    job = run(stack, {"source": checker}, {}, source=source, limits=limits)
    assert job["verdict"] == "accepted", job["tests"][0]["checker_message"]

    job = run(stack, {"source": checker, "limits": {"disk_bytes": 2**20}}, {}, source=source, limits=limits)
    assert job["verdict"] == "checker_error"
    assert job["tests"][0]["checker_message"].startswith("the checker was not started: ")
    assert job["tests"][0]["checker_message"].endswith("the files of the test could not be written")


@pytest.mark.parametrize(
    ("source", "limits", "message"),
    [
        ("raise SystemExit(1)", {}, "exited with code 1, which is no verdict"),
        ("", {}, "exited with code 0, which is no verdict"),
        ("import os; os.abort()", {}, "killed by signal 6 (SIGABRT)"),
        ("while True: pass", {"wall_seconds": 0.5}, "stopped: the time limit was reached"),
        ("while True: pass", {"cpu_seconds": 0.3}, "stopped: it had used"),
        ("print('x' * 10**6)", {"output_bytes": 1000}, "stopped: it wrote more than the output limit allows"),
        ("x = bytearray(10**9)", {"memory_bytes": 2**26}, ""),
        ("import sys; open(sys.argv[3] + 'score.txt', 'w').write('-1'); sys.exit(42)", {}, "the score must be"),
        ("import os, signal; os.kill(os.getppid(), signal.SIGKILL)", {}, "killed by signal 9"),
    ],
)  # fmt: skip
def test_failure_of_checker_is_no_verdict_on_the_program(
    stack: Stack, source: str, limits: dict[str, Any], message: str
) -> None:
    job = run(stack, {"source": source, "limits": limits}, {}, {})

    assert [test["verdict"] for test in job["tests"]] == ["checker_error"] * 2
    assert [test["outcome"] for test in job["tests"]] == ["ok"] * 2
    assert job["tests"][0]["checker_message"].startswith(message)
    assert [(test["passed"], test["score"]) for test in job["tests"]] == [(False, None)] * 2
    assert (job["verdict"], job["outcome"]) == ("checker_error", "ok")


def test_checker_that_cannot_be_compiled_stops_the_job(stack: Stack) -> None:
    job = run(stack, {"language": "c", "source": "int main("}, {}, {}, {})

    assert (job["verdict"], job["outcome"]) == ("checker_error", "ok")
    assert job["message"].startswith("the checker could not be compiled: exited with code 1\n")
    assert "main.c:1" in job["message"]
    assert [test["verdict"] for test in job["tests"]] == ["checker_error", None, None]
    assert job["tests"][2]["message"] == "not run: the checker could not be compiled: exited with code 1"


def test_checker_does_not_run_when_the_program_fails(stack: Stack) -> None:
    job = run(stack, {"source": "import sys; sys.exit(42)"}, {"stdin": "0"}, {"stdin": "3"}, {"stdin": "0"},
              source="exit(int(input()))")  # fmt: skip

    assert [test["verdict"] for test in job["tests"]] == ["accepted", "runtime_error", "accepted"]
    assert [test["checker_message"] for test in job["tests"]] == ["", None, ""]


def test_program_that_cannot_be_compiled_has_a_compile_error(stack: Stack) -> None:
    job = stack.submit(
        "int main(", "c", tests=[{}], checker={"language": "python", "source": "import sys; sys.exit(42)"}, wait=60
    )

    assert (job["verdict"], job["tests"]) == ("compile_error", [])


def test_first_failure_stops_the_job_when_the_checker_rejects(stack: Stack) -> None:
    tests = [{"stdin": text, "expected_output": "a"} for text in ("a", "b", "a")]
    job = run(stack, {"source": ANY_ORDER}, *tests, stop_on_first_failure=True)

    assert [test["verdict"] for test in job["tests"]] == ["accepted", "wrong_answer", None]
    assert job["tests"][2]["message"] == "not run: test 2 failed"


def test_scores_of_the_checker_give_the_job_a_score(stack: Stack) -> None:
    tests = [{"name": text, "stdin": f"7 points {text}"} for text in ("0.5", "0.25", "bad", "10")]
    groups = [
        {"name": "lowest", "tests": ["0.5", "0.25", "10"], "weight": 8},
        {"name": "sum", "tests": ["0.5", "10"], "aggregation": "sum"},
    ]
    checker = {"source": TESTLIB, "style": "testlib"}
    job = run(stack, checker, *tests, groups=groups)

    assert job["groups"] == [{"name": "lowest", "score": 2.0}, {"name": "sum", "score": 10.5}]
    assert (job["score"], job["verdict"]) == (12.5, "partially_accepted")

    job = run(stack, checker, *tests, groups=[*groups, {"name": "failed", "tests": ["0.5", "bad"]}])
    assert [group["score"] for group in job["groups"]] == [2.0, 10.5, None]
    assert job["score"] is None


def test_tests_that_do_not_run_score_nothing(stack: Stack) -> None:
    tests = [{"stdin": text, "expected_output": "a"} for text in ("a", "b", "a")]
    groups = [{"name": "first", "tests": ["1"], "weight": 5}, {"name": "last", "tests": ["3"], "weight": 7}]
    body = {"tests": tests, "groups": groups, "stop_on_first_failure": True}

    assert stack.submit(ECHO, wait=60, **body)["score"] == 5
    job = stack.submit("int main(", "c", wait=60, **body)
    assert (job["verdict"], job["score"]) == ("compile_error", 0)


def test_cancel_ends_a_running_checker(stack: Stack) -> None:
    checker = {"language": "python", "source": "import time; time.sleep(60)", "limits": {"wall_seconds": 60}}
    job = stack.submit("print('up')", tests=[{}], checker=checker)
    with stack.http.stream("GET", f"/v1/jobs/{job['id']}/output", params={"follow": "true"}) as response:
        lines = response.iter_lines()
        next(line for line in lines if '"output"' in line)
        stack.http.post(f"/v1/jobs/{job['id']}/cancel").raise_for_status()
        list(lines)

    job = stack.wait_until_finished(job["id"])
    assert (job["outcome"], job["verdict"]) == ("cancelled", "cancelled")


@pytest.mark.parametrize(
    ("checker", "more", "field"),
    [
        ({"language": "brainfuck"}, {}, "checker.language"),
        ({"version": "1.2.3"}, {}, "checker.version"),
        ({"source": None}, {}, "checker.source"),
        ({"files": [{"name": "a", "content": ""}]}, {}, "checker.source"),
        ({"source": "x" * (4 * 2**20 + 1)}, {}, "checker.source"),
        ({"source": None, "files": [{"name": str(n), "content": "x" * 2**20} for n in range(5)]}, {}, "checker.files"),
        ({"source": None, "files": []}, {}, "checker.files"),
        ({"source": None, "files": [{"name": "../a", "content": ""}]}, {}, "checker.files[0].name"),
        ({"source": None, "files": [{"name": "a", "content": "?", "encoding": "base64"}]}, {},
         "checker.files[0].content"),
        ({"entrypoint": "b"}, {}, "checker.entrypoint"),
        ({"style": "kattis"}, {}, "checker.style"),
        ({"args": ["\0"]}, {}, "checker.args[0]"),
        ({"limits": {"memory_bytes": 1}}, {}, "checker.limits.memory_bytes"),
        ({"limits": {"memory": 1}}, {}, "checker.limits.memory"),
        ({"stdin": ""}, {}, "checker.stdin"),
        ({}, {"tests": []}, "checker"),
        ({}, {"groups": [{"name": "g", "tests": ["2"]}]}, "groups[0].tests[0]"),
        ({}, {"groups": [{"name": "g", "tests": ["1"], "aggregation": "max"}]}, "groups[0].aggregation"),
        ({}, {"compare": "exact", "tests": [{"expected_output": ""}]}, "compare"),
        ({}, {"tests": [{"expected_output": "", "compare": "exact"}]}, "tests[0].compare"),
    ],
)  # fmt: skip
def test_checker_is_rejected_when_field_is_invalid(
    stack: Stack, checker: dict[str, Any], more: dict[str, Any], field: str
) -> None:
    body = {"language": "python", "source": "", "tests": [{}], **more}
    fields = {"language": "python", "source": "", **checker}
    fields = {name: value for name, value in fields.items() if value is not None}
    before = count_jobs(stack)
    response = stack.http.post("/v1/jobs", json={**body, "checker": fields})

    assert (response.status_code, response.json()["field"]) == (422, field)
    assert count_jobs(stack) == before


def count_jobs(stack: Stack) -> int:
    """Return the number of records of jobs."""
    return len(list(stack.client.scan_iter(StoreKeys(stack.namespace).record("*"), count=1000)))
